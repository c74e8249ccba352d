"""Slots whose steps are altered on purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.plan.conftest import PLAN, Load

from drillbook.model import Verdict
from drillbook.schedule import Alteration, Options, planned_steps, repeat_command, slots


def test_the_steps_on_the_lines_that_are_left_out_are_marked_and_stay_in_their_order(load: Load) -> None:
    plan = load(PLAN)
    steps = planned_steps(plan, plan.drills[0], frozenset({9, 99}))
    assert [(step.step.line, step.left_out) for step in steps] == [(7, False), (10, False)]
    steps = planned_steps(plan, plan.drills[0], frozenset({10}))
    assert [(step.step.line, step.left_out) for step in steps] == [(7, False), (10, True)]


def test_what_is_a_surprise_is_said_by_the_alteration_and_else_by_the_plan(load: Load) -> None:
    plan = load(PLAN)
    slot = slots(plan, plan.drills[:1], 1, Path("out"))[0]
    assert slot.surprised(Verdict.NOT_RESOLVED, expected=False)
    assert not slot.surprised(Verdict.RESOLVED, expected=True)
    altered = replace(
        slot, alteration=Alteration("line 10 is left out", awaited=frozenset({Verdict.NOT_RESOLVED}))
    )
    assert not altered.surprised(Verdict.NOT_RESOLVED, expected=False)
    assert altered.surprised(Verdict.RESOLVED, expected=True)
    assert altered.label == "stuck-transactions/idle-past-threshold (line 10 is left out)"
    assert slot.label == slot.name == altered.name


def test_an_altered_drill_names_the_command_that_alters_it_again(load: Load) -> None:
    plan = load(PLAN)
    slot = slots(plan, plan.drills[:1], 1, Path("out"))[0]
    again = ("drillbook", "mutate", "stuck-transactions", "--only", "drop-10")
    altered = replace(slot, alteration=Alteration("line 10 is left out", repeat=again))
    assert repeat_command(altered, Options()) == "drillbook mutate stuck-transactions --only drop-10"
    assert "--seed 0" in repeat_command(slot, Options())
