"""The coverage of a runbook in the formats of existing viewers: LCOV and Cobertura's XML.

The runbook is the source file, a step is a line of it, and a hit is a drill that carried the step out. What
only a human can do is no line, as a comment is none.
"""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree as ET

from drillbook import __version__
from drillbook.reporting.coverage import Coverage
from drillbook.reporting.usage import Use

_DOCTYPE = '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">'


def hits(coverage: Coverage) -> dict[int, int]:
    """How many drills carried out the step on a line, by the line, in the order of the lines."""
    found: dict[int, int] = {}
    for told in coverage.steps:
        if told.use is not Use.MANUAL:
            found[told.step.line] = max(told.hits, found.get(told.step.line, 0))
    return dict(sorted(found.items()))


def lcov(coverage: Coverage, path: str) -> str:
    """The coverage as an LCOV tracefile, of the runbook at `path`."""
    lines = hits(coverage)
    records = [
        "TN:drillbook",
        f"SF:{path}",
        *(f"DA:{line},{count}" for line, count in lines.items()),
        f"LF:{len(lines)}",
        f"LH:{sum(count > 0 for count in lines.values())}",
        "end_of_record",
    ]
    return "\n".join(records) + "\n"


def cobertura(coverage: Coverage, path: str) -> str:
    """The coverage as Cobertura's XML, of the runbook at `path`; its time is that of the newest drill."""
    lines = hits(coverage)
    covered = sum(count > 0 for count in lines.values())
    rates = {
        "line-rate": f"{covered / len(lines) if lines else 1:.4f}",
        "branch-rate": "0",
        "complexity": "0",
    }
    newest = max(datetime.fromisoformat(drill.result.started) for drill in coverage.drills)
    root = ET.Element(
        "coverage",
        {
            **rates,
            "lines-covered": str(covered),
            "lines-valid": str(len(lines)),
            "branches-covered": "0",
            "branches-valid": "0",
            "version": f"drillbook {__version__}",
            "timestamp": str(int(newest.timestamp() * 1000)),
        },
    )
    ET.SubElement(ET.SubElement(root, "sources"), "source").text = "."
    package = ET.SubElement(ET.SubElement(root, "packages"), "package", {"name": "runbooks", **rates})
    name = path.rpartition("/")[2]
    book = ET.SubElement(
        ET.SubElement(package, "classes"), "class", {"name": name, "filename": path, **rates}
    )
    ET.SubElement(book, "methods")
    table = ET.SubElement(book, "lines")
    for line, count in lines.items():
        ET.SubElement(table, "line", {"number": str(line), "hits": str(count), "branch": "false"})
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_DOCTYPE}\n{text}\n'
