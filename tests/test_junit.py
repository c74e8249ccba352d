"""JUnit: what a CI's viewer makes of each verdict."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.journals import control, drill, not_applied

from drillbook.junit import junit
from drillbook.result import result_of


def test_a_drill_without_its_control_is_an_error_and_one_with_it_passes() -> None:
    entries, beside = drill().entries(), control().entries()
    good = result_of(entries, beside, run_dir="good")
    unsure = result_of(entries, None, run_dir="unsure")
    suite = ET.fromstring(junit([good, unsure]))[0]
    assert suite.attrib["tests"] == "2"
    assert suite.attrib["errors"] == "1"
    assert [child.tag for child in suite[1]] == ["error"]
    assert list(suite[0]) == []


def test_what_is_not_applicable_is_skipped_with_its_reason_and_no_error() -> None:
    entries = not_applied("The stack lacks a table").entries()
    suite = ET.fromstring(junit([result_of(entries, None, run_dir="absent")]))[0]
    counts = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "1", "failures": "0", "errors": "0", "skipped": "1"}
    assert [child.tag for child in suite[0]] == ["skipped"]
    assert suite[0][0].attrib["message"] == "not applicable: The stack lacks a table"
