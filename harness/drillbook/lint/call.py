"""The calls in a runbook's commands: which program is called with which words, and on which line.

It takes shell apart with a real grammar and judges nothing. What does not parse has no calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drillbook.lint.wrapper import child_of
from drillbook.model import Step
from drillbook.runbook.shell import parse_tree

if TYPE_CHECKING:
    from tree_sitter import Node

_ESCAPED_IN_QUOTES = re.compile(r"\\([\\\"$`\n])")
_ESCAPED = re.compile(r"\\(.|\n)", re.DOTALL)
_MOST_NESTED = 4
_QUOTING = ("string", "raw_string", "ansi_c_string", "translated_string")
_EXPANDING = ("simple_expansion", "expansion")
_SUBSTITUTING = ("command_substitution", "process_substitution")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a call. `text` is what the program gets, with expansions as they are written.

    `variables` are the names that the shell expands in it; `substitutes` says that it holds a `$(…)`.
    `quoted` says that a part of it is in quotes.
    """

    text: str
    line: int
    quoted: bool = False
    variables: tuple[str, ...] = ()
    substitutes: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirection: its operator (`<`, `>`, `2>` …) and the file."""

    operator: str
    target: Word


@dataclass(frozen=True, slots=True)
class Call:
    """A program and its words, `words[0]` being the program.

    `step` is the step that it is part of. `assignments` are the variables set for it alone, or, where
    there are no words, for the shell. `document` is its here-document. `pipe` holds the programs of the
    pipeline that it is part of, with its own place in them `place`. `or_else` is the program behind a
    `||` that follows. `via` is the call that runs this one, such as `railway run` or `sudo`. `substituted`
    says that it stands in a `$(…)`.
    """

    step: Step
    line: int
    words: tuple[Word, ...]
    assignments: tuple[tuple[str, Word], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    document: str | None = None
    pipe: tuple[str, ...] = ()
    place: int = 0
    or_else: str | None = None
    via: Call | None = None
    substituted: bool = False

    @property
    def argv(self) -> tuple[str, ...]:
        """The texts of its words."""
        return tuple(word.text for word in self.words)

    @property
    def program(self) -> str:
        """The program without its path, or nothing where only variables are set."""
        return self.words[0].text.rpartition("/")[2] if self.words else ""

    @property
    def wrappers(self) -> tuple[Call, ...]:
        """The calls that run this one, the outermost last."""
        return () if self.via is None else (self.via, *self.via.wrappers)


def calls_of(step: Step) -> tuple[Call, ...]:
    """The calls in the command of `step`, each followed by the call that it runs itself, if it runs one."""
    return tuple(_read(step.command, step, step.line, 0)) if step.command else ()


def _read(text: str, step: Step, line: int, depth: int) -> Iterator[Call]:
    tree = parse_tree(text)
    if tree.has_error:
        return
    for call in _Reader(text, step, line).read(tree):
        yield call
        yield from _inner(call, step, depth)


def _inner(call: Call, step: Step, depth: int) -> Iterator[Call]:
    if depth >= _MOST_NESTED:
        return
    child = child_of(call.argv)
    if child is None:
        return
    if child.script:
        text = " ".join(word.text for word in call.words[child.first :])
        for nested in _read(text, step, call.words[child.first].line, depth + 1):
            yield nested if nested.via is not None else replace(nested, via=call)
        return
    inner = replace(call, words=call.words[child.first :], via=call, line=call.words[child.first].line)
    yield inner
    yield from _inner(inner, step, depth + 1)


class _Reader:
    """Reads one tree; `line` is the line of its text in the runbook."""

    def __init__(self, text: str, step: Step, line: int) -> None:
        self._text = text
        self._bytes = text.encode("utf-8", "surrogatepass")
        self._ascii = text.isascii()
        self._step = step
        self._line = line

    def read(self, node: Node) -> Iterator[Call]:
        for found in _all(node):
            if found.type in ("command", "declaration_command", "unset_command"):
                yield self._call(found)
            elif found.type == "variable_assignment" and _stands_alone(found):
                assignment = self._assignment(found)
                yield Call(self._step, self._at(found), (), (assignment,), substituted=_substituted(found))

    def _at(self, node: Node) -> int:
        return self._line + node.start_point[0]

    def _call(self, node: Node) -> Call:
        words: list[Word] = []
        assignments: list[tuple[str, Word]] = []
        redirects: list[Redirect] = []
        for child in node.children:
            if child.type == "variable_assignment" and node.type == "command":
                assignments.append(self._assignment(child))
            elif child.type == "file_redirect":
                redirects.append(self._redirect(child))
            elif child.type not in ("herestring_redirect", "heredoc_redirect", "comment"):
                words.append(self._word(child))
        outer = _redirected(node)
        document = None
        for child in outer.children if outer is not None else ():
            if child.type == "file_redirect":
                redirects.append(self._redirect(child))
            elif child.type == "heredoc_redirect":
                body = next((part for part in child.children if part.type == "heredoc_body"), None)
                document = self._source(body) if body is not None else ""
        pipe, place = self._pipe(outer or node)
        return Call(
            step=self._step,
            line=self._at(node),
            words=tuple(words),
            assignments=tuple(assignments),
            redirects=tuple(redirects),
            document=document,
            pipe=pipe,
            place=place,
            or_else=self._or_else(outer or node),
            substituted=_substituted(node),
        )

    def _redirect(self, node: Node) -> Redirect:
        target = node.children[-1]
        operator = self._source(node)[: target.start_byte - node.start_byte].strip()
        return Redirect(operator, self._word(target))

    def _assignment(self, node: Node) -> tuple[str, Word]:
        name, _, _ = self._source(node).partition("=")
        value = node.child_by_field_name("value")
        return name, self._word(value) if value is not None else Word("", self._at(node))

    def _pipe(self, node: Node) -> tuple[tuple[str, ...], int]:
        parent = node.parent
        if parent is None or parent.type != "pipeline":
            return (), 0
        parts = [part for part in parent.named_children if part.type != "comment"]
        place = next(i for i, part in enumerate(parts) if part.start_byte == node.start_byte)
        return tuple(self._program(part) for part in parts), place

    def _or_else(self, node: Node) -> str | None:
        """The program behind the `||` that follows `node`, or the pipeline or list that `node` ends."""
        while node.parent is not None and node.parent.type in ("pipeline", "list"):
            after = node.next_sibling
            if after is not None and node.parent.type == "list":
                following = after.next_sibling
                return self._program(following) if after.type == "||" and following is not None else None
            if after is not None and node.parent.type == "pipeline" and after.type in ("|", "|&"):
                return None
            node = node.parent
        return None

    def _program(self, node: Node) -> str:
        name = next((n for n in _all(node) if n.type == "command_name"), None)
        return self._source(name).rpartition("/")[2] if name is not None else ""

    def _word(self, node: Node) -> Word:
        inside = list(_all(node))
        names = [n for n in inside if n.type in _EXPANDING and not _within_substitution(n, node)]
        return Word(
            text=self._value(node),
            line=self._at(node),
            quoted=any(n.type in _QUOTING for n in inside),
            variables=tuple(dict.fromkeys(self._variable(n) for n in names)),
            substitutes=any(n.type in _SUBSTITUTING for n in inside),
        )

    def _variable(self, node: Node) -> str:
        kinds = ("variable_name", "special_variable_name")
        name = next((child for child in node.children if child.type in kinds), None)
        return self._source(name) if name is not None else self._source(node)

    def _value(self, node: Node) -> str:
        source = self._source(node)
        if node.type == "concatenation" or (node.type == "command_name" and node.children):
            return "".join(self._value(child) for child in node.children)
        return _unquoted(node.type, source)

    def _source(self, node: Node) -> str:
        # The tree is of a text in which placeholders are masked, character by character.
        start, end = node.start_byte, node.end_byte
        if self._ascii:
            return self._text[start:end]
        masked = parse_tree_text(self._text)
        return self._text[len(_decode(masked[:start])) : len(_decode(masked[:end]))]


def parse_tree_text(text: str) -> bytes:
    """What `parse_tree` parses, as bytes: `text` with its placeholders masked."""
    from drillbook.runbook.placeholder import mask  # noqa: PLC0415 - see _source

    return mask(text).encode("utf-8", "surrogatepass")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _unquoted(kind: str, source: str) -> str:
    """What the program gets of `source`, a part of a word of that kind."""
    match kind:
        case "string" | "translated_string":
            return _ESCAPED_IN_QUOTES.sub(_unescape, source.removeprefix("$")[1:-1])
        case "raw_string":
            return source[1:-1]
        case "ansi_c_string":
            return source[2:-1]
        case "word":
            return _ESCAPED.sub(_unescape, source)
        case _:
            return source


def _unescape(match: re.Match[str]) -> str:
    return "" if match[1] == "\n" else match[1]


def _all(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(reversed(one.children))


def _stands_alone(node: Node) -> bool:
    return node.parent is None or node.parent.type not in ("command", "declaration_command")


def _redirected(node: Node) -> Node | None:
    """The redirections around a command, which the grammar keeps outside of it."""
    parent = node.parent
    return parent if parent is not None and parent.type == "redirected_statement" else None


def _substituted(node: Node) -> bool:
    above = node.parent
    while above is not None:
        if above.type in _SUBSTITUTING:
            return True
        above = above.parent
    return False


def _within_substitution(node: Node, top: Node) -> bool:
    above = node.parent
    while above is not None and above.start_byte >= top.start_byte and above.end_byte <= top.end_byte:
        if above.type in _SUBSTITUTING:
            return True
        if above == top:
            return False
        above = above.parent
    return False


def argument_of(words: Sequence[Word], *names: str) -> Iterator[Word]:
    """The values of the options `names` (with their dashes) among `words`."""
    for index, word in enumerate(words):
        for name in names:
            if word.text == name and index + 1 < len(words):
                yield words[index + 1]
            elif name.startswith("--") and word.text.startswith(f"{name}="):
                yield replace(word, text=word.text.partition("=")[2])
