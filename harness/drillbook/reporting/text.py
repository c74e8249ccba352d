"""Words and figures of the reports: text with code in it, times, and what makes text safe in Markdown.

Must not know anything of drills.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias


class Code(str):
    """A piece of text that is to be set as code."""

    __slots__ = ()


Text: TypeAlias = "tuple[str | Code, ...]"

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~])")
_LONGEST_INLINE = 160
_MINUTE_S = 60
_LEAST_S = 0.005
NOT_KNOWN = "\N{EN DASH}"


def seconds(value: float | None) -> str:
    """A duration such as `0.62 s`, `4.5 s` or `2 min 5 s`; a dash where it is not known."""
    if value is None:
        return NOT_KNOWN
    if 0 < value < _LEAST_S:
        return "< 0.01 s"
    if value < 1:
        return f"{value:.2f} s" if value else "0 s"
    if value < _MINUTE_S:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), _MINUTE_S)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def share(part: float, whole: float) -> str:
    """A share in per cent, such as `42 %`; nothing is rounded down to none or up to all."""
    if whole <= 0:
        return NOT_KNOWN
    percent = f"{part / whole:.0%}"
    if percent == "0%" and part > 0:
        return "under 1 %"
    if percent == "100%" and part < whole:
        return "over 99 %"
    return percent.replace("%", " %")


def clock(moment: datetime) -> str:
    """A UTC time of day to the hundredth of a second, such as `09:30:04.52`."""
    return f"{moment:%H:%M:%S}.{moment.microsecond // 10_000:02d}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun, such as `1 step` or `3 steps`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([*[", ".join(words[:-1])][: len(words) > 1], *words[-1:]])


def sentence(text: str) -> str:
    """`text` on one line, with a capital at its beginning and a full stop at its end."""
    line = " ".join(text.split())
    if not line:
        return ""
    return line[0].upper() + line[1:] + ("" if line[-1] in ".!?…" else ".")


def shortened(text: str, longest: int = _LONGEST_INLINE) -> str:
    """`text` on one line, cut at its end where it is longer than `longest` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def plain(text: Text) -> str:
    """`text` without any markup."""
    return "".join(text)


def md(text: Text | str) -> str:
    """`text` as inline Markdown; whatever came from outside is shown and never acted on."""
    parts = (text,) if isinstance(text, str) else text
    return "".join(
        md_code(part) if isinstance(part, Code) else _MARKDOWN.sub(r"\\\1", part) for part in parts
    )


def md_code(code: str) -> str:
    """`code` as a code span that also holds in a table and with backticks in it."""
    line = " ".join(code.split()).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence, pad = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""


def md_block(code: str) -> str:
    """`code` as a fenced block, with a fence that nothing in it can close."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{code.rstrip()}\n{fence}"
