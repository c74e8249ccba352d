"""The steps of a document, in their order, and the class of every line of its code blocks.

It decides what is an instruction; how a block or a line is read is up to `block` and `command`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from drillbook.model import CodeBlock, LineClass, Notice, Section, Step, StepKind
from drillbook.runbook.block import Classed, Found, class_all, classify
from drillbook.runbook.command import first_program, is_surely_command
from drillbook.runbook.document import Code, Document, Element, Heading, Html, InlineCode, Item, Prose, Table
from drillbook.runbook.lists import instructing_groups
from drillbook.runbook.placeholder import placeholders
from drillbook.runbook.prose import (
    asks_for,
    forbids,
    is_callout,
    is_caution,
    is_grave,
    is_numbered_step,
)
from drillbook.runbook.shell import MAX_LINES, read_statement
from drillbook.runbook.vocabulary import PROGRAMS, WORDS

_CHECKBOX = re.compile(r"^\[[ xX]\]\s+")
_ALONE = re.compile(r"^\W*(?:(?:run|execute|or|and|then|type)\W*)?\W*$", re.IGNORECASE)
_END_COMMENT = re.compile(r"\s+#\s.*$")
_BACKSLASH = re.compile(r"\\\\")


@dataclass(slots=True)
class Collected:
    """The steps, blocks and notices of a document."""

    steps: list[Step] = field(default_factory=list)
    blocks: list[CodeBlock] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def collect(document: Document, templates: Mapping[int, str], reserved: frozenset[int]) -> Collected:
    """The steps and code blocks of `document`.

    Args:
        document: what to look through.
        templates: the code blocks that are templates, by their line, each with a notice or "".
        reserved: the lines of list items and paragraphs that something else than a step lays claim to.
    """
    collector = _Collector(document, templates, reserved)
    for element in document.elements:
        collector.take(element)
    found = collector.found
    found.steps.sort(key=lambda step: step.line)
    found.notices.sort(key=lambda notice: notice.line)
    return found


class _Collector:
    def __init__(self, document: Document, templates: Mapping[int, str], reserved: frozenset[int]) -> None:
        self.found = Collected()
        self._templates = templates
        self._reserved = reserved
        self._instructing = instructing_groups(document, reserved)
        self._last: Element | None = None
        self._lead_step: int | None = None  # the index of the manual step that a block may take over

    def take(self, element: Element) -> None:
        match element:
            case Code():
                self._code(element)
            case Prose():
                self._prose(element)
            case Table():
                self._table(element)
            case Html() if re.search(r"<(?:pre|code)\b", element.text):
                message = "HTML that holds code is not looked into"
                self.found.notices.append(Notice(element.line, message))
            case Heading():
                self._lead_step = None
            case _:
                pass
        self._last = element

    # ------------------------------------------------------------------ code blocks

    def _code(self, code: Code) -> None:
        last = self._last
        lead = last if isinstance(last, Prose) else None
        if code.line in self._templates:
            message = self._templates[code.line]
            notices = (Notice(code.line, message),) if message else ()
            classed = class_all(code, LineClass.TEMPLATE, *notices)
        else:
            classed = classify(code, lead.inline.text if lead else "")
        self._add_block(code, classed)
        title = self._take_over(code.item, nested=True) if classed.commands else None
        warned = lead is not None and _warns(lead.inline.text)
        for index, found in enumerate(classed.commands):
            step = _command_step(code.section, found, code.language)
            if title is not None:
                text = title if index == 0 else step.text
                step = replace(step, text=text, caution=step.caution or is_caution(title))
            self.found.steps.append(replace(step, caution=True) if warned else step)

    def _add_block(self, code: Code, classed: Classed) -> None:
        path = code.section.path if code.section else ()
        self.found.blocks.append(CodeBlock(code.line, code.end_line, path, code.language, classed.lines))
        self.found.notices += classed.notices

    def _take_over(self, item: Item | None, *, nested: bool) -> str | None:
        """The text of the manual step right before, if it titles what follows it; that step is taken back."""
        last, index = self._last, self._lead_step
        if index is None or not isinstance(last, Prose):
            return None
        inside = nested and last.item is not None and last.item is item
        if not (inside or last.inline.text.endswith((":", "?"))):
            return None
        self._lead_step = None
        return self.found.steps.pop(index).text.removesuffix(":").rstrip()

    # ------------------------------------------------------------------ prose

    def _prose(self, prose: Prose) -> None:
        if prose.line in self._reserved and prose.item is not None:
            self._lead_step = None
            if not _CHECKBOX.match(prose.inline.text):
                return
        if self._bare_commands(prose) or self._inline_commands(prose):
            self._lead_step = None
            return
        self._lead_step = None
        if self._is_manual(prose):
            text = _CHECKBOX.sub("", prose.inline.text)
            step = Step(
                line=prose.line,
                section=_path(prose.section),
                kind=StepKind.MANUAL,
                text=text,
                caution=is_caution(text) or _grave(prose.section),
                end_line=prose.end_line,
            )
            self._lead_step = len(self.found.steps)
            self.found.steps.append(step)
            if prose.inline.unpaired:
                self.found.notices.append(Notice(prose.line, "a backtick without its partner: code not seen"))

    def _is_manual(self, prose: Prose) -> bool:
        if prose.line in self._reserved or not prose.inline.text or prose.inline.link_only:
            return False
        if prose.item is None:
            return is_numbered_step(prose.inline.text)
        return prose.opens and prose.item.group in self._instructing

    def _bare_commands(self, prose: Prose) -> bool:
        """Commands without a fence: a paragraph of nothing else, but for a first line that leads to them."""
        raw = [_unescape(line) for line in prose.inline.raw]
        start = 0
        if len(raw) > 1 and raw[0].endswith(":"):
            start = 1
        if prose.inline.codes:
            return False
        commands = _read_bare(prose.line + start, raw[start:])
        if not commands:
            line = next((i for i, line in enumerate(raw) if _is_bare_command(line)), None)
            if line is not None:
                message = "looks like a command amid prose: set it as code to make it a step"
                self.found.notices.append(Notice(prose.line + line, message))
            return False
        title = self._take_over(prose.item, nested=not prose.opens) if not start else None
        if start and prose.item is not None:
            title = prose.inline.raw[0].removesuffix(":")
        for index, found in enumerate(commands):
            step = _command_step(prose.section, found, None)
            if title and index == 0:
                step = replace(step, text=title, caution=step.caution or is_caution(title))
            self.found.steps.append(step)
        return True

    def _inline_commands(self, prose: Prose) -> bool:
        text = prose.inline.text
        codes = [code for code in prose.inline.codes if _is_inline_command(code, prose)]
        whole = _CHECKBOX.sub("", text)
        warned = bool(codes) and (is_caution(text) or _grave(prose.section))
        for code in codes:
            alone = len(text) < len(code.text) + 10 and not text.replace(code.text, "").strip("\\ .,;:`()")
            plain = code.text if alone else whole
            parent = self._parent_text(prose) if alone else None
            self.found.steps.append(
                Step(
                    line=code.line,
                    section=_path(prose.section),
                    kind=StepKind.COMMAND,
                    text=parent or plain,
                    command=code.text.strip(),
                    placeholders=placeholders(code.text),
                    caution=warned or is_caution(parent),
                    end_line=code.end_line,
                )
            )
        return bool(codes)

    def _parent_text(self, prose: Prose) -> str | None:
        """The text of the item that holds the list of this one, where it is a lead-in to just this."""
        last = self._last
        if prose.item is None or prose.item.parent is None or not isinstance(last, Prose):
            return None
        if last.item is not prose.item.parent:
            return None
        return last.inline.text.removesuffix(":").rstrip() or None

    # ------------------------------------------------------------------ tables

    def _table(self, table: Table) -> None:
        """A cell that holds nothing but a command is a step, titled by the first cell of its row."""
        self._lead_step = None
        for row in table.rows:
            for cell in row.cells:
                for code in cell.codes:
                    if cell.text.strip() != code.text.strip() or not is_surely_command(
                        code.text, marked=True
                    ):
                        continue
                    title = row.cells[0].text
                    text = title if title and title != cell.text else code.text.strip()
                    found = Found(row.line, row.line, code.text.strip())
                    step = _command_step(table.section, found, None)
                    self.found.steps.append(
                        replace(step, text=text, caution=step.caution or is_caution(text))
                    )


def _is_bare_command(line: str) -> bool:
    return is_surely_command(_END_COMMENT.sub("", line))


def _read_bare(line: int, lines: Sequence[str]) -> list[Found]:
    """The commands of a paragraph that begins on `line`, or none where it holds anything else."""
    found: list[Found] = []
    index, limit = 0, MAX_LINES
    while index < len(lines):
        if not _is_bare_command(lines[index]):
            return []
        statement = read_statement(lines, index, limit)
        if not statement.parses:
            limit = 1  # else a paragraph of openings that never close is read again and again
        first, index = line + index, index + statement.lines
        comment = statement.comment
        found.append(Found(first, line + index - 1, statement.text, comment, comment))
    return found


def _is_inline_command(code: InlineCode, prose: Prose) -> bool:
    if code.linked or forbids(code.before):
        return False
    words = code.text.split()
    text = prose.inline.text
    alone = len(text) < len(code.text) + 40 and bool(_ALONE.match(text.replace(code.text, "", 1)))
    if len(words) == 1:
        return alone and first_program(code.text) in PROGRAMS
    if not is_surely_command(code.text, marked=True):
        return False
    if prose.item is not None or alone:
        return True
    return asks_for(code.before) and first_program(code.text) in PROGRAMS | WORDS


def _command_step(section: Section | None, found: Found, language: str | None) -> Step:
    return Step(
        line=found.line,
        section=_path(section),
        kind=StepKind.COMMAND,
        text=found.title or found.command,
        command=found.command,
        language=language,
        comment=found.comment,
        placeholders=placeholders(found.command),
        caution=is_caution(found.comment) or _grave(section),
        end_line=found.end_line,
    )


def _path(section: Section | None) -> tuple[str, ...]:
    return section.path if section else ()


def _grave(section: Section | None) -> bool:
    return section is not None and is_grave(section.title)


def _warns(lead: str) -> bool:
    return is_caution(lead) and (lead.endswith(":") or is_callout(lead))


def _unescape(line: str) -> str:
    """`line` of a paragraph as the shell is to see it, without Markdown's backslashes and entities."""
    return html.unescape(_BACKSLASH.sub(r"\\", line)).strip()
