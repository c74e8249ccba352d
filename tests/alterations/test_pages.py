"""The reports on altered steps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.alterations.conftest import a_step, failed, resolved, skipped
from tests.alterations.test_kills import MUTANT

from drillbook.alterations.ablation import AblatedDrill, SmallestSet, judge
from drillbook.alterations.kills import Fate, Outcome
from drillbook.alterations.kills import judge as judge_mutant
from drillbook.alterations.pages import Ablation, Mutation, write_ablation, write_mutation
from drillbook.events import SLIS_HOLD
from drillbook.model import Effect, Verdict
from drillbook.result import DrillResult

HOSTILE = "<script>alert(1)</script> | `x`"


def whole(out: Path) -> DrillResult:
    look = replace(a_step(12, changes=False), text=HOSTILE)
    return resolved(look, a_step(15, Effect.CURED), skipped(18, SLIS_HOLD), folder=str(out / "whole"))


def an_ablation(out: Path) -> Ablation:
    drilled = whole(out)
    look, cure = drilled.steps[:2]
    steps = (
        judge(drilled, look, resolved(cure, folder=str(out / "left-out" / "a"))),
        judge(drilled, cure, failed(folder=str(out / "left-out" / "b"))),
    )
    smallest = SmallestSet((15,), str(out / "smallest-1" / "whole"))
    healed = replace(drilled, verdict=Verdict.SELF_HEALED)
    return Ablation(
        (AblatedDrill(drilled, "", steps, (18,), smallest), AblatedDrill(healed, "it healed by itself")), 81.5
    )


def a_mutation(out: Path) -> Mutation:
    drilled = whole(out)
    mutant = replace(MUTANT, before=HOSTILE)
    survived = judge_mutant(
        mutant, drilled, resolved(a_step(15, Effect.CURED), folder=str(out / "mutants" / "a"))
    )
    killed = judge_mutant(mutant, drilled, failed(folder=str(out / "mutants" / "b")))
    idle = Outcome(replace(mutant, name="silent-12"), Fate.NOT_DRILLED, "", "it only reads")
    return Mutation((drilled,), (killed, survived, idle), 120.0, outdated=("a:drop-1",))


def test_the_ablation_says_of_each_step_where_it_is_needed(tmp_path: Path) -> None:
    document = write_ablation(tmp_path, an_ablation(tmp_path))
    assert document == json.loads((tmp_path / "ablation.json").read_text())
    assert document["headline"] == (
        "Of 2 steps that were carried out and then left out, 1 is needed, "
        "1 is ballast (1 of them only reads) and none does harm"
    )
    page = (tmp_path / "ablation.md").read_text()
    assert "| 15 | step 15 | stuck-transactions/idle-past-threshold |  |  |" in page
    assert "line 15 ([verified](smallest-1/whole/postmortem.md))" in page
    assert "so without a drill of its own: line 18" in page
    assert "Nothing was left out: it healed by itself." in page


def test_the_mutants_are_told_with_the_kill_rate_and_the_survivors_first(tmp_path: Path) -> None:
    document = write_mutation(tmp_path, a_mutation(tmp_path))
    assert document == json.loads((tmp_path / "mutants.json").read_text())
    assert document["kill_rate"] == 0.5
    assert document["headline"] == "1 of 2 mutants that matter were killed"
    page = (tmp_path / "mutants.md").read_text()
    assert page.index("## Survivors") < page.index("## By operator") < page.index("## By drill")
    assert "| threshold |" in page
    assert "[threshold-15](mutants/a/postmortem.md)" in page
    assert "1 that do not matter" in page
    assert "a:drop-1" in page


@pytest.mark.parametrize("name", ["ablation", "mutants"])
def test_what_came_from_outside_is_escaped(tmp_path: Path, name: str) -> None:
    write_ablation(tmp_path, an_ablation(tmp_path))
    write_mutation(tmp_path, a_mutation(tmp_path))
    assert "<script>" not in (tmp_path / f"{name}.html").read_text()
    assert "&lt;script&gt;" in (tmp_path / f"{name}.html").read_text()
    for row in (tmp_path / f"{name}.md").read_text().splitlines():
        if "alert" in row and row.startswith("|"):
            assert "\\|" in row


def test_a_command_that_was_ended_early_says_so(tmp_path: Path) -> None:
    write_mutation(tmp_path, replace(a_mutation(tmp_path), interrupted_by="SIGINT"))
    write_ablation(tmp_path, replace(an_ablation(tmp_path), interrupted_by="SIGINT"))
    for name in ("mutants.md", "mutants.html", "ablation.md", "ablation.html"):
        assert "ended early by SIGINT" in (tmp_path / name).read_text()
