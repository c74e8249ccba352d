"""Prompts: which lines of a code block show what was typed, and at whose prompt.

It tells prompts from text; what follows a prompt is for `block` to class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from drillbook.runbook.command import is_command, is_surely_command, looks_like_output
from drillbook.runbook.vocabulary import PROGRAMS, SESSION, SHELL, WORDS

_HOST = (
    r"(?:\([\w.-]+\)\s?)?(?:\[[^\]\n]*@[^\]\n]*\]|[\w.-]+@[\w.-]+(?::[^\s$#]*)?"
    r"|(?:ba|z|k)?sh-[\d.]+|[\w.-]+:(?:~|/)[^\s$#]*)"
)
_DOLLAR = re.compile(rf"^\s*(?:{_HOST}\s?)?\$(?:\s+|$)")
_HOST_ROOT = re.compile(rf"^\s*(?:{_HOST}\s?|(?:~|/[\w/.-]*)\s)#(?:\s+|$)")
_SIGN = re.compile(r"^\s*[%❯➜»]\s+(?=\S)")  # noqa: RUF001 - prompts of shells in use
_ROOT = re.compile(r"^\s*#\s+(?=\S)")
_REPL = re.compile(
    r"^\s*(?:>|>>>|mysql>|MariaDB \[[^\]]*\]>|sqlite>|mongo\S*>|irb\S*>|pry\S*>|redis\S*>|\[\d+\] pry\S*>"
    r"|[\w.-]+:\d+(?:\[\d+\])?>|[\w.-]+(?:=[#>]|-[#>])|SQL>|iex\S*>|rails\S*>)\s+(?=\S)"
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A line with a prompt: what was typed behind it, and whether a shell was to read it."""

    text: str
    in_shell: bool


def read_prompts(lines: Sequence[str], language: str | None) -> dict[int, Typed]:
    """The lines with a prompt, by index; empty where the block shows no session."""
    shell = {
        i: Typed(line[m.end() :], in_shell=True) for i, line in enumerate(lines) if (m := _shell_prompt(line))
    }
    if not shell and not _is_repl(lines):
        return _root_prompts(lines, language)
    typed = dict(shell)
    for index, line in enumerate(lines):
        match = _REPL.match(line)
        if index not in typed and match:
            text = line[match.end() :]
            typed[index] = Typed(text, in_shell=line.lstrip().startswith("> ") and is_surely_command(text))
    return typed


def _shell_prompt(line: str) -> re.Match[str] | None:
    sign = _SIGN.match(line)
    if sign and is_command(line[sign.end() :]):
        return sign
    return _DOLLAR.match(line) or _HOST_ROOT.match(line)


def _is_repl(lines: Sequence[str]) -> bool:
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    return bool(_REPL.match(first))


def _root_prompts(lines: Sequence[str], language: str | None) -> dict[int, Typed]:
    """The lines that begin with `#` as a root shell's prompt, which nearly always begins a comment.

    It is a prompt only where each such line is a command, one of them beyond doubt, no other line is one,
    and either the language says that this is a session or there is output below one of them.
    """
    marked = {
        i: Typed(line[m.end() :], in_shell=True) for i, line in enumerate(lines) if (m := _ROOT.match(line))
    }
    name = (language or "").lower()
    if not any(is_surely_command(typed.text) for typed in marked.values()):
        return {}
    if not all(is_surely_command(typed.text) or _is_program(typed.text) for typed in marked.values()):
        return {}
    others = [line for index, line in enumerate(lines) if index not in marked and line.strip()]
    if name in SESSION:
        return marked
    if not others or any(is_command(line) for line in others):
        return {}
    shows_output = all(looks_like_output(line) for line in others) or name not in SHELL
    answered = any(i + 1 < len(lines) and lines[i + 1].strip() and i + 1 not in marked for i in marked)
    return marked if shows_output and answered else {}


def _is_program(text: str) -> bool:
    return text.strip() in PROGRAMS | WORDS
