"""Plans that are right, and which drills they give."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.plan.conftest import PLAN, RUNBOOK, Load

from drillbook import library, registry
from drillbook.bindings import fill
from drillbook.errors import InputError
from drillbook.model import Objectives, StepKind
from drillbook.plan import Operator, Plan, PlatformChoice, Timing, TrafficChoice, load_plan, select
from drillbook.schedule import apart, locustfile, planned_steps, slots

FULL = """
runbook: on-call.md
platform: {name: railway, surface: documented}
operator: {role: app, exports: [DATABASE_URL]}
objectives: {detect: 3s, resolve: 2m}
bindings:
  - {section: Pool is full, step: Count the sessions, run: psql -c "SELECT count(*)"}
  - {section: pool is full, step: raise the pool size, run: railway variables set DB_POOL_SIZE=20}
placeholders:
  <pid>: {run: pgrep -o postgres}
tools: [curl, jq, curl]
clock: wait
timing: {probe_interval: 50ms, hold: 1.5s, settle: 3, step_deadline: 20s, deadline: 1h}
traffic: {users: 0, locustfile: customers.py}
drills:
  - scenario: stuck-transactions
    sections: [Locks in the database, 4. Pool is full]
    operator: {exports: [REDIS_URL]}
    variants:
      other-role:
      keepalive: {known_gap: its age is hidden, operator: {role: superuser}, survivors: {state-9: it is rare}}
"""


def names(plan: Plan, *chosen: str, all_variants: bool = False) -> list[str]:
    return [drill.name for drill in select(plan, chosen, all_variants=all_variants)]


def test_every_key_of_a_plan_is_read(load: Load, tmp_path: Path) -> None:
    (tmp_path / "customers.py").touch()
    plan = load(FULL)
    assert plan.platform == PlatformChoice("railway", "documented")
    assert plan.operator == Operator("app", ("DATABASE_URL",))
    assert plan.objectives == Objectives(3.0, 120.0)
    assert plan.tools == ("curl", "jq")
    assert plan.clock == "wait"
    assert plan.timing == Timing(0.05, 1.5, 3.0, 20.0, 3600.0)
    assert plan.traffic == TrafficChoice(0, tmp_path / "customers.py")
    first, second = plan.drills
    assert [section.title for section in first.sections] == ["Locks in the database", "4. Pool is full"]
    assert (first.variant.name, first.known_gap, first.line) == ("other-role", None, 20)
    assert (second.variant.name, second.known_gap) == ("keepalive", "its age is hidden")
    assert (first.survivors, second.survivors) == ({}, {"state-9": "it is rare"})
    assert first.operator == Operator("app", ("REDIS_URL",))
    assert second.operator == Operator("superuser", ("REDIS_URL",))


def test_a_locustfile_is_found_from_anywhere_however_the_plan_was_named(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "customers.py").touch()
    path = load(FULL).path
    monkeypatch.chdir(tmp_path)
    assert locustfile(load_plan(path.relative_to(tmp_path))) == tmp_path / "customers.py"


def test_a_binding_finds_its_step_by_the_beginning_of_its_text(load: Load, tmp_path: Path) -> None:
    (tmp_path / "customers.py").touch()
    bindings = load(FULL).bindings
    lines = RUNBOOK.splitlines()
    assert [(binding.step, lines[binding.step_line - 1]) for binding in bindings] == [
        ("Count the sessions", "1. Count the sessions"),
        ("Raise the pool size (temporary)", "2. Raise the pool size (temporary)"),
    ]
    assert bindings[1].run == "railway variables set DB_POOL_SIZE=20"
    assert bindings[1].line == 8


BINDINGS = f"""{PLAN}bindings:
  - section: Pool is full
    step: [Look at the sessions, Count the sessions]
    run: psql -c "SELECT count(*)"
    expect: ^ *[0-9]+$
  - {{section: Pool is full, step: Raise the pool, follow: Locks in the database}}
  - {{section: Pool is full, step: Raise the limit, manual: whether the traffic is honest is for a human}}
"""


def test_a_step_may_have_several_wordings_of_which_one_is_the_runbook_s(load: Load) -> None:
    first = load(BINDINGS).bindings[0]
    assert (first.step, first.expect) == ("Count the sessions", "^ *[0-9]+$")


def test_a_step_may_lead_to_another_section_whose_steps_then_follow_it(load: Load) -> None:
    text = BINDINGS.replace("section: Locks in the database\n    var", "section: Pool is full\n    var")
    plan = load(text)
    steps = planned_steps(plan, plan.drills[0])
    assert [step.step.text for step in steps] == [
        "Count the sessions",
        "Raise the pool size (temporary)",
        "Does it answer?",
        "End one session",
        "Raise the limit",
    ]
    assert steps[0].expect
    assert steps[1].leads_to == "Locks in the database"
    assert steps[4].manual.startswith("whether the traffic")
    assert [step.bound for step in steps] == [True, False, False, False, False]


def test_sections_that_lead_to_one_another_are_each_followed_once(load: Load) -> None:
    text = BINDINGS.replace("follow: Locks in the database", "follow: Pool is full")
    plan = load(text.replace("section: Locks in the database\n    var", "sections: [Pool is full]\n    var"))
    assert len(planned_steps(plan, plan.drills[0])) == 3


def test_placeholders_are_filled_by_a_value_or_by_the_output_of_a_command(load: Load) -> None:
    plan = load(f"{PLAN}placeholders: {{<pid>: {{run: pgrep -o postgres}}}}\n")
    step = next(step for step in plan.runbook.steps if step.placeholders)
    ending = 'psql $DATABASE_URL -c "SELECT pg_terminate_backend({})"'
    assert fill(step, plan.placeholders) == (ending.format("$(pgrep -o postgres)"), ())
    plan = load(f"{PLAN}placeholders: {{pid: 4711}}\n")
    assert fill(step, plan.placeholders) == (ending.format("4711"), ())
    assert fill(step, {}) == (ending.format("<pid>"), ("<pid>",))


def test_what_a_plan_leaves_out_has_a_default(load: Load) -> None:
    plan = load(
        "runbook: on-call.md\ndrills: [{scenario: stuck-transactions, section: Locks in the database}]"
    )
    assert plan.operator == Operator("superuser", ("DATABASE_URL", "REDIS_URL"))
    assert (plan.timing, plan.traffic, plan.clock) == (Timing(), TrafficChoice(), "jump")
    assert len(plan.drills) == len(plan.drills[0].scenario.variants) > 5


def test_another_runbook_can_take_the_place_of_the_plan_s_own(load: Load, tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text(RUNBOOK.replace("# On call", "# Another"))
    load(PLAN)
    assert load_plan(tmp_path / "plan.yaml", runbook=other).runbook.title == "Another"
    assert not load_plan(tmp_path / "plan.yaml", runbook=other).left_out
    other.write_text("# Nothing in it\n")
    with pytest.raises(InputError, match=r"plan.yaml:4: .*other.md has no section 'Locks in the database'"):
        load_plan(tmp_path / "plan.yaml", runbook=other)


def test_what_of_a_plan_does_not_fit_another_runbook_is_left_out_and_told(load: Load, tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text(RUNBOOK.replace("Count the", "Tally up the").replace("<pid>", "4711"))
    load(f"{BINDINGS}placeholders: {{<pid>: 1}}\n")
    plan = load_plan(tmp_path / "plan.yaml", runbook=other)
    assert len(plan.bindings) == 2
    assert [error.line for error in plan.left_out.values()] == [10, 15]
    other.write_text("# On call\n\n## Database Issues\n\n    ls\n")
    there = "  - {scenario: stuck-transactions, section: Database Issues, variants: {keepalive: }}\n"
    (tmp_path / "plan.yaml").write_text(PLAN + there)
    plan = load_plan(tmp_path / "plan.yaml", runbook=other)
    assert names(plan, all_variants=True) == ["stuck-transactions/keepalive"]
    assert plan.left_out["stuck-transactions"].line == 4


def test_by_default_each_scenario_s_first_variant_is_drilled(load: Load) -> None:
    plan = load(PLAN)
    assert names(plan) == ["stuck-transactions/idle-past-threshold"]
    assert names(plan, "stuck-transactions") == names(plan)
    assert names(plan, all_variants=True) == [drill.name for drill in plan.drills]


def test_a_variant_is_drilled_once_however_often_it_is_asked_for(load: Load) -> None:
    chosen = ("stuck-transactions/savepoint-aborted", "stuck-transactions", "stuck-transactions")
    assert names(load(PLAN), *chosen) == [
        "stuck-transactions/savepoint-aborted",
        "stuck-transactions/idle-past-threshold",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stuck-transaction", "no scenario 'stuck-transaction' .did you mean 'stuck-transactions'"),
        (
            "stuck-transactions/savepoint",
            "no variant .* .did you mean 'stuck-transactions/savepoint-aborted'",
        ),
        ("stuck-transactions/", "no variant 'stuck-transactions/'"),
        ("", "no scenario ''"),
    ],
)
def test_a_drill_that_the_plan_lacks_is_an_error_with_a_suggestion(
    load: Load, name: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        names(load(PLAN), name)


def test_the_packaged_plan_drills_every_variant_of_every_scenario() -> None:
    plan = load_plan(library.drills_dir() / "incident-response.yaml")
    assert {drill.name for drill in plan.drills} == {
        f"{scenario.name}/{variant.name}"
        for scenario in registry.scenarios().values()
        for variant in scenario.variants
    }


def test_every_prose_step_of_the_packaged_runbook_is_bound_or_left_to_a_human() -> None:
    plan = load_plan(library.drills_dir() / "incident-response.yaml")
    bound = {binding.step_line for binding in plan.bindings}
    prose = [step for step in plan.runbook.steps if step.kind is StepKind.MANUAL]
    assert [step.text for step in prose if step.line not in bound] == []


def test_the_packaged_runbook_is_read_without_a_doubt() -> None:
    book = load_plan(library.drills_dir() / "incident-response.yaml").runbook
    assert book.notices == ()
    assert [level.level for level in book.severities] == ["SEV1", "SEV2", "SEV3", "SEV4"]
    assert [cadence.moment for cadence in book.cadences] == ["start", "interval", "resolution", "post-mortem"]
    assert book.templates.status_update is not None
    assert len(book.templates.post_mortem) == 7
    assert len(book.checklist) == 6
    assert len(book.contacts) == 4


def test_drills_of_two_plans_never_share_a_directory(load: Load, tmp_path: Path) -> None:
    plan = load(PLAN)
    once = slots(plan, plan.drills, 1, tmp_path)
    folders = [slot.run_dir.name for slot in apart([*once, *once, *once])]
    assert folders == [
        "stuck-transactions--idle-past-threshold",
        "stuck-transactions--savepoint-aborted",
        "stuck-transactions--idle-past-threshold--plan",
        "stuck-transactions--savepoint-aborted--plan",
        "stuck-transactions--idle-past-threshold--plan-2",
        "stuck-transactions--savepoint-aborted--plan-2",
    ]
