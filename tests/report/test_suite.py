"""The suite report: all drills of a run, and what they did with each line of the runbook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from tests.journals import Story, control, drill, not_applied, start
from tests.report.test_reports import NASTY, Page

from drillbook.events import DrillStarted, StepEnded, StepSkipped
from drillbook.model import Verdict
from drillbook.reporting.reports import write_reports, write_suite
from drillbook.reporting.suite import Suite, gather, lines, rendered
from drillbook.reporting.usage import Use
from drillbook.result import DrillResult

GAP = "nobody looks at the queue"


def begun(change: Callable[[DrillStarted], DrillStarted], story: Story) -> Story:
    return story.swap(DrillStarted, change)


@pytest.fixture
def run_dirs(tmp_path: Path) -> list[tuple[Path, DrillResult]]:
    """A run of four drills: a cure, a known gap, a failure of the highest severity, and one without a say."""
    first = start(severity="SEV2", manual={"18": "only a human knows the queries"})
    stories = {
        "cured": drill(first=first),
        "gap": drill(
            first=replace(first, variant="keepalive", known_gap=GAP), cured_at=None, cause="present"
        ),
        "outage": drill(first=replace(first, variant="other-role", severity="SEV1"), cured_at=None),
        "torn": drill(first=replace(first, variant="prepared-transaction")).until(9.0),
    }
    made = []
    for name, story in stories.items():
        run_dir = tmp_path / name
        variant = next(event for _, event in story.parts if isinstance(event, DrillStarted)).variant
        story.write(run_dir / "journal.jsonl")
        beside = begun(lambda event, variant=variant: replace(event, variant=variant), control())  # type: ignore[misc]
        beside.write(run_dir / "control" / "journal.jsonl")
        made.append((run_dir, write_reports(run_dir)))
    return made


@pytest.fixture
def suite(run_dirs: list[tuple[Path, DrillResult]]) -> Suite:
    return gather([run_dir for run_dir, _ in run_dirs], [result for _, result in run_dirs])


def test_the_worst_severity_comes_first_and_what_is_as_expected_needs_no_attention(suite: Suite) -> None:
    assert [row.name.partition("/")[2] for row in suite.rows] == [
        *("other-role", "idle-past-threshold", "keepalive", "prepared-transaction")
    ]
    assert [row.folder for row in suite.attention] == ["outage", "torn"]
    assert [row.folder for row in suite.missed] == ["outage", "gap"]
    assert [row.folder for row in suite.resolved] == ["cured"]
    assert [row.result.verdict for row in suite.without_say] == [Verdict.INFRA_ERROR]


def test_a_drill_without_a_say_is_in_no_denominator(suite: Suite) -> None:
    assert suite.headline == (
        "The runbook resolves 1 of 3 failures drilled;"
        " 1 is a known gap, 2 are not as expected and 1 has no say"
    )


def test_each_line_of_the_runbook_is_told_by_what_the_drills_did_with_it(suite: Suite) -> None:
    (section,) = suite.sections
    assert [(each.step.line, each.use) for each in section.steps] == [
        *((12, Use.EXERCISED), (15, Use.CURED), (18, Use.MANUAL))
    ]
    assert section.steps[2].why == "only a human knows the queries"
    assert [deed.use for deed in section.steps[1].deeds] == [Use.CURED, *[Use.NO_EFFECT] * 2]
    assert section.exercised == [12, 15]


@pytest.mark.parametrize(
    ("change", "use"),
    [
        (lambda end: replace(end, answered=False), Use.UNANSWERED),
        (lambda end: replace(end, broken="psql: not found"), Use.BROKEN),
        (lambda end: replace(end, answered=True), Use.EXERCISED),
    ],
)
def test_a_step_counts_as_exercised_only_where_its_answer_was_there(
    tmp_path: Path, change: Callable[[StepEnded], StepEnded], use: Use
) -> None:
    drill(cured_at=None, cause="present").swap(StepEnded, change).write(tmp_path / "a" / "journal.jsonl")
    suite = gather([tmp_path / "a"], [write_reports(tmp_path / "a")])
    assert suite.sections[0].steps[0].use is use


def test_a_step_that_leads_to_a_section_is_exercised_by_it(tmp_path: Path) -> None:
    story = drill(first=start(control=False))
    story = story.swap(StepSkipped, lambda step: replace(step, leads_to="Rollback", reason="leads to it"))
    story.write(tmp_path / "a" / "journal.jsonl")
    suite = gather([tmp_path / "a"], [write_reports(tmp_path / "a")])
    assert suite.sections[0].lines(Use.EXERCISED) == [12, 18]


def test_lines_that_follow_one_another_are_drawn_together() -> None:
    assert lines([9, 3, 7, 8, 12]) == "3, 7 to 9, 12"
    assert lines([]) == "–"  # noqa: RUF001  the sign for what is not there


def test_the_markdown_is_read_as_it_is_meant(suite: Suite) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(rendered(suite)["suite.md"])
    page = Page(html)
    assert page.headings == [
        *("Needs attention", "All drills", "What the runbook misses", "What the runbook resolves"),
        *("The runbook, line by line", "Findings", "How it was made"),
    ]
    assert page.tags.count("table") == 4
    assert {"cured/postmortem.md", "outage/postmortem.md"} <= set(page.fetched)


def test_the_page_fetches_nothing_but_links_to_each_drill_s_own_report(suite: Suite) -> None:
    page = Page(rendered(suite)["suite.html"])
    assert {*page.fetched} == {f"{name}/postmortem.html" for name in ("cured", "gap", "outage", "torn")}
    assert "script" not in page.tags
    targets = {"attention", "drills", "missed", "resolved", "lines", "findings", "made"}
    assert set(page.ids) == targets


def test_what_comes_from_outside_is_shown_and_never_acted_on(tmp_path: Path) -> None:
    story = drill(first=start(summary=NASTY, known_gap=NASTY), cured_at=None, cause="present")
    story.write(tmp_path / "a" / "journal.jsonl")
    run_dirs, results = [tmp_path / "a"], [write_reports(tmp_path / "a")]
    write_suite(tmp_path, run_dirs, results)
    page = Page((tmp_path / "suite.html").read_text())
    assert not {"script", "img"} & set(page.tags)
    markdown = MarkdownIt("gfm-like", {"linkify": False}).render((tmp_path / "suite.md").read_text())
    assert not {"script", "img"} & set(Page(markdown).tags)


def test_a_run_without_any_drill_has_no_suite(tmp_path: Path) -> None:
    write_suite(tmp_path, [], [])
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_applicable_is_listed_and_in_no_denominator(tmp_path: Path) -> None:
    drill().write(tmp_path / "cured" / "journal.jsonl")
    control().write(tmp_path / "cured" / "control" / "journal.jsonl")
    first = start(variant="reopened-by-code")
    not_applied("The stack lacks a release", first).write(tmp_path / "absent" / "journal.jsonl")
    folders = [tmp_path / "cured", tmp_path / "absent"]
    suite = gather(folders, [write_reports(folder) for folder in folders])
    assert suite.headline == "The runbook resolves 1 of 1 failure drilled; 1 is not applicable"
    assert (suite.attention, suite.without_say) == ([], [])
    assert [row.folder for row in suite.not_applicable] == ["absent"]
    made = rendered(suite)
    assert "reopened-by-code**: The stack lacks a release" in made["suite.md"]
    assert "Every drill ended as expected." in made["suite.md"]
    assert '<section id="absent">' in made["suite.html"]
    assert "of 1</p>" in made["suite.html"]


def test_a_suite_of_which_nothing_is_applicable_does_not_claim_that_all_is_well(tmp_path: Path) -> None:
    not_applied("The stack lacks a release").write(tmp_path / "a" / "journal.jsonl")
    made = rendered(gather([tmp_path / "a"], [write_reports(tmp_path / "a")]))
    assert "No drill was applicable." in made["suite.md"]
    assert "as expected" not in made["suite.md"].partition("## All drills")[0]
    assert '<section class="verdict none"' in made["suite.html"]
