"""The mutants of a drill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.alterations.conftest import RUNBOOK, a_step, failed, resolved, skipped

from drillbook.alterations.mutants import (
    Mutant,
    mutants,
    mutated,
    mutated_runbook,
    mutated_text,
    why_immaterial,
)
from drillbook.events import SLIS_HOLD
from drillbook.model import Effect
from drillbook.plan import Plan
from drillbook.runbook.parse import parse_text
from drillbook.schedule import planned_steps


def by_name(plan: Plan) -> dict[str, Mutant]:
    return {mutant.name: mutant for mutant in mutants(plan, plan.drills[0])}


def test_each_step_that_has_a_command_has_mutants_of_its_own(plan: Plan) -> None:
    found = by_name(plan)
    assert {mutant.line for mutant in found.values()} == {7, 10, 14, 15}
    assert {"drop-7", "threshold-10", "comparison-10-2", "silent-14", "function-15"} <= set(found)
    assert found["drop-7"].reads
    assert not found["threshold-10"].reads
    assert found["silent-14"].bound
    assert found["state-10"].id == "stuck-transactions/idle-past-threshold:state-10"


def test_a_mutated_document_has_its_lines_and_the_parser_reads_the_same_steps_in_it(plan: Plan) -> None:
    written = [mutant for mutant in by_name(plan).values() if mutant.edits and not mutant.bound]
    assert len(written) > 10
    for mutant in written:
        text = mutated_text(plan.runbook, mutant, RUNBOOK)
        assert text is not None
        assert text.count("\n") == RUNBOOK.count("\n")
        before, after = RUNBOOK.splitlines(), text.splitlines()
        changed = {n for n, (a, b) in enumerate(zip(before, after, strict=True), 1) if a != b}
        assert changed
        assert changed <= {7, 10, 11, 15}
        book = mutated(plan, mutant).runbook
        assert [step.line for step in book.steps] == [step.line for step in plan.runbook.steps]
        assert book.sha256 != plan.runbook.sha256


def test_only_the_step_that_is_meant_is_changed(plan: Plan) -> None:
    mutant = by_name(plan)["threshold-10"]
    before = planned_steps(plan, plan.drills[0])
    after = planned_steps(mutated(plan, mutant), plan.drills[0])
    assert [b.run == a.run for b, a in zip(before, after, strict=True)] == [True, False, True, True, True]
    assert "interval '600 minutes'" in after[1].run


def test_what_the_plan_binds_is_mutated_in_the_plan_and_not_in_the_document(plan: Plan) -> None:
    mutant = by_name(plan)["comparison-14"]
    made = mutated(plan, mutant)
    assert made.runbook == plan.runbook
    assert made.bindings[0].run == plan.bindings[0].run.replace("pid > 10", "pid < 10")
    assert made.bindings[1:] == plan.bindings[1:]


def test_a_step_that_is_dropped_is_left_out_and_nothing_is_rewritten(plan: Plan) -> None:
    mutant = by_name(plan)["drop-10"]
    assert mutated(plan, mutant) is plan
    steps = planned_steps(plan, plan.drills[0], mutant.left_out)
    assert [step.step.line for step in steps if step.left_out] == [10]


def test_steps_change_places_only_where_no_line_moves(tmp_path: Path, plan: Plan) -> None:
    assert "swap-7" not in by_name(plan)  # one line and two
    text = RUNBOOK.replace(" \\\n    WHERE", " WHERE").replace("```\n\n1.", "```\n\n\n1.")
    (tmp_path / "runbook.md").write_text(text)
    book = parse_text(text, path=str(tmp_path / "runbook.md"))
    mutant = by_name(replace(plan, runbook=book))["swap-7"]
    made = mutated_runbook(book, mutant, text)
    assert made is not None
    assert [step.command for step in made.steps[:2]] == [step.command for step in book.steps[1::-1]]


def test_a_mistake_that_the_parser_would_not_read_as_a_command_is_no_mutant(plan: Plan) -> None:
    mutant = replace(by_name(plan)["function-15"], edits={15: "the rollback"})
    assert mutated_runbook(plan.runbook, mutant, RUNBOOK) is None


def test_a_document_that_changed_meanwhile_is_not_written_to(plan: Plan) -> None:
    mutant = by_name(plan)["threshold-10"]
    assert mutated_text(plan.runbook, mutant, RUNBOOK.replace("10 minutes", "9 minutes")) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    commands=st.lists(
        st.sampled_from(
            [
                "railway rollback",
                "redis-cli -u $REDIS_URL FLUSHDB",
                "redis-cli -n 1 DEL page:7",
                "psql -c \"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state = 'idle'\"",
                "for i in 1 2; do\n  kubectl rollout undo deploy/orders\ndone",
                "railway logs -n 50 | grep -c 'status=5'",
            ]
        ),
        min_size=1,
        max_size=4,
    ),
    fence=st.sampled_from(["```bash", "```sh", "```", "~~~shell"]),
    indent=st.sampled_from(["", "   "]),
)
def test_whatever_the_document_its_mutants_keep_its_lines(
    plan: Plan, commands: list[str], fence: str, indent: str
) -> None:
    path = Path(plan.runbook.path)
    lines = ["# Orders", "", "## Database Issues", "", fence, *"\n".join(commands).split("\n"), fence[:3]]
    text = "\n".join(f"{indent if n > 3 else ''}{line}" for n, line in enumerate(lines)) + "\n"
    path.write_text(text)
    book = parse_text(text, path=str(path))
    made = replace(plan, runbook=book, bindings=())
    for mutant in mutants(made, made.drills[0]):
        if mutant.edits:
            changed = mutated_text(book, mutant, text)
            assert changed is not None
            assert changed.count("\n") == text.count("\n")
            assert mutated_runbook(book, mutant, text) is not None


# --------------------------------------------------------------------------- what matters


def test_a_mutant_matters_where_its_step_changed_something_and_helped(plan: Plan) -> None:
    found = by_name(plan)
    whole = resolved(a_step(7, changes=False), a_step(10, Effect.CURED), skipped(15, SLIS_HOLD))
    assert why_immaterial(found["threshold-10"], whole) == ""
    assert why_immaterial(found["drop-10"], whole) == ""
    assert why_immaterial(found["target-7"], whole) == "it only reads"
    assert "never reached" in why_immaterial(found["function-15"], whole)
    assert "was not carried out" in why_immaterial(found["silent-14"], whole)
    idle = resolved(a_step(10, Effect.NONE))
    assert "changed nothing" in why_immaterial(found["threshold-10"], idle)


def test_no_mutant_of_a_drill_that_cures_nothing_matters(plan: Plan) -> None:
    whole = failed(a_step(10, Effect.BETTER))
    assert all("NOT_RESOLVED as it is" in why_immaterial(m, whole) for m in by_name(plan).values())


def test_silence_matters_only_where_the_plan_expects_an_answer(plan: Plan) -> None:
    found = by_name(plan)
    answered = replace(a_step(14, changes=False), answered=True)
    whole = resolved(a_step(10, Effect.CURED), answered)
    assert why_immaterial(found["silent-14"], whole) == ""
    assert "rests on probes" in why_immaterial(found["silent-10"], whole)
    broken = replace(a_step(14, changes=False), exit_code=1)
    assert "failed already" in why_immaterial(found["silent-14"], resolved(broken))


def test_an_order_matters_only_of_two_steps_that_change_something(plan: Plan) -> None:
    swap = replace(by_name(plan)["drop-7"], operator="swap", lines=(7, 10), edits={7: "a", 10: "b"})
    cure = a_step(10, Effect.CURED)
    assert why_immaterial(swap, resolved(a_step(7), cure)) == ""
    assert "order changes nothing" in why_immaterial(swap, resolved(a_step(7, changes=False), cure))
