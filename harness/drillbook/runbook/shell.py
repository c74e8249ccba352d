"""How far a shell command reaches: which lines belong to the one that begins on a given line.

It parses with tree-sitter and runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from drillbook.runbook.placeholder import mask
from drillbook.runbook.reading import Reading

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_LINES = 400
_OPENERS = {
    "if": re.compile(r"\bfi\b"),
    "for": re.compile(r"\bdone\b"),
    "while": re.compile(r"\bdone\b"),
    "until": re.compile(r"\bdone\b"),
    "select": re.compile(r"\bdone\b"),
    "case": re.compile(r"\besac\b"),
    "{": re.compile(r"\}"),
}
_FUNCTION = re.compile(r"^(?:function\s+[\w-]+|[\w-]+\s*\(\))")
_LOOP_IN_LINE = re.compile(r"(?:^|[|;&(]|\bdo)\s*(?P<word>while|for|until|if|case|\{)(?=\s)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement: how many lines it takes, its comment at the end, and whether it parses as shell."""

    lines: int
    text: str
    comment: str | None
    parses: bool


def read_statement(lines: Sequence[str], start: int = 0, limit: int = MAX_LINES) -> Statement:
    """The statement that begins on line `start` of `lines`; what does not parse is taken as one line.

    Lines that end in a backslash carry on in either case. A here-document lasts to its end, however far,
    or, as in a shell, to the last of `lines`; anything else that is open gets `limit` lines at most.
    """
    end = _backslashes(lines, start)
    chunk = "\n".join(lines[start:end])
    tree = parse_tree(chunk)
    parses = not tree.has_error
    if tree.has_error or "<<" in chunk:
        whole = _complete(lines, start, end, limit)
        if whole is not None:
            end, parses = whole
            chunk = "\n".join(lines[start:end])
            tree = parse_tree(chunk)
    if tree.has_error and "<<" in chunk:
        return Statement(end - start, chunk.strip(), None, parses)
    text, comment = _split_comment(chunk, tree)
    return Statement(end - start, text, comment, parses)


def _backslashes(lines: Sequence[str], start: int) -> int:
    end = start + 1
    while end < len(lines) and _ends_in_backslash(lines[end - 1]):
        end += 1
    return end


def _ends_in_backslash(line: str) -> bool:
    stripped = line.rstrip("\\")
    return (len(line) - len(stripped)) % 2 == 1 and not line.lstrip().startswith("#")


def _complete(lines: Sequence[str], start: int, end: int, limit: int) -> tuple[int, bool] | None:
    """Where the statement that is still open at `end` ends, and whether it parses; None if nowhere."""
    closer = _closer(lines[start])
    reading = Reading(len(lines[start]) - len(lines[start].lstrip()))
    for line in lines[start:end]:
        reading.take(line)
    while end < len(lines) and (reading.in_document or end - start < limit):
        if not (reading.is_open or closer):
            return None
        reading.take(lines[end])
        end += 1
        if reading.is_open or (closer and not closer.search(lines[end - 1])):
            continue
        if not parse_tree(reading.bare).has_error:
            return end, True
        if reading.has_document and not closer:
            return end, False
    return (end, False) if reading.in_document else None


def _closer(line: str) -> re.Pattern[str] | None:
    text = line.strip()
    if _FUNCTION.match(text):
        return _OPENERS["{"]
    match = _LOOP_IN_LINE.search(text)
    return _OPENERS[match["word"]] if match else None


def _split_comment(chunk: str, tree: Node) -> tuple[str, str | None]:
    """`chunk` without the comment at its end, and that comment without its sign."""
    last = tree.children[-1] if tree.children else None
    if last is None or last.type != "comment" or len(tree.children) == 1:
        return chunk.strip(), None
    masked = mask(chunk).encode("utf-8", "surrogatepass")
    start = len(masked[: last.start_byte].decode("utf-8", "surrogatepass"))
    if "\n" in chunk[start:] or not chunk[:start].rpartition("\n")[2].strip():
        return chunk.strip(), None
    return chunk[:start].strip(), chunk[start:].lstrip("#").strip() or None


def parse_tree(text: str) -> Node:
    """The syntax tree of `text`, in which each placeholder is a word of the same length."""
    # A final newline, because the grammar ends some statements (a here-document) only with one.
    return _parser().parse((mask(text) + "\n").encode("utf-8", "surrogatepass")).root_node


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter_bash  # noqa: PLC0415 - a library of machine code, wanted only where there is shell
    from tree_sitter import Language, Parser  # noqa: PLC0415 - the same

    return Parser(Language(tree_sitter_bash.language()))
