"""What was typed or shown at the desk as plain text: no terminal acts on it, and what looks secret is masked.

The journal masks the drill's own secrets by itself; here it is what somebody brings along.
"""

from __future__ import annotations

import re
import unicodedata

MASK = "***"
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|\x9c|$)|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]",
    re.DOTALL,
)
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")
_SECRETS = (
    re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://[^\s:/@'\"]*:)(?P<secret>[^\s@'\"]+)(?=@)", re.IGNORECASE),
    re.compile(
        r"(?P<kept>\b\w*(?:passw(?:or)?d|pwd|secret|token|api_?key|access_?key|redisauth)\w*\s*[=:]\s*['\"]?)"
        r"(?P<secret>[^\s'\";|&]+)",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?P<kept>\b(?:authorization|bearer)\b[:\s]+(?:(?:bearer|basic)\s+)?)(?P<secret>[\w.~+/=-]{8,})",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<kept>(?:^|\s)(?:--pass|--password|-a)[=\s]\s*['\"]?)(?P<secret>[^\s'\"]+)"),
    re.compile(r"(?P<kept>\b(?:password|identified by)\s+')(?P<secret>[^']+)", re.IGNORECASE),
)


def plain(text: str) -> str:
    """`text` without terminal sequences; every other control character is shown by its number."""
    text = _SEQUENCE.sub("", text).replace("\r\n", "\n")
    return "".join(char if char in "\n\t" or not _acts(char) else f"<{ord(char):02x}>" for char in text)


def shown(text: str) -> str:
    """The output `text` of a terminal as it was read: lines that were written over are gone."""
    text = _SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\a", "")
    return plain(_OVERWRITTEN.sub("", text))


def redacted(text: str) -> str:
    """`text` with what looks like a password, a token or a key masked; a variable's name is none."""
    for pattern in _SECRETS:
        text = pattern.sub(lambda m: m[0] if m["secret"].startswith("$") else f"{m['kept']}{MASK}", text)
    return text


def _acts(char: str) -> bool:
    """Whether a terminal, or a page, may act on `char`: control characters, and those that turn the text."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
