"""JUnit XML: a scenario is a test suite, a drill a test case, a known gap a skipped one, no say an error.

What was not applicable is skipped too: it failed nobody, and must not count as passed. The form is that of
Jenkins' schema, which the viewers of GitLab and GitHub read as well; it knows no `file` of a test case, so a
failure's text begins with the line of the runbook.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as ET

from drillbook.model import Verdict
from drillbook.result import DrillResult, StepResult
from drillbook.verdict import FAILED_ITSELF, NO_SAY

# What XML 1.0 can't hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_COMMAND = 160


def junit(results: Sequence[DrillResult], *, hostname: str = "") -> str:
    """The results as the text of a JUnit XML file; `hostname` stands for this machine's own."""
    suites_of: dict[tuple[str, str], list[DrillResult]] = {}  # two plans may drill a scenario on two runbooks
    for result in results:
        suites_of.setdefault((result.scenario, result.runbook.path), []).append(result)
    totals = _counts(results)
    del totals["skipped"]  # the schema knows it of a suite alone
    suites = ET.Element("testsuites", {"name": "drillbook", **totals})
    for number, drills in enumerate(suites_of.values()):
        _suite(suites, number, drills, hostname or socket.gethostname())
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def failed(result: DrillResult) -> bool:
    """Whether the drill is a failure of the runbook's, or of its plan's, to a viewer of tests."""
    return not result.expected and result.verdict not in NO_SAY


def where(result: DrillResult) -> str:
    """The line of the runbook at which to look first, as `FILE:LINE`; the file alone where none is told."""
    return f"{result.runbook.path}:{result.line}" if result.line else result.runbook.path


def told(result: DrillResult) -> str:
    """What there is to say of a drill that did not come out as expected: the line, why, and what was done."""
    steps = [line for step in result.steps for line in _step(result, step)]
    return "\n".join(
        [
            f"{where(result)}: {message(result)}",
            "",
            *(["steps:", *steps, ""] if steps else []),
            f"report: {result.run_dir}/postmortem.html",
            f"again:  {result.repeat}",
        ]
    )


def _suite(suites: ET.Element, number: int, drills: Sequence[DrillResult], hostname: str) -> None:
    first = drills[0]
    started = min(datetime.fromisoformat(drill.started) for drill in drills)
    attributes = {
        "name": f"drillbook.{first.scenario}",
        **_counts(drills),
        "timestamp": started.strftime("%Y-%m-%dT%H:%M:%S"),  # in UTC, as the form wants it: without a zone
        "hostname": hostname,
        "id": str(number),
        "file": first.runbook.path,
    }
    suite = ET.SubElement(suites, "testsuite", {name: _xml(value) for name, value in attributes.items()})
    about = {
        "backend": first.backend,
        "responder": first.responder,
        "severity": first.severity,
        "seed": str(first.seed),
        "runbook": first.runbook.path,
        "runbook.sha256": first.runbook.sha256,
        **{f"version.{name}": version for name, version in sorted(first.versions.items())},
    }
    properties = ET.SubElement(suite, "properties")
    for name, value in about.items():
        ET.SubElement(properties, "property", {"name": _xml(name), "value": _xml(value)})
    for drill in drills:
        _case(suite, drill)


def _counts(results: Sequence[DrillResult]) -> dict[str, str]:
    skipped = sum(_is_gap(r) or r.verdict is Verdict.NOT_APPLICABLE for r in results)
    return {
        "tests": str(len(results)),
        "failures": str(sum(failed(r) for r in results)),
        "errors": str(sum(r.verdict in FAILED_ITSELF for r in results)),
        "skipped": str(skipped),
        "time": f"{sum(r.seconds for r in results):.3f}",
    }


def _is_gap(result: DrillResult) -> bool:
    return result.expected and result.verdict is not Verdict.RESOLVED


def _case(suite: ET.Element, result: DrillResult) -> None:
    attributes = {
        "classname": f"drillbook.{result.scenario}",
        "name": result.variant,
        "time": f"{result.seconds:.3f}",
    }
    case = ET.SubElement(suite, "testcase", {name: _xml(value) for name, value in attributes.items()})
    if result.verdict is Verdict.NOT_APPLICABLE:
        _say(case, "skipped", f"not applicable: {result.reason}")
    elif result.verdict in NO_SAY:
        _say(case, "error", f"{result.verdict}: {result.reason}", result)
    elif not result.expected:
        _say(case, "failure", f"{where(result)}: {message(result)}", result)
    elif _is_gap(result):
        _say(case, "skipped", f"known gap: {result.known_gap}")
    ET.SubElement(case, "system-out").text = _xml(f"report: {result.run_dir}/postmortem.html\n")


def message(result: DrillResult) -> str:
    """Why a drill is red, in a sentence that begins with its verdict."""
    if result.known_gap is not None and result.verdict is Verdict.RESOLVED:
        return f"RESOLVED: the known gap is out of date, take it out of the plan: {result.known_gap}"
    return f"{result.verdict}: {result.reason}"


def _say(case: ET.Element, tag: str, said: str, result: DrillResult | None = None) -> None:
    attributes = {"message": _xml(said)}
    if result is not None:
        attributes["type"] = result.verdict
    element = ET.SubElement(case, tag, attributes)
    if result is not None:
        element.text = _xml(told(result))


def _step(result: DrillResult, step: StepResult) -> list[str]:
    """The step on a line that a viewer can make a link of, with what came of it, and why it is broken."""
    if step.skipped:
        came = f"passed over: {step.skipped}"
    else:
        code = "timed out" if step.timed_out else f"exit code {step.exit_code}"
        came = f"{code}, effect {step.effect}" if step.effect is not None else code
    words = " ".join((step.run or step.command or step.text).split())
    short = words if len(words) <= _LONGEST_COMMAND else f"{words[: _LONGEST_COMMAND - 1]}…"
    lines = [f"  {result.runbook.path}:{step.line}: {short}  [{came}]"]
    return [*lines, f"    broken: {step.broken}"] if step.broken else lines


def _xml(text: str) -> str:
    return _NO_XML.sub("�", text)
