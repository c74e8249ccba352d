"""Variables that a command does not get, or gets from another shell than its author thought."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint.call import Call
from drillbook.lint.rule import Found, Rule, Subject, also_on
from drillbook.lint.variables import SHELLS_OWN, set_in
from drillbook.lint.wrapper import child_of
from drillbook.model import Level

_ENVIRONMENT_NAME = re.compile(r"^[A-Z][A-Z0-9_]+$")
_LOCAL_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


def _expanded_by_caller(subject: Subject) -> Iterator[Found]:
    ours = set_in(subject) | SHELLS_OWN
    for call in subject.calls:
        child = child_of(call.argv)
        if child is None or not child.injects:
            continue
        words = [
            word for word in call.words[child.first :] if any(_is_injected(v, ours) for v in word.variables)
        ]
        if not words:
            continue
        names = dict.fromkeys(v for word in words for v in word.variables if _is_injected(v, ours))
        shown = " and ".join(f"`${name}`" for name in names)
        runner = " ".join(call.argv[:2])
        inner = call.argv[child.first].rpartition("/")[2]
        quoted = any("'" in word.text for word in call.words[child.first :])
        rest = "-f FILE" if quoted and inner == "psql" else "…"
        fix = f"{runner} sh -c '{inner} \"${next(iter(names))}\" {rest}', in single quotes"
        yield Found(
            words[0].line,
            f"{shown} is expanded by the shell that this is typed into, before `{runner}` sets it: "
            f"{inner} gets what that shell has, or nothing",
            f"{fix}; what has some itself goes into a file" if quoted else fix,
        )


def _is_injected(name: str, ours: frozenset[str]) -> bool:
    return bool(_ENVIRONMENT_NAME.match(name)) and name not in ours


def _not_exported(subject: Subject) -> Iterator[Found]:
    text = "\n".join(step.command or "" for step in subject.commands)
    for call in subject.calls:
        if call.words or call.via is not None or call.substituted or "\n" in (call.step.command or ""):
            continue
        for name, _ in call.assignments:
            used = re.search(rf"\$\{{?{name}\b|\bexport\b[^\n]*\b{name}\b|\b{name}\s*\)", text)
            follower = _follower(subject, call)
            if _ENVIRONMENT_NAME.match(name) and not used and follower is not None:
                yield Found(
                    call.line,
                    f"`{name}` is set and not exported: {follower.program} does not get it",
                    f"export {name}, or set it on the line of the command",
                )


def _follower(subject: Subject, call: Call) -> Call | None:
    """The program that is called by the step after that of `call`, in the same block or list."""
    later = [other for other in subject.calls if other.step.line > call.step.line and other.words]
    if not later or later[0].step.section != call.step.section:
        return None
    return later[0]


def _unset(subject: Subject) -> Iterator[Found]:
    ours = set_in(subject)
    lines: dict[str, list[int]] = {}
    for call in subject.calls:
        if "{{" in (call.step.command or ""):
            continue  # a template's variables look the same
        for word in (*call.words, *(target.target for target in call.redirects)):
            for name in word.variables:
                if _LOCAL_NAME.match(name) and name not in ours and f"{{{name}:" not in word.text:
                    lines.setdefault(name, []).append(word.line)
    for name, places in lines.items():
        first, *others = dict.fromkeys(places)
        yield Found(
            first,
            f"nothing in this runbook sets `${name}`{also_on(others)}: the shell puts nothing in its place",
            f"set it, or write a placeholder such as <{name}> that a reader can't miss",
        )


RULES = (
    Rule(
        "expanded-by-caller",
        "Variable that the caller's shell expands",
        Level.WARNING,
        "A variable is expanded by the shell that the command is typed into, before it is injected.",
        _expanded_by_caller,
    ),
    Rule(
        "not-exported",
        "Variable that is not exported",
        Level.WARNING,
        "A variable is set for the commands that follow, and they do not get it.",
        _not_exported,
    ),
    Rule(
        "unset-variable",
        "Variable that nothing sets",
        Level.WARNING,
        "A command uses a variable of the shell that no step sets.",
        _unset,
    ),
)
