"""The class of each line of a code block, and the commands in it.

Every line gets exactly one class; what can't be classed is UNKNOWN and gets a notice. Nothing here looks
beyond the block, but for the prose that leads up to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.model import CodeLine, LineClass, Notice
from drillbook.runbook.command import is_assignment, is_command, is_setting, looks_like_output
from drillbook.runbook.document import Code
from drillbook.runbook.session import Typed, read_prompts
from drillbook.runbook.shell import MAX_LINES, Statement, read_statement
from drillbook.runbook.vocabulary import DATA, OUTPUT, PROGRAMMING, SHELL

_LEADS_TO_OUTPUT = re.compile(
    r"\b(?:outputs?|prints?|printed|reports?|response|respond|returns?|results?|shows?|see|looks? like"
    r"|expect\w*)\b",
    re.IGNORECASE,
)
_LEADS_TO_SETTINGS = re.compile(
    r"\b(?:config\w*|settings?|variables?|file|crontab|manifest|yaml|json"
    r"|\w+\.(?:conf|ya?ml|env|toml|ini|json))\b",
    re.IGNORECASE,
)
_KEY_VALUE = re.compile(
    r"^\s*(?:-\s+)?[\w./\"'-]+\s*[:=](?:\s|$|\S)|^\s*[{}\[\]],?;?\s*$|^\s*\[[\w. -]+\]\s*$|^\s*-\s+\S"
)
_FUNCTION = re.compile(r"^(?:function\s+[\w-]+|[A-Za-z_][\w-]*\s*\(\))\s*(?:\(\)\s*)?(?:\{.*)?$")
_SECOND_PROMPT = re.compile(r"^\s*>(?: |$)")
_OTHER_PROMPT = "is typed at the prompt of another program than a shell, so no step comes of it"
_UNCLEAR = "can't tell whether this is a command, output or configuration"


@dataclass(frozen=True, slots=True)
class Found:
    """A command in a block. `comment` covers it; `title` is that comment, for the first command it covers."""

    line: int
    end_line: int
    command: str
    comment: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Classed:
    """What a block holds, line by line, and its commands."""

    lines: tuple[CodeLine, ...]
    commands: tuple[Found, ...] = ()
    notices: tuple[Notice, ...] = ()


def class_all(code: Code, kind: LineClass, *notices: Notice) -> Classed:
    """`code` with one class for all its lines that are not blank."""
    lines = (
        CodeLine(code.first + index, kind if line.strip() else LineClass.BLANK)
        for index, line in enumerate(code.lines)
    )
    return Classed(tuple(lines), notices=notices)


def classify(code: Code, lead: str = "") -> Classed:
    """The class of every line of `code`; `lead` is the prose right before it."""
    classed = _by_language(code)
    if classed is not None:
        return classed
    trusted = (code.language or "").lower() in SHELL
    filled = [line for line in code.lines if line.strip()]
    text = [line for line in filled if not _is_comment(line)]
    prompts = read_prompts(code.lines, code.language)
    if not prompts:
        if _is_script(filled, trusted=trusted):
            return _whole_script(code)
        if text and all(is_assignment(line) for line in text):
            return _Reader(code, {}, trusted=trusted, settings=True).read()
        if filled and not trusted and not any(is_command(line) for line in text):
            return _without_command(code, text, lead)
    return _Reader(code, prompts, trusted=trusted and not prompts).read()


def _by_language(code: Code) -> Classed | None:
    """What the language of a block settles by itself, or None."""
    name = (code.language or "").lower()
    if name in DATA:
        return class_all(code, LineClass.CONFIGURATION)
    if name in OUTPUT:
        return class_all(code, LineClass.OUTPUT)
    if name in PROGRAMMING:
        message = f"a block of {code.language}, which is not shell: no step comes of it"
        return class_all(code, LineClass.CONFIGURATION, Notice(code.line, message))
    return None


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _without_command(code: Code, text: Sequence[str], lead: str) -> Classed:
    if not text:
        return class_all(code, LineClass.COMMENT, _nothing_to_do(code))
    if _LEADS_TO_OUTPUT.search(lead):
        return class_all(code, LineClass.OUTPUT)
    if _LEADS_TO_SETTINGS.search(lead) or all(_KEY_VALUE.match(line) or is_setting(line) for line in text):
        return class_all(code, LineClass.CONFIGURATION)
    return class_all(code, LineClass.UNKNOWN, Notice(code.first, _UNCLEAR))


def _nothing_to_do(code: Code) -> Notice:
    held = "holds only comments" if any(line.strip() for line in code.lines) else "is empty"
    return Notice(code.line, f"this block {held}: no step comes of it")


def _is_script(filled: Sequence[str], *, trusted: bool) -> bool:
    """Whether a block is to be run as a whole: it says so with `#!`, or it defines what it then calls."""
    return bool(filled) and (
        filled[0].startswith("#!") or (trusted and any(_FUNCTION.match(line) for line in filled))
    )


def _whole_script(code: Code) -> Classed:
    """The block as one command, titled by the comment that it begins with."""
    start = next(index for index, line in enumerate(code.lines) if line.strip())
    end = max(index for index, line in enumerate(code.lines) if line.strip())
    first = code.first + start
    title: list[str] = []
    for line in code.lines[start + code.lines[start].startswith("#!") :]:
        if not _is_comment(line):
            break
        title.append(line.strip().lstrip("#").strip())
    comment = "\n".join(part for part in title if part) or None
    command = "\n".join(code.lines[start : end + 1])
    lines = tuple(
        CodeLine(code.first + i, LineClass.COMMAND, first)
        if start <= i <= end
        else CodeLine(code.first + i, LineClass.BLANK)
        for i in range(len(code.lines))
    )
    return Classed(
        lines, (Found(first, code.first + end, command, comment, comment and comment.replace("\n", " ")),)
    )


class _Reader:
    """Reads a block of shell from top to bottom."""

    def __init__(
        self, code: Code, prompts: dict[int, Typed], *, trusted: bool, settings: bool = False
    ) -> None:
        self._code = code
        self._prompts = prompts
        self._first_prompt = min(prompts, default=len(code.lines))
        self._in_shell = True  # the prompt above was a shell's
        self._trusted = trusted
        self._settings = settings
        self._lines: list[CodeLine] = []
        self._commands: list[Found] = []
        self._notices: list[Notice] = []
        self._pending: list[str] = []
        self._aside = False  # the pending comment lies right below a command: it may be about that one
        self._covering: str | None = None
        self._spare_failures = 10

    def read(self) -> Classed:
        index = 0
        while index < len(self._code.lines):
            index = self._line(index)
        if not self._commands and all(c.kind in (LineClass.COMMENT, LineClass.BLANK) for c in self._lines):
            self._notices.append(_nothing_to_do(self._code))
        return Classed(tuple(self._lines), tuple(self._commands), tuple(self._notices))

    def _line(self, index: int) -> int:
        line = self._code.lines[index]
        typed = self._prompts.get(index)
        if typed is not None:
            return self._typed(index, typed)
        if not line.strip():
            self._blank(index)
        elif _is_comment(line) and self._in_shell:  # else `#` is no comment but part of an answer
            self._comment(index, line)
        else:
            kind = self._judge(line)
            if kind is LineClass.COMMAND:
                return self._command(index, self._code.lines, index)
            self._other(index, kind)
        return index + 1

    def _typed(self, index: int, typed: Typed) -> int:
        self._in_shell = typed.in_shell
        if typed.text.lstrip().startswith("#") and typed.in_shell:
            self._comment(index, typed.text)
        elif not typed.text.strip():
            self._other(index, LineClass.OUTPUT)
        elif typed.in_shell:
            return self._command(index, self._behind_prompt(index, typed))
        else:
            self._other(index, LineClass.UNKNOWN, f"“{typed.text.strip()}” {_OTHER_PROMPT}")
        return index + 1

    def _behind_prompt(self, index: int, typed: Typed) -> list[str]:
        """What was typed at a prompt, and the lines below it, up to the next prompt, that may carry it on."""
        lines = [typed.text]
        for later in range(index + 1, min(index + MAX_LINES, len(self._code.lines))):
            following = self._prompts.get(later)
            line = self._code.lines[later]
            carried_on = _SECOND_PROMPT.match(line)
            if following is not None and not carried_on:
                break
            lines.append(line[carried_on.end() :] if carried_on else line)
        return lines

    def _judge(self, line: str) -> LineClass:
        """The class of a line without a prompt."""
        ran = bool(self._commands)
        if self._first_prompt < len(self._lines):
            return LineClass.OUTPUT
        assigns = is_assignment(line)
        if self._settings or (is_setting(line) and not assigns):
            return LineClass.CONFIGURATION
        if looks_like_output(line):
            return LineClass.OUTPUT if ran else LineClass.UNKNOWN
        if self._trusted or is_command(line) or (ran and assigns):
            return LineClass.COMMAND
        return LineClass.CONFIGURATION if assigns else LineClass.UNKNOWN

    def _command(self, index: int, lines: Sequence[str], start: int = 0) -> int:
        """Take the command on line `index` of the block, which is line `start` of `lines`."""
        statement = self._statement(lines, start)
        first = self._code.first + index
        last = first + statement.lines - 1
        comment, title = self._take_comment(statement)
        margin = len(lines[start]) - len(lines[start].lstrip())
        command = "\n".join(_dedent(line, margin) for line in statement.text.split("\n"))
        self._commands.append(Found(first, last, command, comment, title))
        self._lines += [CodeLine(number, LineClass.COMMAND, first) for number in range(first, last + 1)]
        if not statement.parses and self._trusted:
            self._notices.append(Notice(first, "does not parse as shell; taken for a command as it stands"))
        return index + statement.lines

    def _statement(self, lines: Sequence[str], start: int) -> Statement:
        # A block full of openings that never close would else be parsed once per line and opening.
        statement = read_statement(lines, start, MAX_LINES if self._spare_failures > 0 else 1)
        if not statement.parses:
            self._spare_failures -= 1
        return statement

    def _take_comment(self, statement: Statement) -> tuple[str | None, str | None]:
        above = "\n".join(self._pending) or None
        self._pending, self._aside = [], False
        if above:
            self._covering = above
            own = f"{above}\n{statement.comment}" if statement.comment else above
            return own, above.replace("\n", " ")
        if statement.comment and self._covering:
            return f"{self._covering}\n{statement.comment}", statement.comment
        return statement.comment or self._covering, statement.comment

    def _comment(self, index: int, line: str) -> None:
        previous = self._lines[-1].kind if self._lines else None
        if previous is not LineClass.COMMENT:
            self._pending = []
            self._aside = previous in (LineClass.COMMAND, LineClass.OUTPUT)
        text = line.strip().lstrip("#").strip()
        if text.strip("-=*#~ "):
            self._pending.append(text)
        self._lines.append(CodeLine(self._code.first + index, LineClass.COMMENT))

    def _blank(self, index: int) -> None:
        if self._aside or len(self._pending) > 1:
            # A comment of several lines that stands by itself is a note, and no title.
            self._pending, self._aside = [], False
        self._covering = None
        self._lines.append(CodeLine(self._code.first + index, LineClass.BLANK))

    def _other(self, index: int, kind: LineClass, message: str = _UNCLEAR) -> None:
        self._covering = None
        number = self._code.first + index
        follows = self._lines and self._lines[-1].kind is LineClass.UNKNOWN
        if kind is LineClass.UNKNOWN and (not follows or message != _UNCLEAR):
            self._notices.append(Notice(number, message))
        self._lines.append(CodeLine(number, kind))


def _dedent(line: str, margin: int) -> str:
    return line[margin:] if not line[:margin].strip() else line
