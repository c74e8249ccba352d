"""Whom to call: the contacts that a runbook lists, as a table or as a list.

A contact is taken as written; whether anyone answers there is not looked into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from drillbook.model import Contact, Section
from drillbook.runbook.document import Document, Prose, Table

_ABOUT = re.compile(r"\bcontacts?\b|\bon-?call\b|\bwho to call\b", re.IGNORECASE)
_ROLE = re.compile(
    r"\brole\b|\bteam\b|\bname\b|\bwho\b|\bservice\b|\bfunction\b|\bowner\b|\bperson\b|\barea\b|\bvendor\b",
    re.IGNORECASE,
)
_REACH = re.compile(
    r"\bcontact\b|\bphone\b|\bslack\b|\be-?mail\b|\bpager\w*\b|\breach\b|\bhandle\b|\bchannel\b",
    re.IGNORECASE,
)
_LINE = re.compile(r"^(?P<role>[^:\n]{1,60}?)\s*(?::|\s[-\N{EN DASH}\N{EM DASH}])\s*(?P<contact>\S.*)$")


@dataclass(frozen=True, slots=True)
class Contacts:
    """The contacts, and the lines of the list items that give them."""

    contacts: tuple[Contact, ...]
    lines: frozenset[int]


def read_contacts(document: Document) -> Contacts:
    """The contacts that `document` gives, in document order."""
    found: list[Contact] = []
    lines: set[int] = set()
    for element in document.elements:
        if isinstance(element, Table):
            found += _from_table(element)
        elif isinstance(element, Prose) and element.item is not None and _is_about(element.section):
            match = _LINE.match(element.inline.text)
            if match and element.opens and not re.match(r"\[[ xX]\]", element.inline.text):
                found.append(Contact(match["role"].strip(), match["contact"].strip(), element.line))
                lines.add(element.line)
    return Contacts(tuple(found), frozenset(lines))


def _is_about(section: Section | None) -> bool:
    return section is not None and any(_ABOUT.search(title) for title in section.path[1:] or section.path)


def _from_table(table: Table) -> list[Contact]:
    reach = next((i for i, title in enumerate(table.header) if _REACH.search(title)), None)
    role = next((i for i, title in enumerate(table.header) if _ROLE.search(title) and i != reach), None)
    if (
        reach is None
        or role is None
        or (not _is_about(table.section) and not re.search("contact", table.header[reach], re.IGNORECASE))
    ):
        return []
    return [
        Contact(row.cells[role].text, row.cells[reach].text, row.line)
        for row in table.rows
        if len(row.cells) > max(role, reach) and (row.cells[role].text or row.cells[reach].text)
    ]
