"""The trend page: each variant by itself, from run to run."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.journals import control, drill, start
from tests.report.test_reports import NASTY, Page

from drillbook.clocks import Durations
from drillbook.history import Record, record_of
from drillbook.model import Machine, Revision, Verdict
from drillbook.reporting.trend import page
from drillbook.result import RunbookFile, result_of

BASIS = record_of(
    result_of(
        drill(first=start(machine=Machine(2, "x86_64"))).entries(), control().entries(), run_dir="out/a"
    )
)


def one(day: int, book: str, ttr: float | None, **changes: object) -> Record:
    made = replace(
        BASIS,
        started=f"2026-01-{day:02d}T08:00:00+00:00",
        runbook=RunbookFile("on-call.md", book * 64),
        revision=Revision(book * 40, "on-call.md", dirty=False),
        durations=Durations(ttm=ttr, ttr=ttr, error_s=0.25),
        verdict=Verdict.RESOLVED if ttr is not None else Verdict.NOT_RESOLVED,
        run=day,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the names are checked by `replace`


@pytest.fixture
def records() -> list[Record]:
    """Two states of a runbook: with the second the one variant broke, and the other is as it was."""
    first = [one(1, "a", 1.5), one(2, "a", 1.7), one(3, "b", None), one(4, "b", None)]
    other = [replace(one(day, "ab"[day > 2], 3.0), variant="other-role") for day in (1, 2, 3, 4)]
    torn = replace(one(5, "b", None), verdict=Verdict.INFRA_ERROR)
    return sorted([*first, *other, torn], key=lambda record: record.started)


def test_each_variant_has_a_drawing_with_every_drill_in_it(records: list[Record]) -> None:
    html = page(records)
    drawings = re.findall(r'<svg class="trend".*?</svg>', html.partition("</header>")[2], re.DOTALL)
    assert len(drawings) == 2
    idle, other = drawings
    assert (idle.count('class="came"'), idle.count('class="never"'), idle.count('class="none"')) == (2, 2, 1)
    assert (other.count('class="came"'), other.count('class="never"')) == (4, 0)
    assert "2026-01-03 08:00 NOT_RESOLVED, not resolved, runbook bbbbbbbb" in idle


def test_where_the_runbook_changed_is_marked_and_each_state_has_its_own_median(records: list[Record]) -> None:
    html = page(records)
    idle, other = re.findall(r'<svg class="trend".*?</svg>', html.partition("</header>")[2], re.DOTALL)
    assert (idle.count('class="edge"'), idle.count(">aaaaaaaa<"), idle.count(">bbbbbbbb<")) == (1, 1, 1)
    assert (idle.count('class="median"'), other.count('class="median"')) == (1, 2)


def test_what_changed_with_the_newest_runbook_is_named_first(records: list[Record]) -> None:
    html = page(records)
    assert Page(html).headings[0] == "What changed with the newest runbook"
    assert "RESOLVED 2, now NOT_RESOLVED 2" in html
    assert "RESOLVED 2, now RESOLVED 2" not in html
    assert 'id="changed"' not in page(records[:4])


def test_drills_of_different_machines_are_not_drawn_together(records: list[Record]) -> None:
    faster = [replace(record, machine=Machine(8, "x86_64")) for record in records]
    html = page([*records, *faster])
    assert len(re.findall(r"<figure>", html)) == 4
    assert "8 cores x86_64, postgres 18.6, redis 6.2.5" in html


def test_a_variant_that_was_never_resolved_has_no_scale_of_times(records: list[Record]) -> None:
    html = page([record for record in records if record.verdict is Verdict.NOT_RESOLVED])
    assert 'class="grid"' not in html.partition("</header>")[2]


def test_the_page_fetches_nothing_and_shows_what_comes_from_outside(records: list[Record]) -> None:
    html = page([replace(record, title=NASTY, variant=NASTY) for record in records])
    found = Page(html)
    assert found.fetched == []
    assert not {"script", "img"} & set(found.tags)
