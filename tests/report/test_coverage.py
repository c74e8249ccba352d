"""The coverage of a runbook: what each step came to over all drills, and the percentage."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journals import Story, control, drill, runbook, start
from tests.report.covered import TEXT, begun, book, covered, one_drill, states

from drillbook.errors import InputError
from drillbook.events import (
    NO_BINDING,
    Event,
    InvariantChecked,
    ResponderActed,
    StepEnded,
    StepSkipped,
    StepStarted,
    StepWatched,
)
from drillbook.model import Effect, Step, StepKind, Verdict
from drillbook.reporting.coverage import as_json, as_text, cover, headline, percent, runbook_lines
from drillbook.reporting.tracefiles import lcov
from drillbook.reporting.usage import NOT_BOUND, Drilled, StepUsage, Use, read_drilled
from drillbook.result import StepResult, result


def effect(seen: Effect) -> Callable[[StepWatched], Event]:
    return lambda watched: replace(watched, effect=seen) if watched.id == 2 else watched


@pytest.mark.parametrize(
    ("story", "state"),
    [
        (drill(), Use.CURED),
        (drill().swap(StepWatched, effect(Effect.BETTER)), Use.HELPED),
        (drill().swap(StepWatched, effect(Effect.WORSE)), Use.HARMFUL),
        (drill().swap(StepWatched, effect(Effect.NONE)), Use.NO_EFFECT),
        (drill().without(StepWatched), Use.EXERCISED),
        (drill().swap(StepEnded, lambda end: replace(end, broken="psql: not found")), Use.BROKEN),
        (drill().swap(StepEnded, lambda end: replace(end, answered=False)), Use.UNANSWERED),
        (drill().without(StepStarted, StepEnded, StepWatched), Use.NEVER),
    ],
)
def test_a_step_is_what_the_drill_did_with_it(tmp_path: Path, story: Story, state: Use) -> None:
    assert states(one_drill(tmp_path, story))[15] is state


def test_a_step_that_only_looks_is_exercised_and_not_without_effect(tmp_path: Path) -> None:
    assert states(one_drill(tmp_path))[12] is Use.EXERCISED


def test_harm_in_one_drill_outweighs_cures_in_others_and_all_are_counted(tmp_path: Path) -> None:
    first = begun(tmp_path)
    stories = {
        "a": drill(first=first),
        "b": drill(first=first).swap(StepWatched, effect(Effect.WORSE)),
        "c": drill(first=first, cured_at=None),
    }
    (told,) = [told for told in covered(tmp_path, stories).steps if told.step.line == 15]
    assert told.use is Use.HARMFUL
    assert told.counts == {Use.HARMFUL: 1, Use.CURED: 1, Use.NO_EFFECT: 1}
    assert told.hits == 3


def test_a_step_that_could_not_run_in_one_drill_is_what_it_was_where_it_ran(tmp_path: Path) -> None:
    first = begun(tmp_path)
    down = drill(first=first).swap(StepEnded, lambda end: replace(end, broken="connection refused"))
    coverage = covered(tmp_path, {"a": drill(first=first), "b": down})
    assert (states(coverage)[12], states(coverage)[15]) == (Use.EXERCISED, Use.CURED)
    assert coverage.steps[0].counts == {Use.EXERCISED: 1, Use.BROKEN: 1}
    assert coverage.steps[0].deeds[1].why == "connection refused"


def test_a_cure_that_an_invariant_did_not_survive_is_harm_and_points_at_the_invariant(tmp_path: Path) -> None:
    lost = drill().swap(InvariantChecked, lambda check: replace(check, held=False, detail="0 of 5"))
    coverage = one_drill(tmp_path, lost)
    assert coverage.drills[0].result.verdict is Verdict.HARMFUL
    assert states(coverage) == {12: Use.EXERCISED, 15: Use.HARMFUL, 18: Use.NEVER}
    (deed,) = coverage.steps[1].deeds
    assert "acknowledged orders are kept (0 of 5)" in deed.why
    said = (tmp_path / "one" / "journal.jsonl").read_text().splitlines()[deed.line - 1]
    assert (json.loads(said)["kind"], json.loads(said)["held"]) == ("invariant", False)


def test_where_the_control_came_back_too_no_effect_is_claimed(tmp_path: Path) -> None:
    first = begun(tmp_path, control=True)
    control(healed_at=9.0, cause="gone").write(tmp_path / "one" / "control" / "journal.jsonl")
    coverage = covered(tmp_path, {"one": drill(first=first)})
    assert coverage.drills[0].result.verdict is Verdict.SELF_HEALED
    assert states(coverage)[15] is Use.EXERCISED
    assert "the control came back too" in coverage.steps[1].deeds[0].why


def test_drills_without_a_say_and_drills_of_others_count_for_nothing(tmp_path: Path) -> None:
    first = begun(tmp_path)
    acted = replace(first, responder="reference")
    stories = {
        "torn": drill(first=first).until(11.0),
        "other": drill(first=acted).swap(ResponderActed, lambda it: replace(it, responder="reference")),
    }
    coverage = covered(tmp_path, stories)
    assert set(states(coverage).values()) == {Use.NEVER}
    assert (coverage.counted, coverage.percent) == ([], 0.0)
    assert [drill.left_out.partition(":")[0] for drill in coverage.left_out] == [
        *("INFRA_ERROR", "the responder was reference, not the runbook")
    ]


@pytest.mark.parametrize(
    ("changes", "reason", "state", "why"),
    [
        ({"manual": {"18": "a human's"}}, "", Use.MANUAL, "a human's"),
        ({"bound": ()}, "", Use.MANUAL, NOT_BOUND),
        ({"bound": (18,)}, "", Use.NEVER, ""),
        ({}, NO_BINDING, Use.MANUAL, NOT_BOUND),
        ({}, "", Use.NEVER, ""),
    ],
)
def test_a_manual_step_is_in_the_denominator_only_where_the_plan_binds_it(
    tmp_path: Path, changes: dict[str, object], reason: str, state: Use, why: str
) -> None:
    story = drill().swap(StepSkipped, lambda step: replace(step, reason=reason or step.reason))
    coverage = one_drill(tmp_path, story, **changes)
    assert (coverage.steps[2].use, coverage.steps[2].why) == (state, why)
    assert (coverage.carried_out, coverage.possible) == (2, 2 if state is Use.MANUAL else 3)


def test_a_bound_step_that_a_drill_carried_out_is_covered_as_a_command_is(tmp_path: Path) -> None:
    def bind(step: StepStarted) -> StepStarted:
        return replace(step, line=18, step_kind=StepKind.MANUAL, bound=True) if step.id == 2 else step

    coverage = one_drill(tmp_path, drill().swap(StepStarted, bind))
    assert states(coverage) == {12: Use.EXERCISED, 15: Use.NEVER, 18: Use.CURED}
    assert coverage.percent == 66.6


def test_a_step_under_no_heading_is_covered_too(tmp_path: Path) -> None:
    loose = replace(book(tmp_path / "on-call.md"), sections=())
    story = drill(first=start(loose, control=False))
    coverage = covered(tmp_path, {"one": story})
    assert (len(coverage.steps), coverage.carried_out) == (3, 2)


def test_every_word_leads_to_the_line_of_the_journal_that_says_so(tmp_path: Path) -> None:
    first = begun(tmp_path)
    stories = {
        "a": drill(first=first),
        "b": drill(first=first, cured_at=None),
        "c": drill(first=first).swap(StepEnded, lambda end: replace(end, broken="psql: not found")),
    }
    data = as_json(covered(tmp_path, stories))
    told = [
        deed
        for step in cast("list[dict[str, list[dict[str, str]]]]", data["steps"])
        for deed in step["drills"]
    ]
    assert len(told) == 6
    effects = {"cured": "cured", "no effect": "none"}
    for deed in told:
        path, _, number = deed["journal"].rpartition(":")
        lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
        entry = lines[int(number) - 1]
        if deed["effect"] in effects:
            assert (entry["kind"], entry["effect"]) == ("step-effect", effects[deed["effect"]])
        else:
            assert (entry["kind"], bool(entry["broken"])) == ("step-ended", deed["effect"] == "broken")
        kinds = cast("dict[str, int]", deed["lines"])
        assert {lines[line - 1]["kind"] for line in kinds.values()} == {*kinds}
        assert lines[kinds["step-ended"] - 1]["exit_code"] == deed["exit_code"]
        assert {lines[line - 1]["id"] for line in kinds.values()} == {entry["id"]}


def test_the_json_says_the_same_sums_as_its_parts(tmp_path: Path) -> None:
    data = json.loads(json.dumps(as_json(one_drill(tmp_path, manual={"18": "a human's"}))))
    assert (data["schema"], data["percent"], data["carried_out"], data["possible"]) == (1, 100.0, 2, 2)
    assert sum(data["states"].values()) == len(data["steps"]) == 3
    assert [step["state"] for step in data["steps"]] == ["exercised", "cured", "manual"]
    (section,) = data["sections"]
    assert (section["carried_out"], section["possible"]) == (2, 2)
    assert data["drills"][0]["journal"].endswith("one/journal.jsonl:1")


def test_the_text_tells_the_sum_then_each_step_and_what_was_left_out(tmp_path: Path) -> None:
    first = begun(tmp_path)
    torn = drill(first=replace(first, variant="torn")).until(9.0)
    text = as_text(covered(tmp_path, {"a": drill(first=first), "b": torn}))
    assert "1 drill carried out 2 of 3 steps: 66.6 %" in text.splitlines()[0]
    assert "   15  cured               1  Kill stuck queries" in text.splitlines()
    assert "  stuck-transactions/torn: INFRA_ERROR" in text


def test_a_percentage_is_rounded_down_so_that_only_all_of_it_is_100() -> None:
    assert (percent(999, 1000), percent(1999, 2000), percent(0, 3), percent(3, 3)) == (99.9, 99.9, 0, 100)
    assert percent(0, 0) is None


def test_a_runbook_for_humans_alone_has_no_percentage(tmp_path: Path) -> None:
    human = replace(book(tmp_path / "on-call.md"), steps=(runbook().steps[2],))
    coverage = covered(tmp_path, {"a": drill(first=start(human, control=False, bound=()))})
    assert coverage.percent is None
    assert "no step that a drill could carry out" in headline(coverage)


def test_runs_of_different_texts_are_not_put_together(tmp_path: Path) -> None:
    other = replace(book(tmp_path / "on-call.md"), sha256="0" * 64)
    stories = {"a": drill(first=begun(tmp_path)), "b": drill(first=start(other, control=False))}
    with pytest.raises(InputError, match="another text of the runbook"):
        covered(tmp_path, stories)


def test_the_text_must_be_the_one_that_was_drilled_wherever_it_is_now(tmp_path: Path) -> None:
    coverage = one_drill(tmp_path)
    there = Path(coverage.runbook.path)
    assert runbook_lines(coverage.runbook)[14].startswith("psql")
    moved = there.rename(tmp_path / "moved.md")
    with pytest.raises(InputError, match=r"no such runbook.*--runbook FILE"):
        runbook_lines(coverage.runbook)
    assert "\n".join(runbook_lines(coverage.runbook, moved)) + "\n" == TEXT
    moved.write_text(TEXT + "\nMore.\n")
    with pytest.raises(InputError, match="not the text that was drilled"):
        runbook_lines(coverage.runbook, moved)


def test_the_document_has_the_words_in_their_order() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "coverage.md").read_text("utf-8")
    assert re.findall(r"^\| ([a-z ]+) \|", text.partition("## The percentage")[0], re.MULTILINE) == [
        *("word", *Use)
    ]


# --------------------------------------------------------------------------- whatever the drills did

_STEPS = tuple(
    Step(line, ("On call",), StepKind.MANUAL if line % 3 == 0 else StepKind.COMMAND, f"Step {line}")
    for line in range(1, 7)
)
_DONE = st.builds(
    StepResult,
    line=st.integers(0, 7),
    section=st.just(("On call",)),
    text=st.just("a step"),
    command=st.just("true"),
    kind=st.just(StepKind.COMMAND),
    exit_code=st.sampled_from([None, 0, 1]),
    seconds=st.sampled_from([None, 0.1]),
    effect=st.sampled_from([None, *Effect]),
    bound=st.booleans(),
    state_changing=st.booleans(),
    broken=st.sampled_from(["", "", "not found"]),
    skipped=st.sampled_from(["", "", "the SLIs hold", NO_BINDING]),
    answered=st.sampled_from([None, True, False]),
    leads_to=st.sampled_from(["", "", "", "Rollback"]),
)
_LINES = {"step": 2, "step-ended": 3, "step-effect": 4, "step-skipped": 5}
_HARM = ((9, InvariantChecked("keys are there", held=False)),)


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Drilled:
    folder = tmp_path_factory.mktemp("drilled")
    loose = replace(book(folder / "on-call.md"), steps=_STEPS)
    drill(first=start(loose, control=False)).write(folder / "journal.jsonl")
    return read_drilled(folder, result(folder))


@settings(max_examples=60, deadline=None)  # a busy machine is no failure
@given(
    st.lists(st.tuples(st.lists(_DONE, max_size=8), st.sampled_from(Verdict)), min_size=1, max_size=5),
    st.sampled_from([None, (), (3,), (3, 6)]),
    st.floats(0, 100),
)
def test_whatever_drills_did_each_step_is_one_thing_and_the_percentage_is_one(
    drilled: Drilled,
    made: Sequence[tuple[list[StepResult], Verdict]],
    bound: tuple[int, ...] | None,
    least: float,
) -> None:
    drills = [
        dataclasses.replace(
            drilled,
            result=replace(drilled.result, verdict=verdict),
            start=replace(drilled.start, bound=bound),
            steps=tuple((done, _LINES) for done in steps),
            harm=_HARM,
        )
        for steps, verdict in made
    ]
    coverage = cover(drills)
    assert [told.step for told in coverage.steps] == list(_STEPS)
    assert sum(coverage.counts.values()) == len(_STEPS)
    assert 0 <= coverage.carried_out <= coverage.possible <= len(_STEPS)
    assert coverage.percent is not None
    assert 0 <= coverage.percent <= 100
    assert (coverage.percent == 100) == (coverage.carried_out == coverage.possible)
    assert coverage.below(least) == (coverage.carried_out / coverage.possible * 100 < least)
    for told in coverage.steps:
        _is_whole(told)
    found = dict(
        line.split(":") for line in lcov(coverage, "on-call.md").splitlines() if line[:2] in ("LF", "LH")
    )
    assert (int(found["LH"]), int(found["LF"])) == (coverage.carried_out, coverage.possible)


def _is_whole(told: StepUsage) -> None:
    """What is said of a step holds together."""
    assert sum(told.counts.values()) == len(told.deeds) >= told.hits
    if told.use in (Use.MANUAL, Use.NEVER):
        assert told.hits == 0
        assert (told.use is Use.MANUAL) == bool(told.why)
    else:
        assert told.counts[told.use] > 0
        assert (told.hits > 0) == (told.use is not Use.UNANSWERED)
