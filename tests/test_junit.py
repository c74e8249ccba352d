"""JUnit: what a CI's viewer makes of each verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import xmlschema
from tests.journals import QUERY, control, drill, ended, not_applied, opening, start, step

from drillbook.events import StepEnded
from drillbook.junit import junit
from drillbook.result import DrillResult, result_of

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))


def resolved(**changes: Any) -> DrillResult:
    return result_of(drill(first=start(**changes)).entries(), control().entries(), run_dir="out/resolved")


def broken(**changes: Any) -> DrillResult:
    story = drill(first=start(**changes), cured_at=None, cause="present")
    story = story.swap(
        StepEnded, lambda end: ended(end.id, 127, broken="psql: \x1b[1m<not> found") if end.id == 2 else end
    )
    return result_of(story.entries(), None, run_dir="out/broken")


def read(*results: DrillResult) -> ET.Element:
    text = junit(results, hostname="ci")
    SCHEMA.validate(text.replace("<?xml version='1.0' encoding='utf-8'?>\n", ""))
    return ET.fromstring(text)


def test_a_drill_without_its_control_is_an_error_and_one_with_it_passes() -> None:
    unsure = result_of(drill().entries(), None, run_dir="unsure")
    suite = read(resolved(), unsure)[0]
    good, bad = suite.findall("testcase")
    assert (suite.attrib["tests"], suite.attrib["errors"], suite.attrib["failures"]) == ("2", "1", "0")
    assert [child.tag for child in good] == ["system-out"]
    assert [child.tag for child in bad] == ["error", "system-out"]


def test_what_is_not_applicable_is_skipped_with_its_reason_and_no_error() -> None:
    entries = not_applied("The stack lacks a table").entries()
    suite = read(result_of(entries, None, run_dir="absent"))[0]
    counts = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "1", "failures": "0", "errors": "0", "skipped": "1"}
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "not applicable: The stack lacks a table"


def test_a_scenario_is_a_suite_that_says_what_was_drilled_when_and_for_how_long() -> None:
    root = read(resolved(), resolved(variant="other"), resolved(scenario="service-down"))
    names = [(suite.attrib["name"], suite.attrib["tests"]) for suite in root]
    assert names == [("drillbook.stuck-transactions", "2"), ("drillbook.service-down", "1")]
    suite = root[0]
    # A drill of 16.5 s and a control of 14.5 s by their journals.
    assert [case.attrib["time"] for case in suite.findall("testcase")] == ["31.000", "31.000"]
    assert (suite.attrib["time"], root.attrib["time"], root.attrib["tests"]) == ("62.000", "93.000", "3")
    assert suite.attrib["timestamp"] == resolved().started.partition(".")[0]
    assert suite.attrib["hostname"] == "ci"
    values = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    assert (values["backend"], values["seed"], values["runbook.sha256"]) == ("local", "7", "5f" * 32)


def test_a_broken_step_is_a_failure_whose_text_begins_with_its_line_and_has_what_was_done() -> None:
    failure = read(broken()).find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.attrib["type"] == "STEP_BROKEN"
    assert failure.attrib["message"].startswith("on-call.md:15: STEP_BROKEN: Line 15 can't run as written")
    lines = (failure.text or "").splitlines()
    assert lines[0] == failure.attrib["message"]
    step_line = next(line for line in lines if line.startswith("  on-call.md:15: "))
    assert QUERY[:40] in step_line
    assert "[exit code 127, effect none]" in step_line
    assert "    broken: psql: �[1m<not> found" in lines  # an escape sequence is no XML
    assert "report: out/broken/postmortem.html" in lines


def test_a_known_gap_is_skipped_with_its_reason_and_fails_once_it_is_out_of_date() -> None:
    suite = read(broken(known_gap="only & always"), resolved(known_gap="long mended"))[0]
    assert (suite.attrib["skipped"], suite.attrib["failures"]) == ("1", "1")
    gap, stale = suite.findall("testcase")
    assert gap[0].attrib["message"] == "known gap: only & always"
    assert stale[0].tag == "failure"
    assert "out of date" in stale[0].attrib["message"]


def test_a_drill_that_was_torn_off_is_an_error_of_the_harness() -> None:
    story = opening().at(6.2, step(1, 12, "Look", "true"))
    suite = read(result_of(story.entries(), None, run_dir="torn"))[0]
    assert suite.attrib["errors"] == "1"
    error = suite.find("testcase/error")
    assert error is not None
    assert error.attrib["type"] == "INFRA_ERROR"
