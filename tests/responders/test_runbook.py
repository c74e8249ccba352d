"""The responder that carries out the runbook."""

import asyncio
from pathlib import Path

import pytest

from drillbook.events import FindingMade, ResponderActed, StepEnded, StepSkipped, StepStarted, StepWatched
from drillbook.journal import Entry, Journal, events, read
from drillbook.model import Effect, Step, StepKind
from drillbook.protocols import PlannedStep
from drillbook.responders.runbook import Pace, RunbookResponder, effect
from drillbook.responders.shell import OperatorShell


class FileWatch:
    """SLIs that are good once a file is there: what a step can really bring about."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def holds(self, window_s: float) -> bool:
        assert window_s > 0
        return self._file.exists()

    def bad_fraction(self, since: float, until: float) -> float:
        assert since < until
        return 0.0 if self._file.exists() else 1.0

    async def wait_until_holds(self, window_s: float, deadline_s: float) -> bool:
        assert deadline_s > 0
        return self.holds(window_s)


def step(line: int, command: str | None, text: str = "") -> Step:
    kind = StepKind.COMMAND if command else StepKind.MANUAL
    return Step(line, ("Database",), kind, text or command or "", command=command)


def respond(folder: Path, steps: list[PlannedStep]) -> list[Entry]:
    journal = Journal(folder / "journal.jsonl")
    shell = OperatorShell({"PATH": "/usr/bin:/bin"}, folder)
    responder = RunbookResponder(
        steps,
        shell,
        journal,
        FileWatch(folder / "cured"),
        pace=Pace(step_deadline_s=5),
        platform=lambda _: False,
        findings=list,
    )
    asyncio.run(responder.respond())
    journal.close()
    return read(folder / "journal.jsonl")


def test_steps_run_in_order_until_the_slis_hold(tmp_path: Path) -> None:
    commands = ["echo look", "touch cured", "touch never"]
    steps = [PlannedStep(step(n, c), c) for n, c in enumerate(commands, 10)]
    entries = respond(tmp_path, steps)
    assert [s.line for _, s in events(entries, StepStarted)] == [10, 11]
    assert [w.effect for _, w in events(entries, StepWatched)] == [Effect.NONE, Effect.CURED]
    assert [(s.line, s.reason) for _, s in events(entries, StepSkipped)] == [(12, "the SLIs hold")]
    assert [r.change for _, r in events(entries, ResponderActed)] == ["declared"]
    assert not (tmp_path / "never").exists()


def test_with_no_step_left_it_says_that_it_is_finished_not_that_it_is_done(tmp_path: Path) -> None:
    entries = respond(tmp_path, [PlannedStep(step(3, "true"), "true")])
    assert [r.change for _, r in events(entries, ResponderActed)] == ["finished"]


def test_a_manual_step_without_a_binding_is_skipped_and_never_counts_as_run(tmp_path: Path) -> None:
    entries = respond(tmp_path, [PlannedStep(step(3, None, "Ask the vendor"))])
    assert not events(entries, StepStarted)
    assert "manual" in events(entries, StepSkipped)[0][1].reason


def test_what_only_a_human_can_do_is_skipped_with_its_reason(tmp_path: Path) -> None:
    entries = respond(tmp_path, [PlannedStep(step(3, None, "Ask the vendor"), manual="it takes a phone")])
    assert events(entries, StepSkipped)[0][1].reason == "it takes a phone"


def test_a_step_that_is_left_out_is_passed_over_and_says_so_whatever_it_is(tmp_path: Path) -> None:
    steps = [
        PlannedStep(step(3, "touch cured"), "touch cured", left_out=True),
        PlannedStep(step(4, None, "Ask the vendor"), manual="it takes a phone", left_out=True),
        PlannedStep(step(5, "echo look"), "echo look"),
    ]
    entries = respond(tmp_path, steps)
    assert [s.line for _, s in events(entries, StepStarted)] == [5]
    left_out = [(s.line, s.reason) for _, s in events(entries, StepSkipped)]
    assert left_out == [(3, "left out on purpose"), (4, "left out on purpose")]
    assert not (tmp_path / "cured").exists()


def test_a_step_that_leads_to_a_section_says_so(tmp_path: Path) -> None:
    steps = [PlannedStep(step(3, None, "Roll back"), leads_to="Rollback"), PlannedStep(step(9, "ls"), "ls")]
    entries = respond(tmp_path, steps)
    skipped = events(entries, StepSkipped)[0][1]
    assert (skipped.leads_to, skipped.reason) == ("Rollback", "leads to the section Rollback")
    assert [s.line for _, s in events(entries, StepStarted)] == [9]


def test_a_step_is_answered_only_if_what_is_expected_is_in_its_output(tmp_path: Path) -> None:
    runs = [
        ("echo 7", "^[0-9]+$"),
        ("echo none; echo 7 >&2", "^[0-9]+$"),
        ("echo none", "^[0-9]+$"),
        ("ls", ""),
    ]
    steps = [
        PlannedStep(step(n, None, "Count"), run, bound=True, expect=expect)
        for n, (run, expect) in enumerate(runs)
    ]
    entries = respond(tmp_path, steps)
    assert [ended.answered for _, ended in events(entries, StepEnded)] == [True, True, False, None]
    assert [(found.rule, found.line) for _, found in events(entries, FindingMade)] == [("unanswered-step", 2)]


def test_a_placeholder_that_nothing_fills_is_never_run(tmp_path: Path) -> None:
    command = "touch cured <deployment-id>"
    entries = respond(tmp_path, [PlannedStep(step(3, command), command, unfilled=("<deployment-id>",))])
    ended = events(entries, StepEnded)[0][1]
    assert "<deployment-id>" in ended.broken
    assert not (tmp_path / "cured").exists()


@pytest.mark.parametrize(
    ("before", "after", "held", "seen"),
    [
        (1.0, 0.0, True, Effect.CURED),
        (0.0, 0.0, True, Effect.NONE),
        (1.0, 0.5, False, Effect.BETTER),
        (0.5, 1.0, False, Effect.WORSE),
        (1.0, 0.9, False, Effect.NONE),
        (0.0, 0.1, False, Effect.NONE),
    ],
)
def test_the_effect_of_a_step_is_what_the_samples_say(
    before: float, after: float, *, held: bool, seen: Effect
) -> None:
    assert effect(before, after, held=held, changes=True) is seen


@pytest.mark.parametrize(("before", "after"), [(0.3, 1.0), (1.0, 0.3)])
def test_a_step_that_only_reads_is_neither_blamed_nor_praised(before: float, after: float) -> None:
    assert effect(before, after, held=False, changes=False) is Effect.NONE
