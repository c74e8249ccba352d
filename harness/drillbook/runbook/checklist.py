"""The checkboxes of a runbook.

They are kept apart from its steps; only one that holds a command is a step as well.
"""

from __future__ import annotations

import re

from drillbook.model import ChecklistItem
from drillbook.runbook.document import Document, Prose

_BOX = re.compile(r"^\[(?P<mark>[ xX])\]\s+(?P<text>.+)$", re.DOTALL)


def read_checklist(document: Document) -> tuple[ChecklistItem, ...]:
    """The checkboxes of `document`, in document order."""
    found = []
    for element in document.elements:
        if isinstance(element, Prose) and element.item is not None and element.opens:
            match = _BOX.match(element.inline.text)
            if match:
                path = element.section.path if element.section else ()
                found.append(ChecklistItem(element.line, path, match["text"], match["mark"] != " "))
    return tuple(found)
