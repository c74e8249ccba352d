"""From Markdown text to a `Document`, by way of markdown-it's tokens.

It decides nothing about runbooks; its one promise beyond the tokens is that every line number is right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from drillbook.model import Section
from drillbook.runbook.document import (
    Code,
    Document,
    Element,
    Heading,
    Html,
    Inline,
    InlineCode,
    Item,
    Prose,
    Row,
    Table,
    split_front_matter,
)


def read_markdown(text: str) -> Document:
    """The document that `text`, already normalised, holds. Any text is a document."""
    body, front_title = split_front_matter(text)
    walker = _Walker()
    walker.walk(_markdown().parse(body))
    sections = tuple(walker.sections)
    main = [section.title for section in sections if section.level == 1]
    title = next(iter(main), "") or front_title or (sections[0].title if sections else "")
    starts = {e.section.line: i for i, e in enumerate(walker.elements) if isinstance(e, Heading)}
    return Document(title, sections, tuple(walker.elements), starts)


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # The preset's own limit of 20 would pass over what is nested deeper, without a word.
    return MarkdownIt("commonmark", {"maxNesting": 100}).enable("table")


class _Walker:
    """Collects elements from the tokens, which come in document order."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.elements: list[Element] = []
        self._trail: list[Section] = []
        self._groups: list[tuple[int, bool]] = []
        self._items: list[Item] = []
        self._fresh: set[Item] = set()
        self._count = 0

    @property
    def _section(self) -> Section | None:
        return self._trail[-1] if self._trail else None

    def walk(self, tokens: Sequence[Token]) -> None:
        index = 0
        while index < len(tokens):
            token = tokens[index]
            match token.type:
                case "heading_open":
                    self._heading(token, tokens[index + 1])
                    index += 2
                case "paragraph_open":
                    self._prose(tokens[index + 1])
                    index += 2
                case "fence" | "code_block":
                    self._code(token)
                case "html_block":
                    line, _ = _lines_of(token)
                    self.elements.append(Html(self._section, line, token.content))
                case "table_open":
                    index = self._table(tokens, index)
                case _:
                    self._list(token)
            index += 1

    def _list(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._count += 1
                self._groups.append((self._count, token.type == "ordered_list_open"))
            case "bullet_list_close" | "ordered_list_close":
                self._groups.pop()
            case "list_item_open":
                self._open_item(token)
            case "list_item_close":
                self._fresh.discard(self._items.pop())
            case _:
                pass

    def _open_item(self, token: Token) -> None:
        group, ordered = self._groups[-1]
        item = Item(_lines_of(token)[0], ordered, group, self._items[-1] if self._items else None)
        self._items.append(item)
        self._fresh.add(item)

    def _heading(self, opening: Token, token: Token) -> None:
        if opening.level > 0:  # in a list or a quotation: no section of the runbook begins there
            self._prose(token)
            return
        line, _ = _lines_of(token)
        level = int(opening.tag[1:])
        while self._trail and self._trail[-1].level >= level:
            self._trail.pop()
        inline = read_inline(token, line)
        path = (*(self._trail[-1].path if self._trail else ()), inline.text)
        section = Section(inline.text, level, line, path)
        self._trail.append(section)
        self.sections.append(section)
        self.elements.append(Heading(section, inline))

    def _prose(self, token: Token) -> None:
        line, end_line = _lines_of(token)
        item = self._items[-1] if self._items else None
        opens = item is not None and item in self._fresh
        if item is not None:
            self._fresh.discard(item)
        inline = read_inline(token, line)
        self.elements.append(Prose(self._section, line, end_line, inline, item, opens))

    def _code(self, token: Token) -> None:
        line, end_line = _lines_of(token)
        lines = tuple(token.content.removesuffix("\n").split("\n")) if token.content else ()
        fenced = token.type == "fence"
        words = token.info.split() if fenced else []
        language = _LANGUAGE.match(words[0]) if words else None
        item = self._items[-1] if self._items else None
        if not fenced:
            end_line = line + len(lines) - 1
        first = line + 1 if fenced else line
        name = language[1] if language else None
        self.elements.append(Code(self._section, line, end_line, first, name, lines, item))

    def _table(self, tokens: Sequence[Token], index: int) -> int:
        header: tuple[str, ...] = ()
        rows: list[Row] = []
        cells: list[Inline] = []
        start, _ = _lines_of(tokens[index])
        line = start
        while tokens[index].type != "table_close":
            token = tokens[index]
            if token.type == "tr_open":
                line, cells = (token.map[0] + 1 if token.map else line), []
            elif token.type == "inline":
                cells.append(read_inline(token, line))
            elif token.type == "tr_close" and not header:
                header = tuple(cell.text for cell in cells)
            elif token.type == "tr_close":
                rows.append(Row(line, tuple(cells)))
            index += 1
        self.elements.append(Table(self._section, start, header, tuple(rows)))
        return index


def _lines_of(token: Token) -> tuple[int, int]:
    start, end = token.map or (0, 1)
    return start + 1, max(end, start + 1)


# Of "bash", "bash{1,3}", "bash:restart.sh" and "{.bash", but not of "title=…".
_LANGUAGE = re.compile(r"[{.]*(\w[^\s{},:;(=]*+)(?!=)")
_LEADING_SPACE = re.compile(r"^[ \t]+", re.MULTILINE)


def read_inline(token: Token, line: int) -> Inline:
    """The prose of an `inline` token that begins on `line`."""
    raw = tuple(_LEADING_SPACE.sub("", token.content).split("\n"))
    text: list[str] = []
    codes: list[InlineCode] = []
    links: list[str] = []
    outside = False
    unpaired = False
    depth = 0
    row = 0
    for child in token.children or ():
        match child.type:
            case "softbreak" | "hardbreak":
                text.append(" ")
                row = min(row + 1, len(raw) - 1)
            case "link_open":
                depth += 1
                links.append(str(child.attrs.get("href", "")))
            case "link_close":
                depth -= 1
            case "code_inline":
                row, last = _locate(child.content, raw, row)
                before = "".join(text[-4:])[-80:]
                codes.append(InlineCode(line + row, line + last, child.content, before, depth > 0))
                row = last
                text.append(child.content)
            case "html_inline":
                row = min(row + child.content.count("\n"), len(raw) - 1)
                continue
            case _:
                text.append(child.content)
                unpaired = unpaired or (child.type == "text" and "`" in child.content)
        outside = outside or (depth == 0 and bool(child.content.strip()))
    plain = "".join(text).strip()
    return Inline(plain, raw, tuple(codes), tuple(links), bool(links) and not outside, unpaired)


def _locate(code: str, raw: Sequence[str], row: int) -> tuple[int, int]:
    """The rows of `raw`, from `row` on, on which a code span begins and ends.

    A span may be broken over lines, which the token no longer shows.
    """
    for begin in range(row, len(raw)):
        if code in raw[begin]:
            return begin, begin
        joined = raw[begin]
        for end in range(begin + 1, len(raw)):
            joined += " " + raw[end]
            if code in joined and code not in raw[end]:
                while code in " ".join(raw[begin + 1 : end + 1]):
                    begin += 1  # noqa: PLW2901 - the span begins on the last row that still holds all of it
                return begin, end
            if len(joined) > len(raw[begin]) + len(code) + 2:
                break
    return row, row
