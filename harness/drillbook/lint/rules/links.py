"""Links that lead nowhere: to a heading that is not there, or to a file that is not there.

Links out to the network are not followed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.model import Level
from drillbook.runbook.document import Heading, Html, Inline, Prose, Table

_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
_OWN_ANCHOR = re.compile(r"(?:\bid|\bname)\s*=\s*[\"']?([^\"'\s>]+)|\{[^}]*#([\w-]+)[^}]*\}")
_UNDEFINED = re.compile(
    r"\[[^\[\]]*\]\[(?P<full>[^\[\]]+)\]|(?<![\w!`\]])\[(?P<short>[\w./-]+\.md)\](?![(\[:])"
)
_REPOSITORY = (".git", ".hg", ".svn", ".jj")


def _dead_anchors(subject: Subject) -> Iterator[Found]:
    there = _anchors(subject)
    for line, link in _links(subject):
        path, _, anchor = link.partition("#")
        if not path and anchor and _key(unquote(anchor)) not in there and anchor.lower() != "top":
            yield Found(
                line,
                f"the link leads to `#{anchor}`, and no heading here has that anchor",
                "link to the anchor of a heading, which is its title in small letters with hyphens",
            )


def _anchors(subject: Subject) -> set[str]:
    """The anchors of the runbook, without what one site writes in them and another does not."""
    there: set[str] = set()
    for section in subject.runbook.sections:
        key, count = _key(section.title), 0
        while (name := f"{key}{count}" if count else key) in there:
            count += 1
        there.add(name)
    for line in subject.lines:
        there.update(_key(match[1] or match[2]) for match in _OWN_ANCHOR.finditer(line))
    return there


def _key(title: str) -> str:
    text = unicodedata.normalize("NFKC", title).casefold()
    return "".join(char for char in text if char.isalnum())


def _dead_links(subject: Subject) -> Iterator[Found]:
    base = subject.path.parent
    local = [(line, link, target) for line, link in _links(subject) if (target := _target(link)) is not None]
    missing = [(line, link) for line, link, target in local if not (base / target).exists()]
    # A runbook that was copied out of its repository has left its neighbours behind.
    if len(missing) < len(local) or _in_repository(base):
        for line, link in missing:
            yield Found(
                line,
                f"the link leads to `{link}`, and there is no such file",
                "mend the path, or remove the link",
            )
    for line, name in _undefined(subject):
        yield Found(
            line, f"`[{name}]` is no link: nothing defines it", f"write [{name}](…) with where it leads"
        )


def _target(link: str) -> str | None:
    """The file that a link leads to, or None where it leads elsewhere or is to be filled in."""
    path = unquote(link.partition("#")[0].partition("?")[0])
    if not path or _SCHEME.match(link) or path.startswith(("/", "<", "{", "~")) or "://" in path:
        return None
    return path


def _in_repository(folder: Path) -> bool:
    above = folder.resolve()
    return any((place / mark).exists() for place in (above, *above.parents) for mark in _REPOSITORY)


def _undefined(subject: Subject) -> Iterator[tuple[int, str]]:
    for element in subject.document.elements:
        if isinstance(element, Prose):
            for index, raw in enumerate(element.inline.raw):
                text = re.sub(r"`[^`]*`", "", raw)
                for match in _UNDEFINED.finditer(text):
                    name = match["full"] or match["short"]
                    if not _is_defined(subject, name) and not _is_placeholder(name):
                        yield element.line + index, name


def _is_defined(subject: Subject, name: str) -> bool:
    wanted = f"[{name.casefold()}]:"
    return any(line.strip().casefold().startswith(wanted) for line in subject.lines)


def _is_placeholder(name: str) -> bool:
    return name.isupper() or name.isdigit()


def _links(subject: Subject) -> Iterator[tuple[int, str]]:
    """The links of the runbook's prose, tables and headings, each with its line."""
    for element in subject.document.elements:
        match element:
            case Prose():
                yield from _of(element.inline, element.line)
            case Heading():
                yield from _of(element.inline, element.section.line)
            case Table():
                for row in element.rows:
                    for cell in row.cells:
                        yield from ((row.line, link) for link in cell.links)
            case Html():
                pass
            case _:
                pass


def _of(inline: Inline, line: int) -> Iterator[tuple[int, str]]:
    row = 0
    for link in inline.links:
        # The target is percent-encoded in the token and may not be in the text.
        places = [
            i for i in range(row, len(inline.raw)) if link in inline.raw[i] or unquote(link) in inline.raw[i]
        ]
        row = places[0] if places else row
        yield line + row, link


RULES = (
    Rule(
        "dead-anchor",
        "Link to no heading",
        Level.WARNING,
        "A link leads to a heading of this runbook that is not there.",
        _dead_anchors,
    ),
    Rule(
        "dead-link",
        "Link to no file",
        Level.WARNING,
        "A link leads to a file that is not there, or is written as one and leads nowhere.",
        _dead_links,
    ),
)
