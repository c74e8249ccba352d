"""The spot: at which line of the runbook to look first."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.journals import runbook

from drillbook.model import Effect, Verdict
from drillbook.spot import spot

HEADING = 8
TITLES = ("locks in the database (SEV1)",)


@dataclass(frozen=True)
class Step:
    line: int
    broken: str = ""
    skipped: str = ""
    effect: Effect | None = Effect.NONE
    state_changing: bool = False


LOOK = Step(12)
KILL = Step(15, state_changing=True)
FLUSH = Step(18, state_changing=True)
TYPO = Step(14, broken="railwy: command not found")
CURE = Step(15, effect=Effect.CURED, state_changing=True)
PASSED_OVER = Step(18, skipped="the SLIs hold", effect=None, state_changing=True)


@pytest.mark.parametrize(
    ("verdict", "steps", "line"),
    [
        (Verdict.STEP_BROKEN, [LOOK, TYPO, KILL], 14),
        (Verdict.STEP_BROKEN, [LOOK, TYPO, Step(16, broken="again")], 14),
        (Verdict.NOT_RESOLVED, [LOOK, KILL], 15),  # the one that acted did nothing
        (Verdict.NOT_RESOLVED, [LOOK, KILL, PASSED_OVER], 15),
        (Verdict.NOT_RESOLVED, [LOOK, KILL, FLUSH], HEADING),  # neither is more to blame
        (Verdict.NOT_RESOLVED, [LOOK], HEADING),  # something is missing
        (Verdict.NOT_RESOLVED, [], HEADING),
        (Verdict.HARMFUL, [LOOK, CURE], 15),
        (Verdict.HARMFUL, [LOOK, KILL], HEADING),
        (Verdict.SELF_HEALED, [LOOK, CURE], HEADING),
        (Verdict.RESOLVED, [LOOK, CURE], HEADING),
    ],
)
def test_the_spot_is_the_step_to_blame_or_else_the_heading(
    verdict: Verdict, steps: list[Step], line: int
) -> None:
    assert spot(verdict, steps, runbook(), TITLES) == line


def test_without_such_a_section_there_is_no_spot() -> None:
    assert spot(Verdict.NOT_RESOLVED, [LOOK], runbook(), ("Elsewhere",)) == 0
