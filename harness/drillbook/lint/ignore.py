"""Comments in a runbook that say what lint is not to report, and where.

`<!-- drillbook: ignore RULE, RULE -->` covers its own line and the element right below it: a code block, a
paragraph, a list item, a table, or a heading's line. `# drillbook: ignore RULE` in a code block covers its
own line and the statement below. `ignore-file` in place of `ignore` covers the whole runbook.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from drillbook.lint.rule import Subject
from drillbook.runbook.document import Code, Element, Heading, Html, Prose, Table

_HTML = re.compile(r"<!--\s*#?\s*drillbook:\s*(?P<what>ignore(?:-file)?)\b(?P<rules>[^>]*?)-->")
_SHELL = re.compile(r"#\s*drillbook:\s*(?P<what>ignore(?:-file)?)\b(?P<rules>.*)$")
_RULE = re.compile(r"^[\s,:]*(?P<id>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)(?=[\s,]|$)")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One such comment: its line, the rules that it names, and the lines that it covers."""

    line: int
    rules: tuple[str, ...]
    first: int
    last: int

    def covers(self, rule: str, line: int) -> bool:
        """Whether a finding of `rule` on `line` is not to be reported."""
        return rule in self.rules and self.first <= line <= self.last


def read_ignores(subject: Subject) -> tuple[Ignore, ...]:
    """The comments of `subject` that say what is to be ignored, by line."""
    code = {
        n for e in subject.document.elements if isinstance(e, Code) for n in range(e.first, e.end_line + 1)
    }
    found = []
    for number, text in enumerate(subject.lines, start=1):
        match = (_SHELL if number in code else _HTML).search(text)
        if match is None:
            continue
        if match["what"] == "ignore-file":
            first, last = 1, len(subject.lines)
        elif number in code:
            first, last = number, _statement_end(subject, number)
        else:
            first, last = number, _element_end(subject, number)
        found.append(Ignore(number, tuple(_rules(match["rules"])), first, last))
    return tuple(found)


def _rules(text: str) -> Iterator[str]:
    """The rules at the beginning of `text`, with commas between them; a reason may follow."""
    while match := _RULE.match(text):
        yield match["id"]
        text = text[match.end() :]
        if not text.lstrip().startswith(","):
            return


def _statement_end(subject: Subject, line: int) -> int:
    ends = [
        step.end_line for step in subject.commands if step.line <= line <= step.end_line or step.line > line
    ]
    return ends[0] if ends else line


def _element_end(subject: Subject, line: int) -> int:
    if subject.lines[line - 1].partition("<!--")[0].strip():
        return line  # it stands behind the text that it is about
    for element in subject.document.elements:
        if isinstance(element, Html) and _line_of(element) <= line + 1:
            continue
        if _line_of(element) > line:
            return _end_of(element)
    return line


def _line_of(element: Element) -> int:
    return element.section.line if isinstance(element, Heading) else element.line


def _end_of(element: Element) -> int:
    match element:
        case Prose() | Code():
            return element.end_line
        case Table():
            return element.rows[-1].line if element.rows else element.line
        case _:
            return _line_of(element)
