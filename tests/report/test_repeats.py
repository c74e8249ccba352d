"""Repeats in the reports: shares, medians and every single time; and in `--json`."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console
from tests.journals import control, drill, not_applied, start
from tests.report.test_reports import Page

from drillbook.commands.terminal import Terminal
from drillbook.events import DrillStarted
from drillbook.repeats import Repeats, grouped
from drillbook.reporting import repeats as spread
from drillbook.reporting.reports import write_reports
from drillbook.reporting.suite import gather, rendered
from drillbook.reporting.text import NOT_KNOWN
from drillbook.result import DrillResult, document


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, DrillResult]]:
    """Four drills of one variant (cured sooner, cured later, never, torn off), and two of a known gap."""
    out = tmp_path_factory.mktemp("out")
    gap = replace(start(), variant="keepalive", known_gap="nobody looks")
    stories = {
        "idle--1": drill(cured_at=8.0),
        "idle--2": drill(cured_at=9.0),
        "idle--3": drill(cured_at=None, cause="present"),
        "idle--4": drill().until(9.0),
        "gap--1": drill(first=gap, cured_at=None, cause="present"),
        "gap--2": drill(first=gap, cured_at=None, cause="present"),
        "absent": not_applied("No table", replace(start(), variant="other")),
    }
    made = []
    for name, story in stories.items():
        story.write(out / name / "journal.jsonl")
        if name in ("idle--1", "idle--2"):
            control().write(out / name / "control" / "journal.jsonl")
        made.append((out / name, write_reports(out / name)))
    return made


@pytest.fixture(scope="module")
def repeats(run: list[tuple[Path, DrillResult]]) -> list[Repeats]:
    return grouped([result for _, result in run])


def test_the_terminal_has_a_row_a_variant_with_every_time_and_names_what_is_flaky(
    run: list[tuple[Path, DrillResult]],
) -> None:
    text = io.StringIO()
    Terminal(total=7, console=Console(file=text, width=140)).conclude([one for _, one in run], Path("out"))
    told = text.getvalue().partition("repeats of")[2]
    rows = [" ".join(line.split()) for line in told.splitlines()]
    assert "stuck-transactions/idle-past-threshold RESOLVED 2 of 3 (21 to 94 %) 4.52 s" in rows
    assert "3.52, 4.52, >120 NOT_RESOLVED 1 of 3 (6 to 79 %)" in rows
    assert "1 of 4 left out: INFRA_ERROR 1" in rows
    assert "stuck-transactions/keepalive NOT_RESOLVED 2 of 2 (34 to 100 %) over 2 min" in rows
    assert ">120 (2 times)" in rows
    flaky = "stuck-transactions/idle-past-threshold (RESOLVED 2, NOT_RESOLVED 1)"
    assert f"1 variant is flaky: {flaky}" in rows
    assert "fewer than six times give a median no interval" in " ".join(rows)


@pytest.mark.parametrize("width", [80, 120])
def test_no_figure_is_cut_on_an_ordinary_terminal(run: list[tuple[Path, DrillResult]], width: int) -> None:
    text = io.StringIO()
    Terminal(total=7, console=Console(file=text, width=width)).conclude([one for _, one in run], Path("out"))
    told = text.getvalue().partition("repeats of")[2]
    for figure in ("RESOLVED 2 of 3 (21 to 94 %)", "4.52 s", "over 2 min", "3.52, 4.52, >120", "(2 times)"):
        assert figure in told


def test_a_run_without_repeats_says_nothing_of_them(run: list[tuple[Path, DrillResult]]) -> None:
    text = io.StringIO()
    Terminal(total=2, console=Console(file=text, width=140)).conclude([run[0][1], run[4][1]], Path("out"))
    assert "repeats" not in text.getvalue()
    suite = gather([run[0][0], run[4][0]], [run[0][1], run[4][1]])
    assert "Repeats" not in rendered(suite)["suite.md"]
    assert 'id="repeats"' not in rendered(suite)["suite.html"]
    assert suite.headline.startswith("The runbook resolves 1 of 2 failures drilled")


def test_the_suite_report_shows_the_same_and_draws_every_time(
    run: list[tuple[Path, DrillResult]],
) -> None:
    suite = gather([run_dir for run_dir, _ in run], [result for _, result in run])
    made = rendered(suite)
    markdown = Page(MarkdownIt("gfm-like", {"linkify": False}).render(made["suite.md"]))
    assert "Repeats" in markdown.headings
    assert "RESOLVED 2 of 3 (21 to 94 %)" in made["suite.md"]
    assert suite.headline.startswith("The runbook resolves 2 of 5 drills; 2 are known gaps")
    page = made["suite.html"]
    assert {"repeats"} <= set(Page(page).ids)
    assert page.count('<svg class="spread"') == 2
    assert page.count('class="came"') == 2
    assert page.count('class="never"') == 3
    assert "1 variant is flaky" in page


def test_the_json_document_has_the_repeats_beside_the_drills(
    run: list[tuple[Path, DrillResult]],
) -> None:
    data: dict[str, Any] = json.loads(json.dumps(document([result for _, result in run])))
    assert data["schema"] == 1
    idle, gap = data["repeats"]
    assert idle["verdicts"][0].keys() == {"verdict", "count", "of", "low", "high"}
    assert idle["ttr"].keys() == {"median", "low", "high", "of", "censored"}
    assert (idle["drills"], idle["with_a_say"], idle["flaky"]) == (4, 3, True)
    assert idle["left_out"] == {"INFRA_ERROR": 1}
    assert [point["ttr"] for point in idle["points"]] == pytest.approx([3.52, 4.52, None, None], abs=0.01)
    assert (gap["known_gap"], gap["ttr"]["median"], gap["ttr"]["censored"]) == ("nobody looks", None, 2)
    assert json.loads(json.dumps(document([run[0][1]])))["repeats"] == []


def test_a_median_is_told_as_far_as_the_times_bound_it(repeats: list[Repeats]) -> None:
    whole = replace(repeats[0].ttr, median=61.0, low=1.234, high=125.0)
    assert spread.median_text(whole, 120.0) == "1 min 1 s (1.23 to 2 min 5 s)"
    assert spread.median_text(replace(whole, high=None), 120.0) == "1 min 1 s (1.23 s or more)"
    assert spread.median_text(replace(whole, of=0, median=None, low=None), 120.0) == NOT_KNOWN


def test_an_older_journal_says_nothing_of_machine_and_revision(tmp_path: Path) -> None:
    drill().swap(DrillStarted, lambda event: event).write(tmp_path / "journal.jsonl")
    result = write_reports(tmp_path)
    assert (result.machine, result.revision, result.deadline_s, result.strict) == (None, None, 120.0, False)
