"""JUnit: what a CI's viewer makes of each verdict."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.journals import control, drill

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
