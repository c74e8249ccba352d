"""The placeholders of a command: the parts that a human fills in before it can be run.

It finds them and never fills them in.
"""

from __future__ import annotations

import re

_ANGLE = r"(?<![<\w$&])<(?![\s(])[A-Za-z][\w .:/|'-]{0,60}(?<![\s-])>(?!>)"
_BRACES = r"(?<!\$)\{\{\s*[A-Za-z_][\w -]{0,60}?\s*\}\}"
_SQUARE = r"(?<![\w.$\\\[!^(|])\[(?P<square>[A-Za-z][A-Za-z0-9]*(?:[ _-][A-Za-z0-9]+)*)\](?![*+?\]])"
_YOURS = r"(?<![\w$])(?:YOUR(?:_?[A-Z0-9]+)+|your(?:[-_][a-z0-9]+)+)(?!\w)"
_DATE = r"YYYY[-_.]?MM[-_.]?DD(?:[-_T.]?HH[-_:.]?MM(?:[-_:.]?SS)?)?"
_VERSION = r"(?<![\w.])v\d+(?:\.\d+)*(?:\.x)+(?![\w.])"
_ANY = re.compile(f"{_ANGLE}|{_BRACES}|{_SQUARE}|{_YOURS}|{_DATE}|{_VERSION}")
_TEMPLATE_CODE = re.compile(r"\{\{-?\s*(?:\.|\$|range\b|if\b|end\b|json\b|with\b|println?f?\b|else\b)")
_LOG_LEVELS = frozenset(
    ("TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL", "PANIC")
)
_CHARACTER_CLASS = re.compile(r"[A-Za-z0-9]-[A-Za-z0-9]")


def placeholders(command: str) -> tuple[str, ...]:
    """The placeholders in `command` as written, each once, in their order."""
    return tuple(dict.fromkeys(match[0] for match in _matches(command)))


def mask(command: str) -> str:
    """`command` with each placeholder as a word of the same length, for a parser that knows only shell."""
    for match in _matches(command):
        command = command[: match.start()] + "_" * len(match[0]) + command[match.end() :]
    return command


def _matches(command: str) -> list[re.Match[str]]:
    templated = bool(_TEMPLATE_CODE.search(command))
    return [match for match in _ANY.finditer(command) if _is_one(match, templated=templated)]


def _is_one(match: re.Match[str], *, templated: bool) -> bool:
    if match[0].startswith("{{"):
        return not templated
    name = match["square"]
    if name is None:
        return True
    # [NAME], [vercel-url] and [instance id], but no glob ([a-z], [Ee]), test ([ -f x ]) or log level.
    if len(name) < 3 or _CHARACTER_CLASS.fullmatch(name) or name in _LOG_LEVELS:  # noqa: PLR2004 - no name is shorter
        return False
    return name.isupper() or any(mark in name for mark in " _-")
