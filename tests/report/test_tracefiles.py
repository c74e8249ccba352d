"""Coverage in the formats of viewers that are there already: LCOV and Cobertura."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from tests.journals import drill
from tests.report.covered import begun, covered, one_drill

from drillbook.reporting.tracefiles import cobertura, lcov

# Cobertura's coverage-04.dtd as far as a file without conditions needs it: what each element must have, and
# which elements are in it, in that order.
DTD = {
    "coverage": (
        {
            *(
                "line-rate",
                "branch-rate",
                "lines-covered",
                "lines-valid",
                "branches-covered",
                "branches-valid",
            ),
            *("complexity", "version", "timestamp"),
        },
        ["sources", "packages"],
    ),
    "sources": (set(), ["source"]),
    "source": (set(), []),
    "packages": (set(), ["package"]),
    "package": ({"name", "line-rate", "branch-rate", "complexity"}, ["classes"]),
    "classes": (set(), ["class"]),
    "class": ({"name", "filename", "line-rate", "branch-rate", "complexity"}, ["methods", "lines"]),
    "methods": (set(), []),
    "lines": (set(), ["line"]),
    "line": ({"number", "hits"}, []),
}
MORE = {"line": {"branch", "condition-coverage"}}
SEVERAL = {"line"}


def check(element: ET.Element) -> None:
    """That `element` and all in it are as Cobertura's DTD has it."""
    needed, inner = DTD[element.tag]
    assert needed <= set(element.attrib) <= needed | MORE.get(element.tag, set()), element.tag
    names = [child.tag for child in element]
    if set(inner) & SEVERAL:
        assert set(names) <= set(inner), element.tag
    else:
        assert names == inner, element.tag
    for child in element:
        check(child)


def test_an_lcov_file_has_a_line_for_each_step_that_a_drill_can_carry_out(tmp_path: Path) -> None:
    first = begun(tmp_path, manual={"18": "a human's"})
    stories = {"a": drill(first=first), "b": drill(first=first, cured_at=None)}
    assert lcov(covered(tmp_path, stories), "docs/on-call.md").splitlines() == [
        *("TN:drillbook", "SF:docs/on-call.md", "DA:12,2", "DA:15,2", "LF:2", "LH:2", "end_of_record")
    ]


def test_a_step_that_no_drill_came_to_has_no_hits(tmp_path: Path) -> None:
    lines = lcov(one_drill(tmp_path), "on-call.md").splitlines()
    assert lines[2:7] == ["DA:12,1", "DA:15,1", "DA:18,0", "LF:3", "LH:2"]


def test_cobertura_is_as_its_dtd_has_it(tmp_path: Path) -> None:
    text = cobertura(one_drill(tmp_path), 'docs/on "call" & more.md')
    assert "<!DOCTYPE coverage SYSTEM" in text.splitlines()[1]
    root = ET.fromstring(text)
    check(root)
    assert (root.get("lines-covered"), root.get("lines-valid"), root.get("line-rate")) == ("2", "3", "0.6667")
    book = root.find(".//class")
    assert book is not None
    assert book.get("filename") == 'docs/on "call" & more.md'
    hits = [(line.get("number"), line.get("hits")) for line in book.iter("line")]
    assert hits == [("12", "1"), ("15", "1"), ("18", "0")]
    assert root.get("timestamp", "").isdigit()
