"""Annotations: what GitHub and GitLab are told of a run, and on which line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.journals import control, drill, not_applied, start
from tests.test_junit import broken, resolved

from drillbook.ci import add_summary, github, gitlab_quality, root, wanted, within
from drillbook.result import DrillResult, result_of


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The top of a repository; the runbook lies in a folder of it, which is the current directory."""
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    return tmp_path


def unsure() -> DrillResult:
    return result_of(drill().entries(), None, run_dir="unsure")


def absent() -> DrillResult:
    return result_of(not_applied("No table").entries(), None, run_dir="absent")


def test_a_broken_step_is_an_error_on_its_line_from_the_top_of_the_repository(top: Path) -> None:
    (line,) = github([resolved(), broken(), absent()], top)
    place, _, text = line.removeprefix("::error ").partition("::")
    title = "stuck-transactions/idle-past-threshold%3A STEP_BROKEN"
    assert place == f"file=docs/on-call.md,line=15,title={title}"
    assert text.startswith("on-call.md:15: STEP_BROKEN: Line 15 can't run as written")
    assert "%0Asteps:%0A" in text
    assert "\n" not in line


def test_percent_signs_commas_and_colons_of_a_title_can_not_end_it(top: Path) -> None:
    (line,) = github([broken(variant="50%, or ::more", known_gap="90% of\r\nit")], top)
    assert ",title=stuck-transactions/50%25%2C or %3A%3Amore%3A known gap::90%25 of%0D%0Ait" in line


def test_a_known_gap_is_a_notice_and_one_that_is_out_of_date_an_error(top: Path) -> None:
    gap, stale = github([broken(known_gap="only idle ones"), resolved(known_gap="mended")], top)
    assert gap.startswith("::notice file=docs/on-call.md,line=15,")
    assert gap.endswith("::only idle ones")
    assert stale.startswith("::error file=docs/on-call.md,line=8,")
    assert "out of date" in stale


def test_what_says_nothing_of_the_runbook_is_on_none_of_its_lines(top: Path) -> None:
    (line,) = github([unsure()], top)
    assert line.startswith("::error title=stuck-transactions/idle-past-threshold%3A INFRA_ERROR::")
    assert gitlab_quality([unsure(), absent()], top) == []


def test_a_runbook_outside_the_repository_is_told_of_without_a_line(top: Path) -> None:
    (line,) = github([broken()], top / "src")
    assert line.startswith("::error title=")
    assert gitlab_quality([broken()], top / "src") == []
    assert within(top / "docs" / "on-call.md", top / "src") is None


def test_a_repeat_of_a_drill_has_no_second_annotation(top: Path) -> None:
    assert len(github([broken(), broken()], top)) == 1
    assert len(gitlab_quality([broken(), broken()], top)) == 1


def test_gitlab_is_told_of_the_same_lines_under_a_fingerprint_that_stays(top: Path) -> None:
    first, gap = gitlab_quality([broken(), resolved(), broken(known_gap="gap", variant="b")], top)
    assert isinstance(first, dict)
    assert isinstance(gap, dict)
    assert first["location"] == {"path": "docs/on-call.md", "lines": {"begin": 15}}
    assert (first["severity"], gap["severity"]) == ("critical", "info")
    assert str(first["description"]).startswith("stuck-transactions/idle-past-threshold: STEP_BROKEN: ")
    assert first["fingerprint"] != gap["fingerprint"]
    (again,) = gitlab_quality([broken(seed=8)], top)
    assert again == first


@pytest.mark.parametrize(
    ("choice", "actions", "printed"),
    [
        ("auto", "true", True),
        ("auto", "", False),
        ("github", "", True),
        ("none", "true", False),
    ],
)
def test_annotations_come_by_themselves_on_github_alone(choice: str, actions: str, printed: bool) -> None:  # noqa: FBT001
    assert wanted(choice, {"GITHUB_ACTIONS": actions}) is printed


def test_the_repository_s_top_is_where_the_ci_says(tmp_path: Path) -> None:
    assert root({"GITHUB_WORKSPACE": str(tmp_path)}) == tmp_path
    assert root({"CI_PROJECT_DIR": str(tmp_path)}) == tmp_path
    assert root({}) == Path.cwd()


def test_the_suite_report_is_added_to_the_step_s_summary_unless_that_would_burst(tmp_path: Path) -> None:
    suite, summary = tmp_path / "suite.md", tmp_path / "summary.md"
    summary.write_text("# Before\n")
    environment = {"GITHUB_STEP_SUMMARY": str(summary)}
    add_summary(suite, environment)  # there is no report: nothing ran
    suite.write_text("# Fire drills\n")
    add_summary(suite, {})
    add_summary(suite, environment)
    assert summary.read_text() == "# Before\n# Fire drills\n\n"
    suite.write_text("x" * (1 << 20))
    add_summary(suite, environment)
    assert summary.read_text() == "# Before\n# Fire drills\n\n"


def test_a_drill_that_healed_by_itself_is_an_error_on_the_heading(top: Path) -> None:
    healed = result_of(
        drill(first=start()).entries(),
        control(healed_at=9.0, cause="gone").entries(),
        run_dir="healed",
    )
    assert healed.verdict == "SELF_HEALED"
    (line,) = github([healed], top)
    assert line.startswith("::error file=docs/on-call.md,line=8,")
