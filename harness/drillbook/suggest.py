"""Suggestions for a word that was mistyped; it knows no file and no list of its own."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_SHOWN = 12


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """A hint for an error about `word`: the closest of `known`, else all of them; None without any."""
    names = list(dict.fromkeys(known))
    by_folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_folded[close[0]]!r}?"
    if not names:
        return None
    more = ", …" if len(names) > _MOST_SHOWN else ""
    return f"there is {', '.join(names[:_MOST_SHOWN])}{more}"
