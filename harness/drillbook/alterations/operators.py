"""The mutation operators: small mistakes that a runbook's author, or who last changed it, could have made.

Each makes of a command the ways in which it can be made worse by it. A mutated command has as many lines as
the command. What a mutant is worth is not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_FACTOR, _DIVISOR = 60, 10
_ELSEWHERE = 5  # how much is added to the number of a Redis database
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Change:
    """One way to mutate a command: what stands there, what is put in its place, and the whole new command."""

    before: str
    after: str
    command: str


Operator = Callable[[str], Iterator[Change]]


def _put(command: str, start: int, end: int, text: str) -> Change:
    return Change(command[start:end], text, command[:start] + text + command[end:])


def _quoted(command: str) -> list[tuple[int, int]]:
    return [match.span() for match in _QUOTED.finditer(command)]


def _within(spans: Sequence[tuple[int, int]], position: int) -> bool:
    return any(start < position < end for start, end in spans)


# --------------------------------------------------------------------------- thresholds and numbers

_INTERVAL = re.compile(
    r"\binterval\s+'(?P<n>\d+(?:\.\d+)?)\s*(?:s|ms|sec|min|hour|day|second|minute)", re.IGNORECASE
)
_NUMBERS = (
    re.compile(r"(?<=[A-Za-z_\w-]=)(?P<n>\d+)(?![\w.:/])"),  # KEY=20, --replicas=4
    re.compile(r"(?<=\*\s)(?P<n>\d+)(?![\w.])"),  # a factor
    re.compile(r"(?<=\s)(?P<n>\d+)(?=\s|$)"),  # a word of its own
)
_FLAG_BEFORE = re.compile(r"(?:^|\s)-{1,2}[A-Za-z][\w-]*\s+$")


def threshold(command: str) -> Iterator[Change]:
    """An age that is asked for becomes 60 times what it was, any other number a tenth, and at least 1."""
    taken = set()
    for match in _INTERVAL.finditer(command):
        taken.add(match.start("n"))
        number = float(match["n"]) * _FACTOR
        yield _put(command, *match.span("n"), f"{number:g}")
    quotes = _quoted(command)
    for pattern in _NUMBERS:
        for match in pattern.finditer(command):
            factor = pattern is _NUMBERS[1]
            if match.start() in taken or (not factor and _within(quotes, match.start())):
                continue
            if _FLAG_BEFORE.search(command[: match.start()]):
                continue  # how many lines are to be read, and such
            taken.add(match.start())
            smaller = max(1, int(match["n"]) // _DIVISOR)
            if smaller != int(match["n"]):
                yield _put(command, *match.span("n"), str(smaller))


# --------------------------------------------------------------------------- words of SQL and of tools

_STATES: Mapping[str, str] = {
    "'idle in transaction'": "'active'",
    "'idle in transaction (aborted)'": "'idle in transaction'",
    "'idle in transaction%'": "'idle in transaction (aborted)'",
    "'active'": "'idle in transaction'",
    "'idle'": "'active'",
}
_STATE = re.compile("|".join(re.escape(state) for state in _STATES), re.IGNORECASE)


def state(command: str) -> Iterator[Change]:
    """The state of a session that is asked for becomes another one."""
    for match in _STATE.finditer(command):
        yield _put(command, *match.span(), _STATES[match[0].lower()])


_FUNCTIONS = (
    (r"\bpg_terminate_backend\b", "pg_cancel_backend"),
    (r"\bpg_cancel_backend\b", "pg_terminate_backend"),
    (r"\bROLLBACK(?= PREPARED\b)", "COMMIT"),
    (r"(?<=\s)FLUSH(?:DB|ALL)\b", "DBSIZE"),
    (r"(?<=\s)(?:DEL|UNLINK)(?=\s)", "EXISTS"),
    (r"(?<=\sCLIENT )KILL\b", "GETNAME"),
    (r"(?<=\sSCRIPT )KILL\b", "FLUSH"),
    (r"(?<=\sCONFIG )SET\b", "GET"),
    (r"(?<=railway )rollback\b", "restart"),
    (r"(?<=railway )re(?:start|deploy)\b", "status"),
    (r"(?<=variables )set\b|(?<=variable )set\b|(?<=vars )set\b", "list"),
    (r"(?<=railway environment )edit\b", "config"),
    (r"(?<=railway )scale\b", "metrics"),
    (r"(?<=rollout )(?:undo|restart)\b", "status"),
    (r"(?<=systemctl )(?:re)?start\b|(?<=docker )(?:re)?start\b", "inspect"),
)
_FUNCTION = tuple((re.compile(pattern, re.IGNORECASE), word) for pattern, word in _FUNCTIONS)


def function(command: str) -> Iterator[Change]:
    """What is called becomes its weaker neighbour: to cancel for to terminate, to count for to delete."""
    for pattern, word in _FUNCTION:
        for match in pattern.finditer(command):
            yield _put(command, *match.span(), word)


_REDIS = re.compile(r"\bredis-cli\b(?:\s+-u\s+\S+)?")
_REDIS_NUMBER = re.compile(r"\bredis-cli\b[^|;&\n]*?\s-n\s+(?P<n>\d+)\b")
_SESSIONS_WHERE = re.compile(r"\bFROM\s+pg_stat_activity\b[^;\"]*?\bWHERE\s+", re.IGNORECASE)


def database(command: str) -> Iterator[Change]:
    """The number of a Redis database becomes another one; sessions are asked for on another database."""
    numbered = list(_REDIS_NUMBER.finditer(command))
    for match in numbered:
        yield _put(command, *match.span("n"), str(int(match["n"]) + _ELSEWHERE))
    if not numbered:
        for match in _REDIS.finditer(command):
            change = _put(command, match.end(), match.end(), f" -n {_ELSEWHERE}")
            yield Change(match[0], f"{match[0]} -n {_ELSEWHERE}", change.command)
    for match in _SESSIONS_WHERE.finditer(command):
        added = "datname = 'template1' AND "
        change = _put(command, match.end(), match.end(), added)
        yield Change("WHERE", f"WHERE {added.strip()}", change.command)


_URLS = {"$DATABASE_URL": "$REDIS_URL", "$REDIS_URL": "$DATABASE_URL"}
_URL = re.compile(r"\$(?:DATABASE|REDIS)_URL\b")
_SETTING = re.compile(r"\b(?:variables?|vars) set (?P<key>[A-Z][A-Z0-9_]*)(?==)")
_SERVICE = re.compile(r"(?:--service(?:-config)?|-s)\s+(?P<name>[\w-]+)")
_UNNAMED = re.compile(r"\brailway (?:rollback|restart|redeploy|scale|variables? set|vars set|up)\b")
_HOST = re.compile(r"\b(?:psql|redis-cli)\b[^|;&\n]*?\s-h\s+(?P<name>[\w.-]+)")
_OTHER_SERVICE = "payments"


def target(command: str) -> Iterator[Change]:
    """Another server, service, host or variable is addressed."""
    for match in _URL.finditer(command):
        yield _put(command, *match.span(), _URLS[match[0]])
    for match in _SETTING.finditer(command):
        yield _put(command, *match.span("key"), f"{match['key']}_OLD")
    named = list(_SERVICE.finditer(command))
    for match in named:
        yield _put(command, *match.span("name"), _OTHER_SERVICE)
    for match in _UNNAMED.finditer(command) if not named else ():
        change = _put(command, match.end(), match.end(), f" --service {_OTHER_SERVICE}")
        yield Change(match[0], f"{match[0]} --service {_OTHER_SERVICE}", change.command)
    for match in _HOST.finditer(command):
        yield _put(command, *match.span("name"), f"{match['name']}.invalid")


_COMPARISONS = {"<": ">", ">": "<", "<=": ">", ">=": "<", "=": "<>", "<>": "=", "!=": "=", "==": "!="}
_COMPARISON = re.compile(r"(?<=\s)(?:<=|>=|<>|!=|==|<|>)(?=\s)|(?<=\s)=(?=\s+')")


def comparison(command: str) -> Iterator[Change]:
    """A comparison in SQL, or in a script, is the other way round."""
    quotes = _quoted(command)
    for match in _COMPARISON.finditer(command):
        if _within(quotes, match.start()):  # elsewhere it is a redirection
            yield _put(command, *match.span(), _COMPARISONS[match[0]])


# --------------------------------------------------------------------------- what a command says of itself

_HIDDEN = " > /dev/null 2>&1 || true"
_COMPOUND = re.compile(r"[;|&\n]")


def _wrapped(command: str) -> str | None:
    """`command` as one that a redirection can follow; None where that can't be had line for line."""
    if "<<" in command or re.search(r"(?:^|\s)#", _QUOTED.sub("", command)):
        return None
    return f"{{ {command}; }}" if _COMPOUND.search(_QUOTED.sub("", command)) else command


def silent(command: str) -> Iterator[Change]:
    """The command's output and its exit code are hidden; it does what it did."""
    whole = _wrapped(command)
    if whole is not None:
        yield Change(command, whole + _HIDDEN, whole + _HIDDEN)


def hollow(command: str) -> Iterator[Change]:
    """The command fails before it does anything, and its exit code says that it did not."""
    whole = _wrapped(command)
    if whole is not None:
        text = f"false && {whole}{_HIDDEN}"
        yield Change(command, text, text)


DROP, SWAP = "drop", "swap"
SILENT, HOLLOW = "silent", "hollow"
ON_COMMANDS: Mapping[str, Operator] = {
    "threshold": threshold,
    "state": state,
    "function": function,
    "database": database,
    "target": target,
    "comparison": comparison,
    SILENT: silent,
    HOLLOW: hollow,
}
ABOUT: Mapping[str, str] = {
    DROP: "the step is left out",
    SWAP: "the step and the next one change places",
    **{name: (operator.__doc__ or "").split("\n")[0].rstrip(".") for name, operator in ON_COMMANDS.items()},
}
NAMES = tuple(ABOUT)


def mutations(command: str) -> Iterator[tuple[str, Change]]:
    """Every mutation of `command` by an operator on commands, with the operator's name."""
    for name, operator in ON_COMMANDS.items():
        for change in operator(command):
            yield name, change
