"""A comparison of two groups of drills: what became worse, what became better, and what can't be compared.

Like is compared with like and with nothing else: the same scenario and variant, responder, backend, calls
of the platform's CLI, deadline and machine class. Judges no drill anew, and reads no file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from drillbook.history import Record
from drillbook.intervals import LEVEL, Interval, Shift, difference, enough, shift
from drillbook.model import Json, Verdict, to_json
from drillbook.repeats import Repeats, summary

_SHORT = 8
# From the best on. What healed by itself is none of the runbook's, and has no place among them.
ORDER = (Verdict.RESOLVED, Verdict.NOT_RESOLVED, Verdict.STEP_BROKEN, Verdict.HARMFUL)


class Change(StrEnum):
    """What a variant came to, beside what it was."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    UNSURE = "not told apart"


@dataclass(frozen=True, slots=True)
class Likeness:
    """What two drills must have in common to be compared."""

    scenario: str
    variant: str
    responder: str
    backend: str
    strict: bool
    deadline_s: float
    machine_class: str | None

    @property
    def name(self) -> str:
        """Scenario and variant."""
        return f"{self.scenario}/{self.variant}"

    def unlike(self, other: Likeness) -> str:
        """In what the two differ, first of one and then of the other."""
        pairs = {
            "responder": (self.responder, other.responder),
            "backend": (self.backend, other.backend),
            "calls": (_calls(self.strict), _calls(other.strict)),
            "deadline": (f"{self.deadline_s:g} s", f"{other.deadline_s:g} s"),
            "machine": (self.machine_class or "not on file", other.machine_class or "not on file"),
        }
        return "; ".join(f"{what}: {one} / {two}" for what, (one, two) in pairs.items() if one != two)


@dataclass(frozen=True, slots=True)
class Pair:
    """The drills of one variant in both groups.

    `fall` is the interval of the change of a share, for the verdicts at least as good as `threshold`, where
    they changed; `shift` is by how many seconds TTR became longer, None where neither group has resolved
    any. `times` says whether that is more than chance and the probe's interval can do.
    """

    likeness: Likeness
    base: Repeats
    head: Repeats
    verdicts: Change
    threshold: Verdict | None
    fall: Interval | None
    times: Change
    shift: Shift | None
    reason: str

    @property
    def name(self) -> str:
        """Scenario and variant."""
        return self.likeness.name

    @property
    def regressed(self) -> str:
        """What became worse, as one clause, or nothing; a gap that the plan came to know is none of it."""
        if self.head.known_gap is not None and self.base.known_gap is None:
            return ""
        if self.verdicts is Change.WORSE:
            return f"{told(self.base)}, now {told(self.head)}"
        if self.times is Change.WORSE and self.shift is not None and self.shift.interval is not None:
            return f"TTR longer by {span(self.shift)}"
        return ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two groups of drills beside one another.

    `level` is that at which all intervals hold together, `each` that of every single one. `apart` says of
    each variant that has no like why it is not compared, `notes` what else the groups differ in.
    """

    pairs: tuple[Pair, ...]
    apart: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    level: float
    each: float

    @property
    def regressions(self) -> list[Pair]:
        """The pairs that became worse."""
        return [pair for pair in self.pairs if pair.regressed]

    @property
    def needed(self) -> int:
        """How many drills a group takes for its times to be told from another's."""
        return enough(self.each)

    def to_json(self) -> dict[str, Json]:
        """The comparison as `drillbook compare --json` gives it; what is not bounded is null."""
        return {
            "pairs": [_pair_json(pair) for pair in self.pairs],
            "not_compared": [{"name": name, "reason": reason} for name, reason in self.apart],
            "notes": list(self.notes),
            "level": self.level,
            "level_each": self.each,
            "needed_for_times": self.needed,
        }


def compare(base: Sequence[Record], head: Sequence[Record]) -> Comparison:
    """`head` beside `base`."""
    before, after = (by_likeness([r for r in group if r.machine is not None]) for group in (base, head))
    common = [like for like in before if like in after]
    judged = [like for like in common if not _without_say(before[like], after[like])]
    # Many comparisons find a difference by chance alone, so each must be the surer (Bonferroni).
    each = 1 - (1 - LEVEL) / max(1, len(judged))
    pairs = [_pair(like, before[like], after[like], each) for like in judged]
    apart = [(like.name, _without_say(before[like], after[like])) for like in common if like not in judged]
    return Comparison(
        pairs=tuple(sorted(pairs, key=lambda pair: (_urgency(pair), pair.name))),
        apart=tuple(apart + _apart(before, after) + _nowhere(base, head)),
        notes=tuple(_notes(base, head)),
        level=LEVEL,
        each=each,
    )


def told(repeats: Repeats) -> str:
    """The verdicts of a group, such as `RESOLVED` or `RESOLVED 2, NOT_RESOLVED 1`."""
    return repeats.verdicts[0].verdict.value if repeats.with_a_say == 1 else repeats.split


def span(moved: Shift) -> str:
    """A shift with its interval, such as `+1.20 s (+0.90 to +1.50 s)`."""
    if moved.interval is None:
        return _signed(moved.value)
    low, high = _signed(moved.interval.low), _signed(moved.interval.high)
    return f"{_signed(moved.value)} ({low.removesuffix(' s')} to {high})"


def _signed(seconds: float) -> str:
    if math.isinf(seconds):
        return "beyond the deadline" if seconds > 0 else "from beyond the deadline"
    return f"{seconds:+.2f} s"


def _calls(strict: bool) -> str:  # noqa: FBT001  one of two words
    return "strict" if strict else "documented"


def by_likeness(records: Sequence[Record]) -> dict[Likeness, list[Record]]:
    """The drills that are alike, in the order of the first of each."""
    found: dict[Likeness, list[Record]] = {}
    for record in records:
        like = Likeness(
            record.scenario,
            record.variant,
            record.responder,
            record.backend,
            record.strict,
            record.deadline_s,
            record.machine_class,
        )
        found.setdefault(like, []).append(record)
    return found


def _ranked(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.verdict in ORDER]


def _without_say(before: Sequence[Record], after: Sequence[Record]) -> str:
    """Why nothing can be said of two groups that are alike, or nothing: one of them has no say."""
    for where, records in (("BASE", before), ("HEAD", after)):
        if not _ranked(records):
            return f"without a say in {where}: {_counted(records)}"
    return ""


def _counted(records: Sequence[Record]) -> str:
    found = summary(records)
    kinds = {**found.left_out, **{share.verdict.value: share.count for share in found.verdicts}}
    return ", ".join(f"{verdict} {number}" for verdict, number in kinds.items())


def _apart(
    before: dict[Likeness, list[Record]], after: dict[Likeness, list[Record]]
) -> list[tuple[str, str]]:
    """What is in one group and has no like in the other, and why."""
    found = []
    for like in before:
        if like not in after:
            others = [other for other in after if other.name == like.name and other not in before]
            found.append((like.name, f"not alike: {like.unlike(others[0])}" if others else "only in BASE"))
    lone = {like.name for like in before if like not in after}
    found += [(like.name, "only in HEAD") for like in after if like not in before and like.name not in lone]
    return list(dict.fromkeys(found))


def _nowhere(base: Sequence[Record], head: Sequence[Record]) -> list[tuple[str, str]]:
    """What can be like nothing, since it is not on file what it ran on."""
    groups = (("BASE", base), ("HEAD", head))
    found = [
        (r.name, f"no machine on file in {where}") for where, group in groups for r in group if not r.machine
    ]
    return list(dict.fromkeys(found))


def _notes(base: Sequence[Record], head: Sequence[Record]) -> list[str]:
    """In what the groups differ that is not compared, and may be the reason of a change."""
    notes = []
    for what, of in (("runbook", _runbooks), ("plan", _plans), ("drillbook", _drillbooks)):
        before, after = of(base), of(head)
        if what == "runbook" and before == after:
            notes.append("the runbook is the same in both")
        elif what != "runbook" and before != after and before and after:
            left, right = (", ".join(name[:_SHORT] for name in names) for names in (before, after))
            notes.append(f"the {what} differs: {left} / {right}")
    return notes


def _runbooks(records: Sequence[Record]) -> list[str]:
    return sorted({record.runbook.sha256 for record in records})


def _plans(records: Sequence[Record]) -> list[str]:
    return sorted({r.plan.sha256 for r in records if r.plan is not None and r.plan.sha256})


def _drillbooks(records: Sequence[Record]) -> list[str]:
    return sorted({record.versions["drillbook"] for record in records if "drillbook" in record.versions})


def _pair(like: Likeness, before: Sequence[Record], after: Sequence[Record], level: float) -> Pair:
    base, head = summary(before), summary(after)
    verdicts, threshold, fall = _verdicts(_ranked(before), _ranked(after), level)
    times, moved, reason = _times(_ranked(before), _ranked(after), level)
    return Pair(like, base, head, verdicts, threshold, fall, times, moved, reason)


def _verdicts(
    before: Sequence[Record], after: Sequence[Record], level: float
) -> tuple[Change, Verdict | None, Interval | None]:
    """Whether the verdicts became worse, by the share of those that are at least as good as each of them.

    They did where a share fell by more than chance can do, or from all to none: a single drill is no proof,
    but a gate that lets a step pass which was broken since would be none.
    """
    found: list[tuple[Change, Verdict | None, Interval | None]] = [(Change.SAME, None, None)]
    for rank, threshold in enumerate(ORDER[:-1]):
        good = [ORDER.index(record.verdict) <= rank for record in before]
        now = [ORDER.index(record.verdict) <= rank for record in after]
        moved = difference(sum(good), len(good), sum(now), len(now), level)
        change = Change.SAME
        if moved.below(0) or (all(good) and not any(now)):
            change = Change.WORSE
        elif moved.above(0) or (all(now) and not any(good)):
            change = Change.BETTER
        elif sum(good) * len(now) != sum(now) * len(good):
            change = Change.UNSURE
        found.append((change, threshold, moved))
    # The worst news first, and of the same kind what is of the better verdicts.
    kinds = (Change.WORSE, Change.BETTER, Change.UNSURE, Change.SAME)
    return min(found, key=lambda one: kinds.index(one[0]))


def _times(
    before: Sequence[Record], after: Sequence[Record], level: float
) -> tuple[Change, Shift | None, str]:
    """Whether TTR became longer, by how much, and why that can't be told if it can't."""
    early, late = ([_ttr(record) for record in group] for group in (before, after))
    if all(math.isinf(time) for time in early) or all(math.isinf(time) for time in late):
        return Change.SAME, None, "not resolved"
    moved = shift(early, late, level)
    if moved.interval is None:
        need = enough(level)
        return Change.UNSURE, moved, f"too few: {len(early)} and {len(late)}, it takes {need} and {need}"
    error = max(record.error_s for record in (*before, *after))
    if moved.interval.above(error):
        return Change.WORSE, moved, ""
    if moved.interval.below(-error):
        return Change.BETTER, moved, ""
    return Change.SAME, moved, ""


def _ttr(record: Record) -> float:
    return math.inf if record.durations.ttr is None else record.durations.ttr


def _urgency(pair: Pair) -> int:
    kinds = (
        pair.verdicts is Change.WORSE,
        pair.verdicts is Change.BETTER,
        pair.verdicts is Change.UNSURE,
        pair.times is Change.WORSE,
        pair.times is Change.BETTER,
    )
    return kinds.index(True) if True in kinds else len(kinds)


def _pair_json(pair: Pair) -> Json:
    interval = pair.shift.interval if pair.shift is not None else None
    return {
        "likeness": to_json(pair.likeness),
        "base": pair.base.to_json(),
        "head": pair.head.to_json(),
        "verdicts": pair.verdicts.value,
        "threshold": pair.threshold.value if pair.threshold is not None else None,
        "share_change": None if pair.fall is None else {"low": pair.fall.low, "high": pair.fall.high},
        "times": pair.times.value,
        "ttr_shift": None
        if pair.shift is None
        else {
            "value": _finite(pair.shift.value),
            "low": _finite(interval.low) if interval is not None else None,
            "high": _finite(interval.high) if interval is not None else None,
        },
        "reason": pair.reason,
        "regressed": pair.regressed,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
