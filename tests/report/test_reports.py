from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from tests.journals import Story, changed, control, drill, ended, not_applied, runbook, start

from drillbook.errors import JournalError, StackError
from drillbook.events import StepEnded
from drillbook.model import PostMortemHeading, Templates, Verdict
from drillbook.reporting.facts import facts
from drillbook.reporting.reports import rendered, write_reports, write_suite
from drillbook.result import result_of

NASTY = "a | b ``` </pre><script>alert(1)</script> <img src=https://example.com/x> **bold**"


def files(story: Story, beside: Story | None = None) -> dict[str, str]:
    entries, other = story.entries(), beside.entries() if beside else None
    return rendered(facts(result_of(entries, other, run_dir="run"), entries, other))


class Page(HTMLParser):
    """What a browser would see: tags, ids, and whatever it would have to fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.headings: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        targets = [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        self.fetched += [target for target in targets if not target.startswith(("#", "data:"))]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "h2" and data.strip():
            self.headings.append(data.strip())
            self.tags.append("")


def test_every_report_of_a_run_is_written_and_the_same_when_made_again(tmp_path: Path) -> None:
    drill().write(tmp_path / "journal.jsonl")
    control().write(tmp_path / "control" / "journal.jsonl")
    assert write_reports(tmp_path).verdict is Verdict.RESOLVED
    made = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert {str(path) for path in made} == {
        "journal.jsonl", "control/journal.jsonl", "result.json", "postmortem.md", "postmortem.html",
        "status/01-start.md", "status/02-resolution.md",
    }  # fmt: skip
    assert json.loads(made[Path("result.json")])["verdict"] == "RESOLVED"
    write_reports(tmp_path)
    assert made == {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def test_an_update_that_is_no_longer_due_is_removed(tmp_path: Path) -> None:
    drill(cured_at=None).write(tmp_path / "journal.jsonl")
    write_reports(tmp_path)
    assert (tmp_path / "status" / "02-end.md").exists()
    (tmp_path / "journal.jsonl").unlink()
    drill(first=start(control=False)).write(tmp_path / "journal.jsonl")
    write_reports(tmp_path)
    assert sorted(p.name for p in (tmp_path / "status").iterdir()) == ["01-start.md", "02-resolution.md"]


def test_a_report_that_can_t_be_written_is_one_clear_error(tmp_path: Path) -> None:
    drill().write(tmp_path / "journal.jsonl")
    (tmp_path / "postmortem.md").mkdir()
    with pytest.raises(StackError, match="can't write a report"):
        write_reports(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_a_runbook_in_the_journal_that_is_none_is_one_clear_error() -> None:
    with pytest.raises(JournalError, match="not a parsed runbook"):
        files(drill(first=start(runbook={"path": "x"})))


def test_every_torn_journal_still_has_its_reports() -> None:
    whole = drill()
    for tenths in range(1, 165, 16):
        made = files(whole.until(tenths / 10), control())
        assert "INFRA_ERROR" in made["postmortem.md"]


def test_the_page_needs_nothing_but_itself_and_runs_nothing() -> None:
    nasty = ended(2, 1, out=NASTY + "\n" * 3 + NASTY, err=NASTY, broken=NASTY)
    story = drill(cured_at=None).swap(StepEnded, lambda e: nasty if e.id == 2 else e)
    made = files(story, control())
    page = Page(made["postmortem.html"])
    assert not {"script", "img", "iframe", "object"} & set(page.tags)
    assert page.fetched == []
    assert len(page.ids) == len(set(page.ids))
    assert "url(" not in made["postmortem.html"]
    assert "@import" not in made["postmortem.html"]


def test_output_in_the_markdown_is_shown_and_never_acted_on() -> None:
    nasty = ended(2, 1, out=NASTY, err=NASTY, broken=NASTY)
    story = drill(cured_at=None).swap(StepEnded, lambda e: nasty if e.id == 2 else e)
    html = MarkdownIt("commonmark").enable("table").render(files(story, control())["postmortem.md"])
    page = Page(html)
    assert not {"script", "img"} & set(page.tags)
    assert "alert(1)" in html
    rows = re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    assert {row.count("<td") for row in rows if "<td" in row} <= {3, 4, 5}


def test_the_runbook_s_own_headings_come_first_and_in_its_order() -> None:
    made = files(drill(), control())
    own = [heading.title for heading in runbook().templates.post_mortem]
    assert Page(made["postmortem.html"]).headings[: len(own)] == own
    assert re.findall(r"^## (.*)$", made["postmortem.md"], re.MULTILINE)[: len(own)] == own


def test_headings_are_taken_by_their_meaning_and_an_unknown_one_is_left_to_a_human() -> None:
    titles = (
        "TL;DR",
        "Weather",
        "How we noticed",
        "Why did it happen?",
        "What went well",
        "Sequence of events",
        "Next steps",
    )
    headings = tuple(PostMortemHeading(title, "", 60 + n) for n, title in enumerate(titles))
    book = changed(runbook(), templates=Templates(None, headings))
    made = files(drill(first=start(runbook=book)), control())["postmortem.md"]
    parts = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## )", made, re.MULTILINE | re.DOTALL))
    assert "injected" in parts["TL;DR"]
    assert parts["Weather"].strip() == "*For a human: the journal can't know this.*"
    assert "An alert fired 1.4 s after" in parts["How we noticed"]
    assert parts["What went well"] == parts["Weather"]
    assert "pid 4211 holds the lock" in parts["Why did it happen?"]
    assert "**detect**" in parts["Sequence of events"]
    assert "on-call.md:12" in parts["Next steps"]


def test_of_two_headings_that_ask_for_the_same_the_first_is_filled() -> None:
    headings = (PostMortemHeading("Overview", "", 60), PostMortemHeading("Summary", "", 61))
    book = changed(runbook(), templates=Templates(None, headings))
    made = files(drill(first=start(runbook=book)), control())["postmortem.md"]
    first, second = made.split("## Overview")[1].split("## Summary")
    assert "went bad" in first
    assert second.strip().startswith("*For a human")


def test_a_runbook_without_a_template_gets_the_usual_headings_and_is_told_so() -> None:
    book = changed(runbook(), templates=Templates())
    made = files(drill(first=start(runbook=book)), control())
    for form in ("md", "html"):
        assert "no post-mortem template" in made[f"postmortem.{form}"]
    assert Page(made["postmortem.html"]).headings[:2] == ["Summary", "Impact"]


def test_a_template_without_a_timeline_or_action_items_still_tells_both() -> None:
    book = changed(runbook(), templates=Templates(None, (PostMortemHeading("Summary", "", 60),)))
    made = files(drill(first=start(runbook=book)), control())
    for form in ("md", "html"):
        assert "Timeline of the drill" in made[f"postmortem.{form}"]
        assert "What to mend" in made[f"postmortem.{form}"]


def test_the_report_names_verdict_times_steps_control_invariants_seed_and_how_to_repeat_it() -> None:
    made = files(drill(), control())
    for form in ("md", "html"):
        text = made[f"postmortem.{form}"]
        for words in ("RESOLVED", "4.5 s", "1.4 s", "Kill stuck queries", "acknowledged orders are kept"):
            assert words in text, (form, words)
        for words in ("--seed 7", "18.6", "still there", "DRILL" if form == "md" else "<strong>Drill"):
            assert words in text, (form, words)


def test_action_items_name_the_line_that_is_broken_and_what_would_cure() -> None:
    broken = ended(2, 2, broken="unknown command")
    story = drill(cured_at=None).swap(StepEnded, lambda e: broken if e.id == 2 else e)
    text = files(story, control())["postmortem.md"]
    assert "**on-call.md:15** Mend `psql" in text
    assert "**on-call.md:8** If line 15, once mended, does not cure it: add what cures this variant" in text
    assert "**on-call.md:8** Add what cures" in files(drill(cured_at=None), control())["postmortem.md"]
    assert "**on-call.md:18** Give “Identify long-running queries” a command" in text


def test_a_known_gap_is_told_at_the_head() -> None:
    first = start(known_gap="the query is too narrow")
    text = files(drill(first=first, cured_at=None), control())["postmortem.md"]
    assert "Known gap, as expected: The query is too narrow." in text
    text = files(drill(first=replace(first)), control())["postmortem.md"]
    assert "Known gap, but not as expected" in text


def test_that_steps_were_altered_is_told_at_the_head_and_in_the_result_and_there_is_no_suite(
    tmp_path: Path,
) -> None:
    made = files(drill(first=start(altered="line 15 is left out", control=False)))
    assert "**The steps were altered on purpose:** Line 15 is left out." in made["postmortem.md"]
    assert "Line 15 is left out." in made["postmortem.html"]
    assert json.loads(made["result.json"])["altered"] == "line 15 is left out"
    assert "altered" not in json.loads(files(drill(), control())["result.json"])
    story = drill(first=start(altered="line 15 is left out", control=False))
    story.write(tmp_path / "drill" / "journal.jsonl")
    write_suite(tmp_path, [tmp_path / "drill"], [write_reports(tmp_path / "drill")])
    assert not (tmp_path / "suite.md").exists()


def test_the_checklist_is_ticked_only_where_the_drill_did_the_thing() -> None:
    text = files(drill(), control())["postmortem.md"]
    assert "- [x] Incident documented" in text
    assert "- [x] Root cause identified" in text
    assert "- [ ] Monitoring/alerts updated" in text


def test_what_was_not_applicable_has_a_page_that_claims_nothing(tmp_path: Path) -> None:
    not_applied("The stack lacks a table").write(tmp_path / "journal.jsonl")
    result = write_reports(tmp_path)
    assert (result.verdict, result.score, result.control_needed) == (Verdict.NOT_APPLICABLE, None, False)
    text = (tmp_path / "postmortem.md").read_text()
    assert "was not carried out. The stack lacks a table." in text
    for claim in ("was begun", "injected", "went bad", "## Root cause", "carried out no step"):
        assert claim not in text
    assert not list((tmp_path / "status").glob("*"))
