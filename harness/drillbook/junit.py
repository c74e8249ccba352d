"""JUnit XML: a drill is a test case, a known gap is a skipped one, no say on the runbook is an error.

What was not applicable is skipped too: it failed nobody, and must not count as passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from drillbook.model import Verdict
from drillbook.result import DrillResult
from drillbook.verdict import FAILED_ITSELF, NO_SAY


def junit(results: Sequence[DrillResult]) -> str:
    """The results as the text of a JUnit XML file."""
    failures = sum(not r.expected and r.verdict not in NO_SAY for r in results)
    errors = sum(r.verdict in FAILED_ITSELF for r in results)
    counts = {"tests": len(results), "failures": failures, "errors": errors}
    counts["skipped"] = sum(_is_gap(r) or r.verdict is Verdict.NOT_APPLICABLE for r in results)
    attributes = {name: str(count) for name, count in counts.items()}
    suites = ET.Element("testsuites", {"name": "drillbook"})
    suite = ET.SubElement(suites, "testsuite", {"name": "drillbook", **attributes})
    for result in results:
        _case(suite, result)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _is_gap(result: DrillResult) -> bool:
    return result.expected and result.verdict is not Verdict.RESOLVED


def _case(suite: ET.Element, result: DrillResult) -> None:
    seconds = sum(step.seconds or 0.0 for step in result.steps)
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": f"drillbook.{result.scenario}",
            "name": result.variant,
            "file": result.runbook.path,
            "time": f"{result.durations.ttr or seconds:.3f}",
        },
    )
    reason = {"message": f"{result.verdict}: {result.reason}"}
    if result.verdict is Verdict.NOT_APPLICABLE:
        ET.SubElement(case, "skipped", {"message": f"not applicable: {result.reason}"})
    elif result.verdict in NO_SAY:
        ET.SubElement(case, "error", {**reason, "type": result.verdict}).text = result.run_dir
    elif not result.expected:
        ET.SubElement(case, "failure", {**reason, "type": result.verdict}).text = result.run_dir
    elif _is_gap(result):
        ET.SubElement(case, "skipped", {"message": f"known gap: {result.known_gap}"})
