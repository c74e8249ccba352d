"""What a rule is, and what it is given.

A rule reads a `Subject` and yields what it found; it never prints, and never runs what it reads.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from drillbook.lint.call import Call
from drillbook.lint.surface import Surface
from drillbook.model import CodeBlock, Level, Runbook, Section, Step, StepKind
from drillbook.runbook.document import Document


@dataclass(frozen=True, slots=True)
class Subject:
    """A runbook under lint.

    `lines` are the lines of its text, `document` its Markdown, `calls` what its command steps call, in
    document order, and `shown` what is called in the CI workflows that it shows. `filled` are the
    placeholders for which the plan has a rule, and `bound` the lines of the manual steps to which it gives a
    command or another section; both are empty without a plan. `surfaces` are those of a team's own CLIs,
    beside the packaged ones.
    """

    path: Path
    lines: tuple[str, ...]
    document: Document
    runbook: Runbook
    calls: tuple[Call, ...]
    shown: tuple[Call, ...] = ()
    filled: frozenset[str] = frozenset()
    bound: frozenset[int] = frozenset()
    surfaces: tuple[Surface, ...] = ()

    @property
    def commands(self) -> tuple[Step, ...]:
        """The command steps."""
        return tuple(step for step in self.runbook.steps if step.kind is StepKind.COMMAND)

    def end_of(self, section: Section) -> int:
        """The last line of `section`, its subsections included."""
        later = (s.line for s in self.runbook.sections if s.line > section.line and s.level <= section.level)
        return next(later, len(self.lines) + 1) - 1

    def section_at(self, line: int) -> Section | None:
        """The innermost section that `line` is in."""
        place = bisect_right(self.runbook.sections, line, key=lambda section: section.line)
        return self.runbook.sections[place - 1] if place else None

    def block_at(self, line: int) -> CodeBlock | None:
        """The code block that `line` is in."""
        return next((b for b in self.runbook.blocks if b.line <= line <= b.end_line), None)

    def steps_within(self, section: Section) -> Sequence[Step]:
        """The steps of `section` and its subsections."""
        end = self.end_of(section)
        return [step for step in self.runbook.steps if section.line < step.line <= end]


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found on a line: what is wrong, and how to mend it."""

    line: int
    message: str
    fix: str = ""


_MOST_SHOWN = 8


def also_on(lines: Sequence[int]) -> str:
    """The further lines of a finding that is reported once, for its message; nothing where there are none."""
    if not lines:
        return ""
    shown = ", ".join(str(line) for line in lines[:_MOST_SHOWN]) + (", …" if len(lines) > _MOST_SHOWN else "")
    return f" (also on line{'' if len(lines) == 1 else 's'} {shown})"


Check: TypeAlias = Callable[[Subject], Iterable[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    `id` names it for good, in findings, in `drillbook: ignore` and as its page in docs/rules/. `title` is a
    few words, `summary` one sentence. Without what it `needs` of the `lint` extra it is not run.
    """

    id: str
    title: str
    level: Level
    summary: str
    check: Check
    needs: tuple[str, ...] = ()
