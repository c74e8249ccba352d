"""Steps that fail without showing it: exit code 0, or a success that is printed whatever happened."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from drillbook.lint import redis
from drillbook.lint.call import Call
from drillbook.lint.rule import Found, Rule, Subject, also_on
from drillbook.model import Level
from drillbook.responders.intent import changes_state
from drillbook.runbook.vocabulary import words

_DUMPS = frozenset(("pg_dump", "pg_dumpall", "pg_basebackup", "mysqldump", "mongodump"))
_KEEPERS = words("""
    gzip pigz bzip2 pbzip2 xz zstd lz4 lzop zip openssl gpg age tee split cat dd pv ssh aws gsutil gcloud az
    rclone mc s3cmd restic psql pg_restore mysql mongorestore
""")
_QUIET = frozenset(
    ("echo", "printf", "cd", "set", "sleep", "export", "exit", "trap", "source", "local", "readonly", "date")
)
_PIPEFAIL = re.compile(r"\bset\s+-\S*o\s+pipefail|\bset\s+-o\s+pipefail")
_ERREXIT = re.compile(r"^#!.*\s-\w*e|\bset\s+-[a-z]*e|\bset\s+-o\s+errexit|\btrap\b.*\bERR\b", re.MULTILINE)
_HEALTH = re.compile(
    r"/(?:[\w.-]*health\w*|healthz|readyz?|livez?|ping|status|up)/?(?:[?#].*)?$", re.IGNORECASE
)
_SHOWS_STATUS = re.compile(
    r"^-[a-zA-Z]*[fiIvwD]|^--(?:fail|fail-with-body|include|head|verbose|write-out|dump-header)\b"
)


def _hidden(subject: Subject) -> Iterator[Found]:
    for call in subject.calls:
        found = _from_file(call) or _dump_in_pipe(subject, call) or _brushed_aside(call)
        if found is not None:
            yield found
    for step in subject.commands:
        if (step.command or "").startswith("#!"):
            yield from _script([call for call in subject.calls if call.step is step], step.command or "")


def _from_file(call: Call) -> Found | None:
    """Psql goes on after an error in a file, and then exits with 0."""
    if call.program != "psql":
        return None
    reads = any(r.operator == "<" for r in call.redirects) or any(
        word in ("-f", "--file") or word.startswith("--file=") for word in call.argv
    )
    if not reads or "ON_ERROR_STOP" in (call.step.command or ""):
        return None
    return Found(
        call.line,
        "psql goes on after an error in the file and exits with 0: half a restore looks like a whole one",
        "psql -v ON_ERROR_STOP=1 --single-transaction …",
    )


def _dump_in_pipe(subject: Subject, call: Call) -> Found | None:
    if call.program not in _DUMPS or not {*call.pipe[call.place + 1 :]} & _KEEPERS:
        return None
    section = [s.command or "" for s in subject.commands if s.section == call.step.section]
    if any(_PIPEFAIL.search(command) for command in section):
        return None
    return Found(
        call.line,
        f"where {call.program} fails, the exit code is still that of {call.pipe[-1] or 'the last program'}: "
        "an empty backup looks like a good one",
        "set -o pipefail before it, or dump to a file first; then look at the size",
    )


def _brushed_aside(call: Call) -> Found | None:
    if call.or_else not in ("true", ":") or not changes_state(shlex.join(call.argv), lambda _: None):
        return None
    return Found(
        call.line,
        f"`|| {call.or_else}` hides that {call.program} failed",
        "let it fail, or handle the one failure that may happen",
    )


def _script(calls: Sequence[Call], text: str) -> Iterator[Found]:
    """A script that goes on after a failure and then says that all is well."""
    if _ERREXIT.search(text) or not calls:
        return
    acting = [c for c in calls if c.via is None and c.program not in _QUIET and not c.substituted and c.words]
    unchecked = [c for c in acting if c.or_else is None and not _is_condition(c, text)]
    last = [c for c in calls if c.words][-1:]
    if len(unchecked) > 1 and last and last[0].program in ("echo", "printf"):
        yield Found(
            unchecked[0].line,
            f"the script goes on where {unchecked[0].program} fails, "
            f"and ends with {_quoted(last[0])} all the same",
            "set -euo pipefail in its second line",
        )


def _is_condition(call: Call, text: str) -> bool:
    return bool(re.search(rf"\b(?:if|while|until)\s+!?\s*{re.escape(call.argv[0])}\b", text)) or "$?" in text


def _quoted(call: Call) -> str:
    words = " ".join(call.argv[1:])
    return f"“{words[:40]}”"


def _exit_0(subject: Subject) -> Iterator[Found]:
    for call in subject.calls:
        if redis.writes(redis.command_of(call)) and "-e" not in call.argv:
            yield Found(
                call.line,
                "redis-cli exits with 0 where the server refuses the command, as with READONLY or NOAUTH",
                "read its answer and say what it must be, such as OK; redis-cli -e (7.0) exits with 1",
            )
    hidden = [call.line for call in subject.calls if _hides_status(call)]
    if hidden:
        first, *others = dict.fromkeys(hidden)
        more = also_on(others)
        yield Found(
            first,
            f"curl exits with 0 on an answer of 500, and shows no status{more}",
            "curl -fsS, or show the status with -i",
        )


def _hides_status(call: Call) -> bool:
    if (
        call.program != "curl"
        or any(_SHOWS_STATUS.search(word) for word in call.argv[1:])
        or call.place
        or call.pipe
    ):
        return False
    return any(_HEALTH.search(word) for word in call.argv[1:] if not word.startswith("-"))


RULES = (
    Rule(
        "hidden-failure",
        "Failure that nothing shows",
        Level.WARNING,
        "A step can fail and look as if it had not.",
        _hidden,
    ),
    Rule(
        "exit-0-on-error",
        "Exit code 0 on an error",
        Level.NOTE,
        "A command exits with 0 though what it asked for was refused: only its text says so.",
        _exit_0,
    ),
)
