"""The spot: the line of the runbook at which to look first when a drill did not come out as it should.

A step that can't run as written has the line itself; so has the only step that acted, where it did nothing.
Where no single step is to blame it is the heading of the section. It judges nothing: the verdict is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from drillbook.model import Effect, Runbook, Verdict
from drillbook.runbook.sections import find


class Acted(Protocol):
    """What the spot is found by, of a step that was carried out or passed over."""

    @property
    def line(self) -> int:
        """Its line in the runbook."""

    @property
    def broken(self) -> str:
        """Why it could not run as written, or empty."""

    @property
    def skipped(self) -> str:
        """Why it was not carried out, or empty."""

    @property
    def effect(self) -> Effect | None:
        """What it did to the SLIs."""

    @property
    def state_changing(self) -> bool:
        """Whether it can change the state of the system."""


def spot(verdict: Verdict, steps: Iterable[Acted], runbook: Runbook, titles: Sequence[str]) -> int:
    """The line, from 1 on; 0 where the runbook has none of the sections `titles`, as with no runbook."""
    carried_out = [step for step in steps if not step.skipped]
    if verdict is Verdict.STEP_BROKEN:
        to_blame = [step for step in carried_out if step.broken][:1]
    elif verdict is Verdict.HARMFUL:  # what brought the SLIs back is what was done to the stack
        to_blame = [step for step in carried_out if step.effect is Effect.CURED][:1]
    elif verdict is Verdict.NOT_RESOLVED:
        to_blame = [step for step in carried_out if step.state_changing]
    else:
        to_blame = []
    if len(to_blame) == 1:
        return to_blame[0].line
    sections = (find(runbook, title) for title in titles)
    return next((section.line for section in sections if section is not None), 0)
