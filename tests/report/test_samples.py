"""The samples in reports/samples/ are what this version would make of their journals."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from drillbook.junit import junit
from drillbook.reporting import suite
from drillbook.reporting.coverage import runbook_lines
from drillbook.reporting.coverage_page import coverage_page
from drillbook.reporting.facts import facts
from drillbook.reporting.reports import rendered
from drillbook.result import DrillResult, document, dumps, journals, result_of

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "reports" / "samples"
FOLDERS = ("resolved", "known-gap", "step-broken")
STALE = "run `make samples ARGS=--again`, and look at what changed"


def made(folder: str) -> tuple[DrillResult, dict[str, str]]:
    entries, control = journals(SAMPLES / folder)
    result = result_of(entries, control, run_dir=f"reports/samples/{folder}")
    return result, rendered(facts(result, entries, control))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_sample_s_reports_are_those_that_its_journals_give(folder: str) -> None:
    _, files = made(folder)
    reports = {
        path.relative_to(SAMPLES / folder).as_posix(): path.read_text("utf-8")
        for path in (SAMPLES / folder).rglob("*")
        if path.is_file() and path.name != "journal.jsonl"
    }
    assert sorted(reports) == sorted(files), STALE
    for name, text in files.items():
        assert reports[name] == text, f"{folder}/{name}: {STALE}"


def test_the_results_and_the_junit_file_are_those_of_the_samples() -> None:
    results = [made(folder)[0] for folder in FOLDERS]
    assert [result.verdict for result in results] == ["RESOLVED", "NOT_RESOLVED", "STEP_BROKEN"]
    assert (SAMPLES / "results.json").read_text("utf-8") == dumps(document(results)), STALE
    assert (SAMPLES / "junit.xml").read_text("utf-8") == junit(results, hostname="ci"), STALE


def test_the_suite_report_and_the_coverage_are_those_of_the_first_two_samples() -> None:
    folders = FOLDERS[:2]
    results = [made(folder)[0] for folder in folders]
    told = suite.gather([SAMPLES / folder for folder in folders], results)
    files = suite.rendered(told, coverage_page=True)
    lines = runbook_lines(told.runbook, ROOT / told.runbook.path)
    files["coverage.html"] = coverage_page(told.coverage, lines, SAMPLES)
    for name, text in files.items():
        assert (SAMPLES / name).read_text("utf-8") == text, f"{name}: {STALE}"


def test_no_sample_names_a_folder_of_a_machine_or_a_password() -> None:
    telling = re.compile(r"/(?:home|root|Users|work)/|://[^\s:/@\"]+:(?!\*\*\*)[^\s@\"]+@")
    files = [path for path in SAMPLES.rglob("*") if path.is_file()]
    assert len(files) > len(FOLDERS) * 6
    for path in files:
        found = telling.search(path.read_text("utf-8"))
        assert found is None, f"{path.relative_to(ROOT)}: {found}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_sample_s_runbook_is_a_file_of_this_checkout(folder: str) -> None:
    runbook = json.loads((SAMPLES / folder / "result.json").read_text("utf-8"))["runbook"]["path"]
    assert (ROOT / runbook).is_file()
