"""The page of the runbook itself: every line, coloured and told in words, with each drill at its steps."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.journals import drill, start
from tests.report.covered import TEXT, begun, book, covered, one_drill
from tests.report.test_reports import NASTY, Page

from drillbook.events import DrillStarted, StepEnded
from drillbook.model import Step, StepKind
from drillbook.reporting.coverage import runbook_lines
from drillbook.reporting.coverage_page import MEANINGS, SIGNS, coverage_page, listing
from drillbook.reporting.reports import write_reports, write_suite
from drillbook.reporting.usage import Use


def test_every_line_of_the_runbook_is_there_with_an_anchor(tmp_path: Path) -> None:
    coverage = one_drill(tmp_path)
    page = Page(coverage_page(coverage, runbook_lines(coverage.runbook), tmp_path))
    count = len(TEXT.splitlines())
    assert [name for name in page.ids if re.fullmatch(r"L\d+", name)] == [
        f"L{n}" for n in range(1, count + 1)
    ]
    assert page.headings == [
        *("By section", "The runbook, line by line", "What the words mean", "How it was made")
    ]


def test_a_step_is_told_in_a_word_and_a_sign_beside_its_colour(tmp_path: Path) -> None:
    coverage = one_drill(tmp_path, manual={"18": "only a human knows"})
    html = coverage_page(coverage, runbook_lines(coverage.runbook), tmp_path)
    lines = dict(re.findall(r'<li id="L(\d+)"(.*?)(?=<li id="L|</ol>)', html, re.DOTALL))
    assert 'class="in cured begins"' in lines["15"]
    assert '<span aria-hidden="true">✓</span> cured</span>' in lines["15"]
    assert "one/journal.jsonl:" in lines["15"]
    assert "Only a human knows." in lines["18"]
    assert "class=" not in lines["14"].partition(">")[0]


def test_each_word_has_its_own_sign_and_its_meaning() -> None:
    assert [*SIGNS] == [*MEANINGS] == [*Use]
    assert len(set(SIGNS.values())) == len(Use)


def test_a_step_of_several_lines_is_coloured_on_all_and_told_under_the_last(tmp_path: Path) -> None:
    several = book(tmp_path / "on-call.md")
    step = Step(14, several.steps[0].section, StepKind.COMMAND, "Two lines", "a", end_line=15)
    coverage = covered(tmp_path, {"a": drill(first=start(replace(several, steps=(step,)), control=False))})
    lines = listing(coverage, TEXT.splitlines())
    assert [(line.number, line.begins, len(line.steps)) for line in lines if line.use is Use.NEVER] == [
        *((14, True, 0), (15, False, 1))
    ]


def test_what_comes_from_outside_is_shown_and_never_acted_on(tmp_path: Path) -> None:
    nasty = replace(book(tmp_path / "on-call.md", NASTY + "\n" + TEXT), title=NASTY)
    story = drill(first=start(nasty, control=False, variant=NASTY, manual={"18": NASTY}))
    story = story.swap(StepEnded, lambda end: replace(end, broken=NASTY))
    coverage = covered(tmp_path, {"a": story})
    html = coverage_page(coverage, runbook_lines(coverage.runbook), tmp_path)
    assert not {"script", "img"} & set(Page(html).tags)
    assert html.count("&lt;script&gt;") >= 4


def test_it_fetches_nothing_and_links_to_the_drills_reports_from_where_it_is(tmp_path: Path) -> None:
    first = begun(tmp_path)
    coverage = covered(tmp_path, {"a b": drill(first=first), "none": drill(first=first)})
    write_reports(tmp_path / "a b")
    beside = Page(coverage_page(coverage, runbook_lines(coverage.runbook), tmp_path))
    assert {*beside.fetched} == {"a%20b/postmortem.html"}
    below = Page(coverage_page(coverage, runbook_lines(coverage.runbook), tmp_path / "pages"))
    assert {*below.fetched} == {"../a%20b/postmortem.html"}
    assert "script" not in below.tags


def test_a_run_has_the_page_beside_its_suite_and_a_link_from_each_line(tmp_path: Path) -> None:
    drill(first=begun(tmp_path)).write(tmp_path / "a" / "journal.jsonl")
    write_suite(tmp_path, [tmp_path / "a"], [write_reports(tmp_path / "a")])
    suite = Page((tmp_path / "suite.html").read_text())
    links = {link for link in suite.fetched if link.startswith("coverage.html#")}
    assert links == {f"coverage.html#L{line}" for line in (12, 15, 18)}
    assert {link.partition("#")[2] for link in links} <= set(
        Page((tmp_path / "coverage.html").read_text()).ids
    )
    assert "(coverage.html)" in (tmp_path / "suite.md").read_text()


@pytest.mark.parametrize("made_before", [False, True])
def test_without_the_text_that_was_drilled_no_page_is_made_and_one_that_is_there_stays(
    tmp_path: Path, *, made_before: bool
) -> None:
    drill(first=begun(tmp_path)).write(tmp_path / "a" / "journal.jsonl")
    results = [write_reports(tmp_path / "a")]
    if made_before:
        write_suite(tmp_path, [tmp_path / "a"], results)
    (tmp_path / "on-call.md").write_text("# Another\n")
    before = (tmp_path / "coverage.html").read_bytes() if made_before else b""
    write_suite(tmp_path, [tmp_path / "a"], results)
    assert (tmp_path / "coverage.html").exists() == made_before
    assert not made_before or (tmp_path / "coverage.html").read_bytes() == before
    assert ("coverage.html" in (tmp_path / "suite.html").read_text()) == made_before


def test_a_section_that_only_a_human_can_do_divides_by_nothing(tmp_path: Path) -> None:
    human = book(tmp_path / "on-call.md")
    human = replace(human, steps=human.steps[2:])
    story = drill().swap(DrillStarted, lambda _: start(human, control=False, bound=()))
    coverage = covered(tmp_path, {"a": story})
    html = coverage_page(coverage, runbook_lines(coverage.runbook), Path(os.devnull).parent)
    assert "0 of 0 steps carried out" in html
