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

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_LINES = 400
_HEREDOC = re.compile(r"(?<!<)<<(?P<dash>-?)\s*(?P<quote>['\"\\]?)(?P<word>[A-Za-z_]\w*)(?P=quote)?")
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
_CARRIES_ON = re.compile(r"(?:\||&&|\|\|)\s*(?:#.*)?$")
_QUOTING = re.compile(r"\\.|['\"()`#]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement: how many lines it takes, its comment at the end, and whether it parses as shell."""

    lines: int
    text: str
    comment: str | None
    parses: bool


def read_statement(lines: Sequence[str]) -> Statement:
    """The statement that begins on the first of `lines`; what does not parse is taken as one line.

    Lines that end in a backslash carry on in either case.
    """
    end = _backslashes(lines)
    chunk = "\n".join(lines[:end])
    tree = _parse(chunk)
    if tree.has_error:
        whole = _complete(lines, end)
        if whole is not None:
            end, tree = whole
            chunk = "\n".join(lines[:end])
    text, comment = _split_comment(chunk, tree)
    return Statement(end, text, comment, not tree.has_error)


def _backslashes(lines: Sequence[str], start: int = 0) -> int:
    end = start + 1
    while end < len(lines) and _ends_in_backslash(lines[end - 1]):
        end += 1
    return end


def _ends_in_backslash(line: str) -> bool:
    stripped = line.rstrip("\\")
    return (len(line) - len(stripped)) % 2 == 1 and not line.lstrip().startswith("#")


def _complete(lines: Sequence[str], end: int) -> tuple[int, Node] | None:
    """The least number of lines, more than `end` or just those, that parse, where the statement is open."""
    closer = _closer(lines[0])
    limit = min(len(lines), MAX_LINES)
    while end < limit:
        text = "\n".join(lines[:end])
        if not (_is_open(text) or closer):
            return None
        end = _backslashes(lines, end)
        text = "\n".join(lines[:end])
        if _is_open(text) or (closer and not closer.search(lines[end - 1])):
            continue
        tree = _parse(text)
        if not tree.has_error:
            return end, tree
    return None


def _closer(line: str) -> re.Pattern[str] | None:
    text = line.strip()
    if _FUNCTION.match(text):
        return _OPENERS["{"]
    match = _LOOP_IN_LINE.search(text)
    return _OPENERS[match["word"]] if match else None


def _is_open(text: str) -> bool:
    """Whether a quote, a bracket, a here-document or an operator of `text` waits for a further line."""
    last = text.rpartition("\n")[2]
    if _CARRIES_ON.search(last):
        return True
    heredocs = list(_HEREDOC.finditer(text))
    if heredocs:
        word, lines = heredocs[-1]["word"], text[heredocs[-1].end() :].split("\n")[1:]
        closed = any((line.lstrip("\t") if heredocs[-1]["dash"] else line) == word for line in lines)
        return not closed
    quote, depth = "", 0
    for match in _QUOTING.finditer(text):
        mark = match[0]
        if quote:
            quote = "" if mark == quote else quote
        elif mark == "#" and text[match.start() - 1 : match.start()] in ("", " ", "\n"):
            continue
        elif mark in "'\"`":
            quote = mark
        elif mark in "()":
            depth += 1 if mark == "(" else -1
    return bool(quote) or depth > 0


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


def _parse(text: str) -> Node:
    # A final newline, because the grammar ends some statements (a here-document) only with one.
    return _parser().parse((mask(text) + "\n").encode("utf-8", "surrogatepass")).root_node


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter_bash  # noqa: PLC0415 - a library of machine code, wanted only where there is shell
    from tree_sitter import Language, Parser  # noqa: PLC0415 - the same

    return Parser(Language(tree_sitter_bash.language()))
