"""Commands that wait without end where the other side does not answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint import redis
from drillbook.lint.call import Call
from drillbook.lint.rule import Found, Rule, Subject, also_on
from drillbook.lint.sql import queries_of
from drillbook.model import Level

_FIXES = {
    "psql": "PGCONNECT_TIMEOUT=5 and PGOPTIONS='-c statement_timeout=30s', or timeout 30 psql …",
    "curl": "curl --max-time 10 …",
    "redis-cli": "timeout 10 redis-cli …",
    "valkey-cli": "timeout 10 valkey-cli …",
}
_CURL_TIME = re.compile(r"^-[a-zA-Z]*m\d*$|^--(?:max-time|connect-timeout|speed-time)\b")


def _no_timeout(subject: Subject) -> Iterator[Found]:
    whole = "\n".join(subject.lines)
    lines: dict[str, list[int]] = {}
    for call in subject.calls:
        if call.program in _FIXES and _waits(call) and not _is_bounded(call, whole):
            lines.setdefault(call.program, []).append(call.line)
    for program, found in lines.items():
        first, *others = dict.fromkeys(found)
        yield Found(
            first,
            f"{program} waits without end on a server that takes the connection and is silent"
            f"{also_on(others)}",
            _FIXES[program],
        )


def _waits(call: Call) -> bool:
    if call.program == "psql":
        return bool(queries_of(call))
    if call.program in redis.PROGRAMS:
        return bool(redis.command_of(call))
    return any(not word.startswith("-") for word in call.argv[1:])


def _is_bounded(call: Call, whole: str) -> bool:
    if any(wrapper.program == "timeout" for wrapper in call.wrappers):
        return True
    if call.program == "curl":
        return any(_CURL_TIME.match(word) for word in call.argv[1:])
    if call.program == "psql":
        return "PGCONNECT_TIMEOUT" in whole or "connect_timeout" in whole or "statement_timeout" in whole
    return False


RULES = (
    Rule(
        "no-timeout",
        "Command without a timeout",
        Level.NOTE,
        "A command waits without end on a server that takes the connection and does not answer.",
        _no_timeout,
    ),
)
