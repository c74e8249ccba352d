"""Commands, subcommands and flags that the CLI of a call does not have."""

from __future__ import annotations

from collections.abc import Iterator

from drillbook.lint.call import Call
from drillbook.lint.rule import Check, Found, Rule, Subject
from drillbook.lint.surface import Problem, Surface, Wrong, problems_of
from drillbook.lint.surface_file import packaged_surface
from drillbook.model import Level
from drillbook.runbook.command import reads_like_prose


def _problems(subject: Subject, wrong: Wrong) -> Iterator[Found]:
    for call in (*subject.calls, *subject.shown):
        surface = _surface_of(call, subject)
        if surface is None or reads_like_prose(call.step.command or ""):
            continue
        for problem in problems_of(surface, call.words):
            if problem.wrong is wrong and not _is_completed(call, problem):
                yield Found(call.words[problem.place].line, problem.message, problem.fix)


def _surface_of(call: Call, subject: Subject) -> Surface | None:
    """The surface of the program that is called; None for a program that only has the name of a CLI."""
    if not call.words or call.words[0].variables or call.words[0].substitutes:
        return None
    folder, _, _ = call.words[0].text.rpartition("/")
    if folder and not folder.endswith("bin"):
        return None
    own = next((surface for surface in subject.surfaces if call.program in surface.names), None)
    return own or packaged_surface(call.program)


def _is_completed(call: Call, problem: Problem) -> bool:
    """Whether xargs adds the subcommand that seems to lack."""
    return problem.wrong is Wrong.BARE and any(wrapper.program == "xargs" for wrapper in call.wrappers)


def _check(wrong: Wrong) -> Check:
    return lambda subject: _problems(subject, wrong)


_TITLES = {
    Wrong.COMMAND: (
        "Command that the CLI does not have",
        "A CLI is called with a command that it does not have.",
    ),
    Wrong.SUBCOMMAND: (
        "Subcommand that the CLI does not have",
        "A command of a CLI is called with a subcommand that it does not have.",
    ),
    Wrong.FLAG: (
        "Flag that the CLI does not have",
        "A command is given a flag that it does not have, and refuses to run.",
    ),
    Wrong.BARE: (
        "Command without its subcommand",
        "A command that only groups others is called without one, and prints its help.",
    ),
}
RULES = tuple(
    Rule(wrong.value, title, Level.ERROR, summary, _check(wrong))
    for wrong, (title, summary) in _TITLES.items()
)
