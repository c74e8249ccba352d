"""A Markdown document as a flat run of elements in document order, each with its section and lines.

It knows Markdown and nothing of runbooks: no element is yet a step, a template or a contact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from drillbook.model import Section


@dataclass(frozen=True, slots=True)
class InlineCode:
    """A `code` span in prose: its first and last 1-based line, and the last words of the prose before it."""

    line: int
    end_line: int
    text: str
    before: str
    linked: bool


@dataclass(frozen=True, slots=True)
class Inline:
    """A run of prose: as a reader sees it (`text`), as written line by line (`raw`), and its code spans.

    `links` are the targets of its links; `link_only` says that nothing but links is in it. `unpaired`
    says that a backtick is left over.
    """

    text: str
    raw: tuple[str, ...] = ()
    codes: tuple[InlineCode, ...] = ()
    links: tuple[str, ...] = ()
    link_only: bool = False
    unpaired: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A list item. `group` is the number of its list; `parent` is the item that holds that list."""

    line: int
    ordered: bool
    group: int
    parent: Item | None


@dataclass(frozen=True, slots=True, eq=False)
class Prose:
    """A paragraph. `opens` says that it is the first of its `item`."""

    section: Section | None
    line: int
    end_line: int
    inline: Inline
    item: Item | None = None
    opens: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A code block. `lines` are its content, without fences and indentation, from line `first` on."""

    section: Section | None
    line: int
    end_line: int
    first: int
    language: str | None
    lines: tuple[str, ...]
    item: Item | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row of a table."""

    line: int
    cells: tuple[Inline, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table."""

    section: Section | None
    line: int
    header: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Heading:
    """A heading, where its section begins."""

    section: Section
    inline: Inline


@dataclass(frozen=True, slots=True, eq=False)
class Html:
    """A block of HTML, which is not looked into."""

    section: Section | None
    line: int
    text: str


Element: TypeAlias = Heading | Prose | Code | Table | Html


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document."""

    title: str
    sections: tuple[Section, ...]
    elements: tuple[Element, ...]
    starts: Mapping[int, int]  # where in `elements` a section begins, by its line

    def within(self, section: Section) -> Sequence[Element]:
        """The elements of `section` and its subsections, in document order, without its heading."""
        found: list[Element] = []
        for index in range(self.starts[section.line] + 1, len(self.elements)):
            element = self.elements[index]
            if isinstance(element, Heading) and element.section.level <= section.level:
                break
            found.append(element)
        return found


_FRONT_MATTER = re.compile(r"\A---[ \t]*\n((?:.*\n){0,200}?)---[ \t]*(?:\n|\Z)")
_FRONT_KEY = re.compile(r"^[\w-]+[ \t]*:", re.MULTILINE)
_FRONT_TITLE = re.compile(r"^title[ \t]*:[ \t]*(.+?)[ \t]*$", re.MULTILINE)


def split_front_matter(text: str) -> tuple[str, str]:
    """`text` with its YAML front matter blanked, line for line, and the title that it gives or ""."""
    match = _FRONT_MATTER.match(text)
    if not match or not _FRONT_KEY.search(match[1]):
        return text, ""
    title = _FRONT_TITLE.search(match[1])
    blank = "\n" * match[0].count("\n")
    return blank + text[match.end() :], title[1].strip("\"'") if title else ""
