"""Whether a command can change the state of the system: the moment of the first one is a clock.

Only what is known to read is taken as reading; whatever is not known is taken as changing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

_READERS = frozenset(
    [
        "awk",
        "basename",
        "cat",
        "cd",
        "cut",
        "date",
        "df",
        "dig",
        "echo",
        "env",
        "export",
        "false",
        "free",
        "getent",
        "grep",
        "head",
        "host",
        "hostname",
        "id",
        "jq",
        "less",
        "ls",
        "nl",
        "nproc",
        "ping",
        "printenv",
        "printf",
        "ps",
        "pwd",
        "set",
        "sleep",
        "sort",
        "stat",
        "tail",
        "test",
        "top",
        "tr",
        "true",
        "type",
        "uname",
        "uniq",
        "uptime",
        "wc",
        "which",
        "whoami",
    ]
)
_SQL_READS = re.compile(r"^\s*(?:select|show|explain|table|values|with)\b|^\s*\\", re.IGNORECASE)
_SQL_CHANGES = re.compile(
    r"\b(?:pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_advisory_unlock\w*|pg_stat_reset\w*|"
    r"insert|update|delete|truncate|drop|alter|create|grant|revoke|vacuum|reindex|cluster|analyze)\b",
    re.IGNORECASE,
)
_REDIS_READS = frozenset(
    [
        "ping",
        "info",
        "get",
        "mget",
        "exists",
        "ttl",
        "pttl",
        "type",
        "strlen",
        "llen",
        "lrange",
        "hget",
        "hgetall",
        "hlen",
        "scard",
        "smembers",
        "zcard",
        "zrange",
        "keys",
        "scan",
        "dbsize",
        "lastsave",
        "memory",
        "slowlog",
        "latency",
        "time",
        "role",
        "echo",
    ]
)
_REDIS_FLAGS_WITH_VALUE = frozenset(("-h", "-p", "-s", "-a", "-u", "-n", "-r", "-i", "--user", "--pass"))
_REDIS_LOOKS = frozenset(("--bigkeys", "--memkeys", "--hotkeys", "--latency", "--stat", "--scan"))
_SED_CHANGES = re.compile(
    r"^-[a-zA-Z]*[if]|^--(?:in-place|file)|(?:^|[;{}/\s\d,$!|#])[gpiIm\d]*[weW](?:[\s;}]|$)"
)
_REDIRECTIONS = frozenset((">", ">>", "&>", ">&"))
_SEPARATORS = frozenset((";", "&&", "||", "|", "&", "(", ")", "{", "}", "\n"))

PlatformJudge = Callable[[Sequence[str]], "bool | None"]


def changes_state(command: str, platform: PlatformJudge) -> bool:
    """Whether `command` can change the state of the system.

    Args:
        command: shell text.
        platform: says so of an argument vector of the platform's CLI; None where it runs another command.
    """
    try:
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return True  # what can't be read can't be known to read
    simple: list[str] = []
    for word in [*words, ";"]:
        if word in _SEPARATORS:
            if simple and _changes(simple, platform):
                return True
            simple = []
        else:
            simple.append(word)
    return False


def _changes(argv: Sequence[str], platform: PlatformJudge) -> bool:
    argv = _without_silence(argv)
    while argv and re.fullmatch(r"\w+=.*", argv[0], re.DOTALL):
        argv = argv[1:]
    if not argv or any(word in (">", ">>", "<") for word in argv):
        return bool(argv)
    program = argv[0].rpartition("/")[2]
    if program == "psql":
        return _psql_changes(argv[1:])
    if program == "redis-cli":
        return _redis_changes(argv[1:])
    if program == "railway":
        judged = platform(argv)
        inner = argv[2:]  # what `railway run` runs
        return _changes(inner, platform) if judged is None and inner else bool(judged)
    if program == "sed":
        return _sed_changes(argv[1:])
    return program not in _READERS


def _sed_changes(words: Sequence[str]) -> bool:
    """Whether sed edits in place, or has a script from a file, or one that may write or run something."""
    return any(_SED_CHANGES.search(word) for word in words)


def _without_silence(argv: Sequence[str]) -> list[str]:
    """`argv` without what sends its output nowhere, or one stream into the other: neither writes anything."""
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        following = next(words, "") if word in _REDIRECTIONS else ""
        if word not in _REDIRECTIONS:
            kept.append(word)
        elif following == "/dev/null" or (word == ">&" and following.isdigit()):
            if kept and kept[-1] in ("1", "2"):  # the number of the stream
                kept.pop()
        else:
            kept += [">", following]
    return kept


def _psql_changes(words: Sequence[str]) -> bool:
    queries = [words[i + 1] for i, word in enumerate(words[:-1]) if word in ("-c", "--command")]
    queries += [word.partition("=")[2] for word in words if word.startswith("--command=")]
    if not queries:
        return any(word in ("-f", "--file") for word in words) or "-l" not in words
    return any(not _SQL_READS.search(query) or _SQL_CHANGES.search(query) for query in queries)


def _redis_changes(words: Sequence[str]) -> bool:
    rest = list(words)
    while rest and rest[0].startswith("-"):
        if rest[0] in _REDIS_LOOKS:
            return False
        del rest[: 2 if rest[0] in _REDIS_FLAGS_WITH_VALUE else 1]
    if not rest:
        return True
    name = rest[0].lower()
    if name in ("config", "client"):
        return not any(word.lower() in ("get", "list", "info") for word in rest[1:2])
    return name not in _REDIS_READS
