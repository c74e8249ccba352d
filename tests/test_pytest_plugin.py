"""The pytest plugin: what pytest makes of each verdict, and of a plan that can't be used.

Where a verdict is needed, a hand-made journal stands for the drill; functional/test_ci.py has real ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.journals import Story, control, drill, not_applied, opening, start

from drillbook import library
from drillbook.commands import run as run_command
from drillbook.errors import InputError, SandboxError
from drillbook.events import DrillStarted
from drillbook.plan import Plan, PlannedDrill
from drillbook.pytest_session import Session, Settings, UnconfinedWarning, find, options, read_plan
from drillbook.result import CONTROL, JOURNAL, DrillResult, result
from drillbook.run import Run
from drillbook.runbook import parse
from drillbook.schedule import Options

pytest_plugins = ["pytester"]

LOADED = parse  # once for all tests: what a session inside of this one imports is gone with it

RUNBOOK = """\
# Orders

## Database Issues

```bash
psql $DATABASE_URL -c "SELECT 1"
```
"""
PLAN = """\
runbook: runbook.md
drills:
  - scenario: stuck-transactions
    section: Database Issues
    variants:
"""
FORGOTTEN, ABORTED, OTHER = "idle-past-threshold", "savepoint-aborted", "other-role"
GAP = "the query looks for idle ones alone"


@pytest.fixture(autouse=True)
def _outside_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)


def write(pytester: pytest.Pytester, *variants: str, gaps: tuple[str, ...] = ()) -> None:
    """A project with a plan of `variants` of stuck transactions, `gaps` among them known gaps."""
    lines = [f'      {name}: {{known_gap: "{GAP}"}}' if name in gaps else f"      {name}: {{}}"
             for name in variants]  # fmt: skip
    (pytester.path / "runbook.md").write_text(RUNBOOK)
    (pytester.path / "plan.yaml").write_text(PLAN + "\n".join(lines) + "\n")


def ran_with(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """A session in this process, without the plugin that would take most of its time."""
    return pytester.runpytest_inprocess("-p", "no:hypothesispytest", *arguments)


Drilled = Callable[..., None]


@pytest.fixture
def drilled(monkeypatch: pytest.MonkeyPatch) -> Drilled:
    """Says how drills end: by variant a story, and its control's if it has one."""

    def end(**stories: tuple[Story, Story | None]) -> None:
        def carry_out(run: Run) -> list[DrillResult]:
            (slot,) = run.slots
            story, alone = stories[slot.drill.variant.name.replace("-", "_")]
            story.write(slot.run_dir / JOURNAL)
            if alone is not None:
                alone.write(slot.run_dir / CONTROL / JOURNAL)
            return [result(slot.run_dir)]

        monkeypatch.setattr(Run, "carry_out", carry_out)
        monkeypatch.setattr(run_command, "reason_against", lambda: None)

    return end


def resolved(variant: str, gap: str | None = None) -> tuple[Story, Story]:
    return drill(first=start(variant=variant, known_gap=gap)), alone(variant)


def alone(variant: str, *, healed_at: float | None = None, cause: str = "present") -> Story:
    """The control of the drill of `variant`."""
    story = control(healed_at=healed_at, cause=cause)
    return story.swap(DrillStarted, lambda begun: replace(begun, variant=variant))


def unresolved(variant: str, gap: str | None = None) -> tuple[Story, None]:
    return drill(first=start(variant=variant, known_gap=gap), cured_at=None, cause="present"), None


def test_a_resolved_drill_passes_an_unresolved_one_fails_and_a_known_gap_is_an_expected_failure(
    pytester: pytest.Pytester, drilled: Drilled
) -> None:
    write(pytester, FORGOTTEN, ABORTED, OTHER, gaps=(ABORTED,))
    drilled(
        idle_past_threshold=resolved(FORGOTTEN),
        savepoint_aborted=unresolved(ABORTED, GAP),
        other_role=unresolved(OTHER),
    )
    ran = ran_with(pytester, "-ra", "--junitxml", "junit.xml", "--drillbook-out", "out")
    ran.assert_outcomes(passed=1, failed=1, xfailed=1)
    ran.stdout.fnmatch_lines(
        [
            "on-call.md:15: NOT_RESOLVED: *",
            "  on-call.md:15: psql *exit code 0, effect none]",
            f"report: {pytester.path}/out/stuck-transactions--other-role/postmortem.html",
            f"drillbook: reports: {pytester.path}/out/suite.html",
            f"XFAIL plan.yaml::stuck-transactions/{ABORTED} - known gap: {GAP}",
            f"FAILED plan.yaml::stuck-transactions/{OTHER} - on-call.md:15: NOT_RESOLVED*",
        ]
    )
    index = json.loads((pytester.path / "out" / "run.json").read_text())
    names = [f"stuck-transactions--{name}" for name in (FORGOTTEN, ABORTED, OTHER)]
    assert (index["drills"], index["ended"]) == (names, True)
    assert not (pytester.path / "out" / ".places").exists()
    failure = ET.parse(pytester.path / "junit.xml").getroot().find(".//failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("on-call.md:15: NOT_RESOLVED: ")


def test_a_known_gap_that_resolves_fails_whatever_the_project_says_of_strictness(
    pytester: pytest.Pytester, drilled: Drilled
) -> None:
    write(pytester, FORGOTTEN, gaps=(FORGOTTEN,))
    drilled(idle_past_threshold=resolved(FORGOTTEN, GAP))
    ran = ran_with(pytester, "-o", "xfail_strict=false")
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["*RESOLVED: the known gap is out of date*"])


def test_a_drill_without_a_say_is_an_error_and_no_failure_even_of_a_known_gap(
    pytester: pytest.Pytester, drilled: Drilled
) -> None:
    write(pytester, FORGOTTEN, ABORTED, gaps=(ABORTED,))
    drilled(
        idle_past_threshold=(opening(start()), None),
        savepoint_aborted=(opening(start(variant=ABORTED, known_gap=GAP)), None),
    )
    ran = ran_with(pytester)
    ran.assert_outcomes(errors=2)
    ran.stdout.fnmatch_lines(["INFRA_ERROR: Interrupted in phase detect: the journal has no end"])
    ran.stdout.no_fnmatch_line("*def setup*")


def test_what_is_not_applicable_is_skipped_and_what_healed_by_itself_fails(
    pytester: pytest.Pytester, drilled: Drilled
) -> None:
    write(pytester, FORGOTTEN, OTHER)
    drilled(
        idle_past_threshold=(not_applied("No table", start()), None),
        other_role=(drill(first=start(variant=OTHER)), alone(OTHER, healed_at=9.0, cause="gone")),
    )
    ran = ran_with(pytester, "-rs")
    ran.assert_outcomes(skipped=1, failed=1)
    ran.stdout.fnmatch_lines(["SKIPPED * plan.yaml:6: not applicable: No table"])


def test_the_first_failure_ends_the_session_with_x_and_k_selects_a_drill(
    pytester: pytest.Pytester, drilled: Drilled
) -> None:
    write(pytester, FORGOTTEN, OTHER)
    drilled(idle_past_threshold=unresolved(FORGOTTEN), other_role=resolved(OTHER))
    ran_with(pytester, "-x", "--drillbook-out", "x").assert_outcomes(failed=1)
    ran = ran_with(pytester, "-k", OTHER, "--drillbook-out", "k")
    ran.assert_outcomes(passed=1, deselected=1)


def test_failures_are_annotated_on_github_with_their_line(
    pytester: pytest.Pytester, drilled: Drilled
) -> None:
    write(pytester, FORGOTTEN, ABORTED, gaps=(ABORTED,))
    drilled(idle_past_threshold=unresolved(FORGOTTEN), savepoint_aborted=unresolved(ABORTED, GAP))
    ran = ran_with(pytester, "--drillbook-annotations", "github")
    ran.stdout.fnmatch_lines(
        ["::error file=on-call.md,line=15,title=*", f"::notice file=on-call.md,line=15,title=*::{GAP}"]
    )
    ran = ran_with(pytester, "--drillbook-out", "again")
    ran.stdout.no_fnmatch_line("::*")


def test_a_drill_of_a_test_that_wants_it_to_fail_is_not_annotated(
    pytester: pytest.Pytester, drilled: Drilled
) -> None:
    pytester.makepyfile(
        f"""
        def test_it(drill):
            result = drill("stuck-transactions/{OTHER}", control=False)
            assert result.verdict == "NOT_RESOLVED"

        def test_three(drill):
            drill("stuck-transactions/{FORGOTTEN}")
            drill("stuck-transactions/{FORGOTTEN}")
            assert drill("stuck-transactions").verdict == "RESOLVED"
        """
    )
    drilled(idle_past_threshold=unresolved(FORGOTTEN), other_role=unresolved(OTHER))
    ran = ran_with(pytester, "--drillbook-annotations", "github", "--drillbook-out", "out")
    ran.assert_outcomes(passed=1, failed=1)
    (line,) = [line for line in ran.outlines if line.startswith("::")]
    assert FORGOTTEN in line
    ran.stdout.fnmatch_lines(["*Captured drill call*", "on-call.md:15: NOT_RESOLVED: *"])
    folders = sorted(path.parent.name for path in (pytester.path / "out").glob(f"*/{JOURNAL}"))
    name = f"stuck-transactions--{FORGOTTEN}"
    more = [f"{name}--incident-response", f"{name}--incident-response-2"]
    assert folders == [name, *more, f"stuck-transactions--{OTHER}"]


def test_a_plan_that_is_wrong_is_an_error_of_collection_at_its_line(pytester: pytest.Pytester) -> None:
    write(pytester, "idle-past-treshold")
    ran = ran_with(pytester)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*plan.yaml:6: *idle-past-treshold*did you mean 'idle-past-threshold'*"])


def test_other_yaml_is_no_plan_and_the_plugin_imports_nothing_for_it(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", compose="services: {}\n", half="runbook: x.md\n")
    pytester.makepyfile(
        test_it="""
        import sys

        def test_nothing_of_drillbook_is_loaded():
            loaded = {name for name in sys.modules if name.startswith("drillbook")}
            assert loaded == {"drillbook", "drillbook.pytest_plugin"}
        """
    )
    pytester.runpytest_subprocess("-p", "no:locust").assert_outcomes(passed=1)


def test_an_out_that_holds_an_earlier_run_is_refused(pytester: pytest.Pytester) -> None:
    write(pytester, FORGOTTEN)
    (pytester.path / "out").mkdir()
    (pytester.path / "out" / "run.json").write_text("{}")
    ran = ran_with(pytester, "--drillbook-out", "out")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines(["ERROR: out: holds an earlier run (choose another --drillbook-out)"])


def test_an_unknown_responder_and_a_name_that_the_plan_lacks_are_told_in_a_line(
    pytester: pytest.Pytester,
) -> None:
    write(pytester, FORGOTTEN)
    ran = ran_with(pytester, "--drillbook-responder", "runbok")
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(
        [
            "there is no responder 'runbok' (use runbook, none, reference, or command:CMD)",
            f"ERROR plan.yaml::stuck-transactions/{FORGOTTEN} - NoSayError: *",
        ]
    )
    pytester.makeini("[pytest]\ndrillbook_plan = missing.yaml\n")
    pytester.makepyfile(
        """
        def test_it(drill):
            drill("stuck-transactions")

        def test_that(stack):
            raise AssertionError
        """
    )
    ran = ran_with(pytester, "-k", "test_it or test_that")
    ran.assert_outcomes(failed=1, errors=1, deselected=1)
    told = [line for line in ran.outlines if line.startswith("missing.yaml: ")]
    assert len(told) == 2
    with pytest.raises(InputError, match="the plan has no variant"):
        find(read_plan(None), "stuck-transactions/idle")


# --------------------------------------------------------------------------- without a sandbox


@pytest.fixture
def unconfined(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """No sandbox can be had; whether each drill was to run in one."""
    asked: list[bool] = []

    def carry_out(run: Run) -> list[DrillResult]:
        asked.append(run.sandboxed)
        raise InputError("enough")

    monkeypatch.setattr(Run, "carry_out", carry_out)
    monkeypatch.setattr(run_command, "reason_against", lambda: "no user namespaces")
    return asked


def begin(tmp_path: Path, plan: Plan, wish: Options, *, no_sandbox: bool = False) -> None:
    drill: PlannedDrill = plan.drills[0]
    settings = Settings(str(tmp_path / "out"), "mark", 1, "", no_sandbox)
    Session(settings).carry_out(plan, drill, wish)


def test_without_a_sandbox_the_packaged_plan_runs_with_a_warning(
    tmp_path: Path, unconfined: list[bool]
) -> None:
    with (
        pytest.warns(UnconfinedWarning, match="the packaged plan runs outside one"),
        pytest.raises(InputError, match="enough"),
    ):
        begin(tmp_path, read_plan(None), Options())
    assert unconfined == [False]


@pytest.mark.parametrize("foreign", ["plan", "runbook", "responder"])
def test_without_a_sandbox_any_other_commands_are_refused_unless_asked_for(
    tmp_path: Path, unconfined: list[bool], foreign: str
) -> None:
    for name in ("incident-response.md", "incident-response.yaml"):
        (tmp_path / name).write_text((library.drills_dir() / name).read_text())
    changes: dict[str, Any] = {"responder": "command:true"} if foreign == "responder" else {}
    if foreign == "runbook":
        changes["runbook"] = tmp_path / "incident-response.md"
    plan = read_plan(tmp_path / "incident-response.yaml" if foreign == "plan" else None)
    with pytest.raises(SandboxError, match="--drillbook-no-sandbox"):
        begin(tmp_path, plan, Options(**changes))
    assert unconfined == []
    with pytest.warns(UnconfinedWarning, match="unconfined"), pytest.raises(InputError, match="enough"):
        begin(tmp_path, plan, Options(**changes), no_sandbox=True)
    assert unconfined == [False]


def test_a_responder_is_checked_before_anything_starts() -> None:
    with pytest.raises(InputError, match="there is no responder"):
        options("command:", control=True)
