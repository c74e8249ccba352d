"""What the lines of a shell statement, read one after the other, leave open: a quote, a bracket, a document.

It follows quoting and here-documents in time that grows with the text; grammar is for `shell`.
"""

from __future__ import annotations

import re

_HEREDOC = r"<<(?P<dash>-?)[ \t]*(?P<quote>['\"\\]?)(?P<word>[A-Za-z_][\w.-]*+)(?P=quote)?(?!>)"
# What matters in code; in quotes it is less. A backslash goes with the character that it guards.
_CODE = re.compile(rf"\\.|<<<|{_HEREDOC}|\$?\(\(|\$\(|\$'|\)\)|['\"`()#]")
_QUOTED = {
    "'": re.compile(r"'"),
    "$'": re.compile(r"\\.|'"),
    '"': re.compile(r"\\.|\$\(\(|\$\(|[\"`]"),
}
_CLOSED_BY = {
    "'": "'", "$'": "$'", '"': '"', "`": "`", "(": ")", "$(": ")", "((": "))", "$((": "))",
}  # fmt: skip
_OPERATOR = re.compile(r"(?:\||&&)\s*$")
_BACKSLASH = re.compile(r"(?<!\\)(?:\\\\)*\\$")


class Reading:
    """A statement as far as it has been read. `margin` is how far its first line is indented."""

    def __init__(self, margin: int = 0) -> None:
        self._margin = margin
        self._open: list[str] = []  # what will close it, the innermost last
        self._documents: list[tuple[str, bool]] = []  # what ends each; whether tabs may precede that
        self._carries_on = ""
        self._bare: list[str] = []
        self.has_document = False

    @property
    def in_document(self) -> bool:
        """Whether the next line is part of a here-document."""
        return bool(self._documents)

    @property
    def is_open(self) -> bool:
        """Whether the statement waits for a further line."""
        return bool(self._open or self._documents or self._carries_on)

    @property
    def bare(self) -> str:
        """The statement without comments and here-documents; a grammar may not know two in a line."""
        return "\n".join(self._bare)

    def take(self, line: str) -> None:
        """Read one more line."""
        if self._documents:
            word, tabs = self._documents[0]
            text = line if line[: self._margin].strip() else line[self._margin :]
            if (text.lstrip("\t") if tabs else text) == word:
                self._documents.pop(0)
            return
        code = self._code(line)
        self._bare.append(code)
        if code.strip() or self._carries_on != "operator":  # a comment may stand between the parts of a pipe
            last = _BACKSLASH.search(code)
            self._carries_on = "backslash" if last else "operator" if _OPERATOR.search(code) else ""

    def _code(self, line: str) -> str:
        """`line` without its comment and the marks of its here-documents; notes what it opens and closes."""
        position = 0
        while True:
            inside = self._open[-1] if self._open else ""
            match = _QUOTED.get(inside, _CODE).search(line, position)
            if match is None:
                return line
            mark, position = match[0], match.end()
            if mark == "))" and inside == ")":
                mark, position = ")", position - 1
            if mark == inside or (mark == "'" and inside == "$'"):
                self._open.pop()
            elif mark in _CLOSED_BY:
                self._open.append(_CLOSED_BY[mark])
            elif mark == "#" and line[: match.start()].rstrip(" \t;&|(") != line[: match.start()]:
                return line[: match.start()]
            elif mark == "#" and match.start() == 0:
                return ""
            elif mark.startswith("<<") and mark != "<<<" and inside != "))":
                self._documents.append((match["word"], bool(match["dash"])))
                self.has_document = True
                line = line[: match.start()] + " " * len(mark) + line[match.end() :]
