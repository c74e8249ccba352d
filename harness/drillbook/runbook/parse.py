"""The runbook parser: from a Markdown file to a `Runbook`.

Any text parses. What can't be classed is said in the runbook's notices, never guessed.
"""

from __future__ import annotations

from pathlib import Path

from drillbook.model import Runbook, Templates
from drillbook.runbook.checklist import read_checklist
from drillbook.runbook.communication import read_communication
from drillbook.runbook.contacts import read_contacts
from drillbook.runbook.markdown import read_markdown
from drillbook.runbook.postmortem import read_post_mortem
from drillbook.runbook.severity import read_severities
from drillbook.runbook.source import normalise, read_source
from drillbook.runbook.steps import collect

_SECOND = "a further status template: only the first one is used"


def parse_runbook(path: Path) -> Runbook:
    """The runbook in the file at `path`.

    Raises:
        InputError: the file is missing, unreadable, empty, too large, binary or not UTF-8.
    """
    text, sha256 = read_source(path)
    return parse_text(text, path=str(path), sha256=sha256)


def parse_text(text: str, *, path: str = "<text>", sha256: str = "") -> Runbook:
    """The runbook that `text` holds; `path` and `sha256` say where it comes from."""
    document = read_markdown(normalise(text))
    severities = read_severities(document)
    post_mortem = read_post_mortem(document)
    contacts = read_contacts(document)
    checklist = read_checklist(document)
    communication = read_communication(document)
    templates = dict.fromkeys(post_mortem.blocks, "")
    for index, line in enumerate(communication.blocks):
        templates.setdefault(line, _SECOND if index else "")
    reserved = (
        severities.lines
        | post_mortem.lines
        | contacts.lines
        | {item.line for item in checklist}
        | {cadence.line for cadence in communication.cadences}
    )
    collected = collect(document, templates, frozenset(reserved))
    return Runbook(
        path=path,
        sha256=sha256,
        title=document.title,
        sections=document.sections,
        severities=severities.levels,
        steps=tuple(collected.steps),
        blocks=tuple(collected.blocks),
        templates=Templates(communication.template, post_mortem.headings),
        cadences=communication.cadences,
        checklist=checklist,
        contacts=contacts.contacts,
        notices=tuple(collected.notices),
    )
