"""Times as people write them in runbooks, as seconds."""

from __future__ import annotations

import re

_UNITS = {
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
    "w": 604800.0, "wk": 604800.0, "week": 604800.0, "weeks": 604800.0,
}  # fmt: skip
_AMOUNT = r"\d{1,6}(?:\.\d{1,3})?"
_DASH = r"[-\N{EN DASH}\N{EM DASH}]"
_NAMES = "|".join(sorted(_UNITS, key=len, reverse=True))
_TIME = re.compile(
    rf"(?<![\w.])(?:(?P<low>{_AMOUNT})\s*(?:{_DASH}|to)\s*)?(?P<amount>{_AMOUNT}|an?|one)"
    rf"[\s-]*(?:business\s+|working\s+|calendar\s+)?(?P<unit>{_NAMES})\b",
    re.IGNORECASE,
)
_AT_ONCE = re.compile(r"\b(?:immediate(?:ly)?|instant(?:ly)?|right away|at once)\b", re.IGNORECASE)
_EVERY = re.compile(
    rf"\bevery\s+(?:(?P<amount>{_AMOUNT})[\s-]*)?(?P<unit>{_NAMES})\b"
    r"|(?P<word>\bhourly\b|\bdaily\b|\bweekly\b)",
    re.IGNORECASE,
)
_WORDS = {"hourly": 3600.0, "daily": 86400.0, "weekly": 604800.0}


def duration_s(text: str) -> float | None:
    """The first time that `text` names, in seconds; a range gives its upper end, "immediate" alone 0.

    None where there is none, or none that is a number ("next working day").
    """
    match = _TIME.search(text)
    if match is None:
        return 0.0 if _AT_ONCE.search(text) else None
    total = _seconds(match)
    while (following := _TIME.match(text, match.end() + _gap(text, match.end()))) is not None:
        if _UNITS[following["unit"].lower()] >= _UNITS[match["unit"].lower()]:
            break
        total, match = total + _seconds(following), following
    return total


def interval_s(text: str) -> float | None:
    """The interval of "every 30 minutes" and its like, in seconds, or None."""
    match = _EVERY.search(text)
    if match is None:
        return None
    if match["word"]:
        return _WORDS[match["word"].lower()]
    return float(match["amount"] or 1) * _UNITS[match["unit"].lower()]


def _seconds(match: re.Match[str]) -> float:
    amount = match["amount"]
    return (float(amount) if amount[0].isdigit() else 1.0) * _UNITS[match["unit"].lower()]


def _gap(text: str, position: int) -> int:
    """How far a second part of one time may lie behind the first: "1 h 30 min", "1 hour and 30 minutes"."""
    match = re.compile(r"\s*(?:and\s+)?").match(text, position)
    return len(match[0]) if match else 0
