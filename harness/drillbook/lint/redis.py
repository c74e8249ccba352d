"""The commands that a runbook gives to redis-cli."""

from __future__ import annotations

from drillbook.lint.call import Call
from drillbook.runbook.vocabulary import words

PROGRAMS = frozenset(("redis-cli", "valkey-cli", "gitlab-redis-cli"))
_VALUED = words("""
    -h -p -s -a -u -n -r -i -d -D -t -X --user --pass --sni --cacert --cacertdir --cert --key
    --pattern --count --quoted-pattern --rdb --functions-rdb --eval --lru-test
""")
_WRITES = words("""
    append bgrewriteaof bgsave bitop copy decr decrby del evict expire expireat failover
    flushall flushdb geoadd getdel getset hdel hincrby hmset hset hsetnx incr incrby linsert lpop
    lpush lrem lset ltrim migrate move mset msetnx persist pexpire publish rename renamenx replicaof
    restore rpop rpush sadd save set setbit setex setnx setrange shutdown slaveof spop srem swapdb
    unlink xadd xdel xgroup xtrim zadd zincrby zpopmin zrem
""")
_SUBCOMMANDS = {
    "config": ("set", "rewrite", "resetstat"),
    "client": ("kill", "pause", "unpause", "no-evict"),
    "script": ("kill", "flush", "load"),
    "sentinel": ("failover", "remove", "set", "reset", "monitor"),
    "cluster": ("failover", "forget", "meet", "reset", "replicate", "addslots", "delslots", "setslot"),
    "acl": ("setuser", "deluser", "load", "save"),
    "function": ("delete", "flush", "kill", "load"),
}


def command_of(call: Call) -> tuple[str, ...]:
    """The command that `call` has Redis carry out, in small letters; empty without one, as at its prompt."""
    if call.program not in PROGRAMS:
        return ()
    words = list(call.argv[1:])
    while words and words[0].startswith("-"):
        del words[: 2 if words[0] in _VALUED else 1]
    return tuple(word.lower() for word in words)


def writes(command: tuple[str, ...]) -> bool:
    """Whether a command of Redis changes data or how a server is run."""
    if not command:
        return False
    known = _SUBCOMMANDS.get(command[0])
    return command[0] in _WRITES if known is None else command[1:2] != () and command[1] in known
