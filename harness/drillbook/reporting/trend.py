"""The trend page: how the drills of each variant went on from run to run, drawn for one variant at a time.

Made of the history alone. Only what is alike is in one drawing, and nothing is put together over variants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from drillbook.comparison import Likeness, by_likeness
from drillbook.history import Record
from drillbook.library import reports_dir
from drillbook.model import Verdict
from drillbook.repeats import summary
from drillbook.reporting import text as words
from drillbook.reporting.templates import environment
from drillbook.verdict import NO_SAY

_WIDTH, _HEIGHT = 360.0, 150.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 8.0, 36.0, 8.0
_BAND = 15.0  # the height of the place for what was not resolved, above the times
_LABEL_PX = 56.0  # what the name of a runbook's revision takes
_LEAST_S = 0.1


@dataclass(frozen=True, slots=True)
class Trend:
    """The drills that are alike, the oldest first."""

    likeness: Likeness
    records: tuple[Record, ...]

    @property
    def last(self) -> Record:
        """The newest drill."""
        return self.records[-1]

    @property
    def tone(self) -> str:
        """How the newest verdict is to be shown, as in the suite report."""
        verdict = self.last.verdict
        if verdict in NO_SAY or verdict is Verdict.SELF_HEALED:
            return "none"
        return (
            "good"
            if self.last.expected and self.last.known_gap is None
            else "gap"
            if self.last.expected
            else "bad"
        )

    @property
    def changed(self) -> str:
        """From which verdict to which it changed with the newest state of the runbook, or nothing."""
        parts = self.parts
        if len(parts) == 1:
            return ""
        before, after = (summary(part) for part in parts[-2:])
        kinds = [{share.verdict for share in group.verdicts} for group in (before, after)]
        return f"{before.split}, now {after.split}" if all(kinds) and kinds[0] != kinds[1] else ""

    @property
    def parts(self) -> list[list[Record]]:
        """The drills in their order, parted where the runbook changed."""
        return [list(part) for _, part in groupby(self.records, key=lambda record: record.runbook.sha256)]

    @property
    def drawing(self) -> str:
        """The TTR of each drill, as SVG."""
        return draw(self)


def page(records: Sequence[Record]) -> str:
    """The trend page of `records`, at least one, the oldest first.

    Raises:
        StackError: the templates are missing.
    """
    found = [Trend(like, tuple(group)) for like, group in by_likeness(records).items()]
    found.sort(
        key=lambda trend: (trend.last.severity, trend.likeness.name, trend.likeness.machine_class or "")
    )
    content = {
        "trends": found,
        "scenarios": [
            (name, list(group)) for name, group in groupby(found, key=lambda t: t.likeness.scenario)
        ],
        "changed": [trend for trend in found if trend.changed],
        "drills": len(records),
        "runs": len({record.run for record in records}),
        "began": records[0].started,
        "ended": records[-1].started,
        "machines": sorted({trend.likeness.machine_class or "not on file" for trend in found}),
        "count": words.count,
    }
    return environment(reports_dir(), html=True).get_template("trend.html.j2").render(content)


def draw(trend: Trend) -> str:
    """The drills of `trend` from left to right, their TTR upwards; what was not resolved stands above."""
    times = [record.durations.ttr for record in trend.records if record.durations.ttr is not None]
    top = _nice(max([*times, _LEAST_S]))
    height = _HEIGHT if times else _TOP + _BAND
    ground, ceiling = height - _BOTTOM, _TOP + _BAND
    step = (_WIDTH - _LEFT - _RIGHT) / len(trend.records)

    def x(place: float) -> float:
        return _LEFT + (place + 0.5) * step

    def y(seconds: float) -> float:
        return ground - seconds / top * (ground - ceiling)

    scale = (0.0, top / 2, top) if times else ()
    parts = [_line("grid", _LEFT, y(each), _WIDTH - _RIGHT, y(each)) for each in scale]
    parts += [_text("soft", _LEFT - 5, y(each) + 4, f"{each:g} s", "end") for each in scale]
    begin, free = 0, 0.0
    for part in trend.parts:
        edge = x(begin - 0.5)
        if begin:
            parts.append(_line("edge", edge, _TOP - 10, edge, ground))
        if edge >= free:
            parts.append(_text("soft", edge + 2, 11, part[0].at, "start"))
            free = edge + _LABEL_PX
        middle = summary(part).ttr.median
        if middle is not None:
            parts.append(_line("median", edge + 2, y(middle), x(begin + len(part) - 0.5) - 2, y(middle)))
        begin += len(part)
    radius = max(1.5, min(4.0, step / 2.5))
    for place, record in enumerate(trend.records):
        level = y(record.durations.ttr) if record.durations.ttr is not None else _TOP
        parts.append(_dot(record, x(place), level, radius))
    told = f"TTR of {words.count(len(trend.records), 'drill')} of {trend.likeness.name}, the oldest first"
    return (
        f'<svg class="trend" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(told)}">'
        f"{''.join(parts)}</svg>"
    )


def _dot(record: Record, x: float, y: float, radius: float) -> str:
    resolved = record.durations.ttr is not None and record.verdict is Verdict.RESOLVED
    kind = "none" if record.verdict in (*NO_SAY, Verdict.SELF_HEALED) else "came" if resolved else "never"
    time = words.seconds(record.durations.ttr) if resolved else "not resolved"
    told = escape(f"{record.started[:16].replace('T', ' ')} {record.verdict}, {time}, runbook {record.at}")
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{told}</title></circle>'


def _line(cls: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{cls}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(cls: str, x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="{cls}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _nice(longest: float) -> float:
    """The least of 1, 2, 4, 5, 10, 20, 40, … (or their tenths) that is not below `longest`."""
    unit = 10.0 ** math.floor(math.log10(longest))
    return next(unit * step for step in (1, 2, 4, 5, 10) if unit * step >= longest * (1 - 1e-9))
