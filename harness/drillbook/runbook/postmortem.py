"""The post-mortem template: its headings, and the question that each asks.

It may be a list, a run of subsections or a code block of Markdown; the text is taken to the letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.model import PostMortemHeading
from drillbook.runbook.document import Code, Document, Heading, Prose

_ABOUT = re.compile(
    r"\bpost[- ]?mortem|\bpost[- ]?incident\b|\bretrospective\b|\bincident (?:report|review)\b|\brca\b",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(
    r"\btemplates?\b|\breport\b|\bformat\b|\boutline\b|\bdocument\b|\bstructure\b", re.IGNORECASE
)
_SPLIT = re.compile(
    r"^\W{0,3}(?P<title>[^:\n]{1,60}?)\W{0,3}"
    r"(?::|\s[-\N{EN DASH}\N{EM DASH}]\s)\W{0,3}?(?P<prompt>\S.*)?$"
)
_MARKED = re.compile(
    r"^\s*(?:#{1,6}\s+(?P<head>.+?)\s*#*"
    r"|(?:[-*]\s+|\d+[.)]\s+)?\*\*(?P<bold>[^*]+)\*\*:?\s*(?P<rest>.*)"
    r"|(?:[-*]\s+|\d+[.)]\s+)?(?P<field>[A-Z][\w /'-]{1,40}):\s*(?P<value>.*))$"
)


@dataclass(frozen=True, slots=True)
class PostMortem:
    """The headings, the lines of the list items that give them, and the code block that does, if one does."""

    headings: tuple[PostMortemHeading, ...] = ()
    lines: frozenset[int] = frozenset()
    blocks: tuple[int, ...] = ()


def is_about_post_mortem(title: str) -> bool:
    """Whether a section of this title is about what follows an incident."""
    return bool(_ABOUT.search(title))


def read_post_mortem(document: Document) -> PostMortem:
    """The post-mortem template of `document`: the first section that is one and has headings."""
    for element in document.elements:
        if isinstance(element, Heading) and _ABOUT.search(element.section.title):
            found = _read(document, element)
            if found.headings:
                return found
    return PostMortem()


def _read(document: Document, heading: Heading) -> PostMortem:
    body = document.within(heading.section)
    own = [e for e in body if not isinstance(e, Heading) and e.section is heading.section]
    named = bool(_TEMPLATE.search(heading.section.title))
    for code in own:
        if isinstance(code, Code) and (code.language or "").lower() in ("", "markdown", "md", "text"):
            headings = _from_text(code)
            if headings:
                return PostMortem(headings, blocks=(code.line,))
    items = [
        e for e in own if isinstance(e, Prose) and e.item is not None and e.opens and e.item.parent is None
    ]
    items = [e for e in items if not re.match(r"\[[ xX]\]", e.inline.text)]
    split = [_from_item(item, named=named) for item in items]
    if split and all(split) and (named or len(split) > 2):  # noqa: PLR2004 - fewer could be anything
        return PostMortem(tuple(h for h in split if h), frozenset(item.line for item in items))
    if named:
        level = heading.section.level + 1
        return PostMortem(
            tuple(
                _from_section(document, e)
                for e in body
                if isinstance(e, Heading) and e.section.level == level
            )
        )
    return PostMortem()


def _from_item(prose: Prose, *, named: bool) -> PostMortemHeading | None:
    text = prose.inline.text
    match = _SPLIT.match(text)
    if match:
        return PostMortemHeading(match["title"].strip(), (match["prompt"] or "").strip(), prose.line)
    return PostMortemHeading(text, "", prose.line) if named and text else None


def _from_section(document: Document, heading: Heading) -> PostMortemHeading:
    body = document.within(heading.section)
    prompt = next((e.inline.text for e in body if isinstance(e, Prose)), "")
    return PostMortemHeading(heading.section.title, prompt, heading.section.line)


def _from_text(code: Code) -> tuple[PostMortemHeading, ...]:
    """The headings of a template in a code block: its Markdown headings, or else its bold or plain labels."""
    matches = [(index, m) for index, line in enumerate(code.lines) if (m := _MARKED.match(line))]
    heads = [(index, m) for index, m in matches if m["head"]]
    if len(heads) > 1:
        return tuple(_text_heading(code, index, match["head"]) for index, match in _without_title(heads))
    labels = [
        (i, m["bold"] or m["field"], m["rest"] or m["value"] or "") for i, m in matches if not m["head"]
    ]
    if len(labels) < 2:  # noqa: PLR2004 - one label is no template
        return ()
    return tuple(
        PostMortemHeading(t.strip().removesuffix(":"), p.strip(), code.first + i) for i, t, p in labels
    )


def _without_title(heads: Sequence[tuple[int, re.Match[str]]]) -> Sequence[tuple[int, re.Match[str]]]:
    """The headings but for a first one of a higher level, which is the document's title."""
    depth = [len(match[0].strip()) - len(match[0].strip().lstrip("#")) for _, match in heads]
    return heads[1:] if depth[0] < min(depth[1:]) else heads


def _text_heading(code: Code, index: int, title: str) -> PostMortemHeading:
    following = code.lines[index + 1 :]
    prompt = ""
    for line in following:
        if line.lstrip().startswith("#"):
            break
        if line.strip():
            prompt = line.strip()
            break
    return PostMortemHeading(title.strip(), prompt, code.first + index)
