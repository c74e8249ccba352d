"""The chart of a drill over time, as SVG: phases, SLIs, steps, latency and errors, with the clocks marked.

One drawing for each of three widths, so that its words keep their size on any screen. It has no colours of
its own: the page gives them by class, for light, dark and print. Bad is drawn higher than good, not only in
another colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby, pairwise

from drillbook.events import PhaseStarted, Sampled, TrafficCounted
from drillbook.evidence import Evidence, gather
from drillbook.journal import Entry, events
from drillbook.reporting.facts import MINUS, Facts
from drillbook.reporting.text import seconds

WIDTHS = (340, 680, 1040)
_NARROW = 500
_CHARACTER = 6.3  # the mean width of a character at the chart's 11 px
_BEFORE_S = 3.0
_LANE, _PANEL, _ERRORS, _GAP, _LABEL = 15, 96, 54, 16, 15
_MOST_TICKS, _TICK_PX = 12, 62
_APART = 8  # pixels between two labels
_PUSHED = 20  # pixels that a label may stand to the right of what it labels
_SILENT = 4  # so many missed samples make a gap in an SLI's line


@dataclass
class Canvas:
    """An SVG in the making: a scale of time across, and a pen that moves down."""

    width: int
    left: int
    right: int
    begin: float
    end: float
    origin: float
    y: float = 0.0
    parts: list[str] = field(default_factory=list)

    def x(self, t: float) -> float:
        """The place of the monotonic time `t`, kept within the plot."""
        share = (t - self.begin) / max(self.end - self.begin, 1e-9)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def text(self, x: float, y: float, text: str, *, cls: str = "", anchor: str = "start") -> None:
        """Set `text` with its baseline at `y`."""
        names = f' class="{cls}"' if cls else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{names}>{escape(text)}</text>'
        )

    def box(self, cls: str, x: float, y: float, width: float, height: float, *, title: str = "") -> None:
        """A rectangle; `title` is shown when it is pointed at."""
        told = f"<title>{escape(title)}</title>" if title else ""
        size = f'width="{max(width, 0.5):.1f}" height="{height:.1f}"'
        self.parts.append(f'<rect class="{cls}" x="{x:.1f}" y="{y:.1f}" {size}>{told}</rect>')

    def line(self, cls: str, x1: float, y1: float, x2: float, y2: float) -> None:
        """A straight line."""
        self.parts.append(f'<line class="{cls}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')


def chart(facts: Facts, width: int) -> str:
    """The chart of a drill, `width` pixels wide; empty if nothing was sampled."""
    if not facts.evidence.slis:
        return ""
    canvas = _canvas(facts, width)
    rows, placed = _place_marks(facts, canvas)
    canvas.y = rows * _LABEL + 4
    _phases(facts, canvas)
    bands = len(canvas.parts)
    slis(facts.evidence, facts.entries, canvas)
    _steps(facts, canvas)
    _latency(facts.entries, canvas)
    _errors(facts.entries, canvas)
    bottom = canvas.y - _GAP
    _axis(canvas, bottom)
    # The clocks run over the phases and under all that they are to be read against.
    drawn = [*canvas.parts[:bands], *_marks(placed, bottom), *canvas.parts[bands:]]
    return _svg(canvas, drawn, _told(facts))


def strip(entries: Sequence[Entry], width: int, span_s: float, order: Sequence[str] = ()) -> str:
    """The SLIs of a drill or control alone, from its impact on, on a scale of `span_s` seconds.

    Those in `order` come first and in that order, so that two strips can be compared lane by lane.

    Raises:
        JournalError: the journal does not begin with the start of a drill.
    """
    evidence = gather(entries)
    impact = evidence.impact
    if impact is None:
        return ""
    narrow = width < _NARROW
    begin = impact - min(1.0, span_s * 0.05)
    canvas = Canvas(width, 0 if narrow else 120, width - 8, begin, impact + span_s, impact)
    slis(evidence, entries, canvas, order)
    bottom = canvas.y - _GAP
    _axis(canvas, bottom)
    return _svg(canvas, canvas.parts, "The SLIs over time")


def _canvas(facts: Facts, width: int) -> Canvas:
    narrow = width < _NARROW
    first = facts.evidence.intent if facts.evidence.intent is not None else facts.entries[0].t
    begin = max(facts.entries[0].t, first - _BEFORE_S)
    end = max(facts.evidence.cutoff, begin + 1.0)
    return Canvas(width, 30 if narrow else 120, width - 10, begin, end, facts.origin)


def _svg(canvas: Canvas, parts: Sequence[str], label: str) -> str:
    height = math.ceil(canvas.y)
    head = f'<svg class="chart w{canvas.width}" viewBox="0 0 {canvas.width} {height}" role="img"'
    return f'{head} aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _told(facts: Facts) -> str:
    clocks = ", ".join(f"{name} at {seconds(t - facts.origin)}" for name, t in facts.times.items())
    return f"The SLIs, the latency and the errors of the drill over time; {clocks or 'no clock was set'}"


# --------------------------------------------------------------------------- the clocks


@dataclass(frozen=True, slots=True)
class _Mark:
    label: str
    x: float
    label_x: float
    end: float
    row: int


def _place_marks(facts: Facts, canvas: Canvas) -> tuple[int, list[_Mark]]:
    """The clocks from left to right, each below the labels that it would hit, so that no line crosses one."""
    grouped: dict[float, list[str]] = {}
    for name, t in sorted(facts.times.items(), key=lambda item: item[1]):
        grouped.setdefault(round(canvas.x(t), 1), []).append(name)
    marks: list[_Mark] = []
    for x, names in grouped.items():
        label = " · ".join(names)
        wide = len(label) * _CHARACTER
        label_x = min(x + 3, canvas.width - wide)
        row = max((mark.row + 1 for mark in marks if mark.end + _APART > label_x), default=0)
        marks.append(_Mark(label, x, label_x, label_x + wide, row))
    return max((mark.row + 1 for mark in marks), default=0), marks


def _marks(placed: Sequence[_Mark], bottom: float) -> list[str]:
    pen = Canvas(0, 0, 0, 0, 0, 0)
    for mark in placed:
        baseline = mark.row * _LABEL + 11
        key = "key" if {"impact", "mitigate", "resolve"} & set(mark.label.split(" · ")) else "mark"
        pen.line(key, mark.x, baseline + 3, mark.x, bottom)
        pen.text(mark.label_x, baseline, mark.label, cls=f"{key}-label")
    return pen.parts


# --------------------------------------------------------------------------- the lanes


def _phases(facts: Facts, canvas: Canvas) -> None:
    phases = [(entry.t, event.phase.value) for entry, event in events(facts.entries, PhaseStarted)]
    for number, ((t, name), (until, _)) in enumerate(pairwise([*phases, (canvas.end, "")])):
        x1, x2 = canvas.x(t), canvas.x(min(until, canvas.end))
        if x2 - x1 < 1:
            continue
        canvas.box(f"phase p{number % 2}", x1, canvas.y, x2 - x1, _LANE, title=name)
        if len(name) * _CHARACTER + 6 < x2 - x1:
            canvas.text(x1 + 4, canvas.y + 11, name, cls="in")
    canvas.y += _LANE + _GAP


def slis(evidence: Evidence, entries: Sequence[Entry], canvas: Canvas, order: Sequence[str] = ()) -> None:
    """A lane for each SLI, those in `order` first: a thin line while it is good, a block while it is bad."""
    known = [sli for sli in order if sli in evidence.slis]
    for sli in dict.fromkeys([*known, *evidence.slis]):
        samples = sorted(
            (
                s
                for _, s in events(entries, Sampled)
                if s.sli == sli and canvas.begin <= s.end <= evidence.cutoff
            ),
            key=lambda sample: sample.end,
        )
        _lane_label(canvas, sli)
        _good_line(canvas, samples, _SILENT * evidence.started.probe_interval_s)
        _bad_blocks(canvas, samples)
        canvas.y += _LANE + 5
    canvas.y += _GAP - 5


def _lane_label(canvas: Canvas, label: str) -> None:
    if canvas.width < _NARROW:
        canvas.text(0, canvas.y + 10, label)
        canvas.y += _LABEL
    else:
        longest = int((canvas.left - 10) / _CHARACTER)
        short = label if len(label) <= longest else f"{label[: longest - 1]}…"
        canvas.text(canvas.left - 10, canvas.y + 11, short, anchor="end")


def _good_line(canvas: Canvas, samples: Sequence[Sampled], silent_s: float) -> None:
    middle = canvas.y + _LANE / 2
    begin = samples[0].start if samples else 0.0
    for before, after in pairwise([*samples, None]):
        if before is not None and (after is None or after.start - before.end > max(silent_s, 1.0)):
            canvas.line("good", canvas.x(begin), middle, canvas.x(before.end), middle)
            begin = after.start if after is not None else begin


def _bad_blocks(canvas: Canvas, samples: Sequence[Sampled]) -> None:
    runs = [list(run) for _, run in groupby(samples, key=lambda sample: sample.good)]
    for run, following in pairwise([*runs, []]):
        if run and not run[0].good:
            until = following[0].end if following else run[-1].end
            x1, x2 = canvas.x(run[0].start), canvas.x(until)
            told = f"{run[0].sli}: bad for {seconds(until - run[0].start)} {run[0].detail}"
            canvas.box("bad", x1, canvas.y, max(x2 - x1, 1.5), _LANE, title=told)


def _steps(facts: Facts, canvas: Canvas) -> None:
    ran = facts.steps_run()
    if not ran:
        return
    _lane_label(canvas, "steps, by line")
    boxes: list[tuple[float, float, str]] = []
    for entry, step, end in ran:
        x1 = canvas.x(entry.t)
        x2 = canvas.x(entry.t + end.seconds) if end else canvas.x(canvas.end)
        broken = end is None or end.broken or end.timed_out
        told = f"line {step.line}: {step.text}"
        canvas.box("step broken" if broken else "step", x1, canvas.y, max(x2 - x1, 3), _LANE, title=told)
        boxes.append((x1, x2, str(step.line)))
    canvas.y += _LANE
    _step_numbers(boxes, canvas)
    canvas.y += _GAP


def _step_numbers(boxes: Sequence[tuple[float, float, str]], canvas: Canvas) -> None:
    """The lines of the steps beside their boxes, or in one row beneath where that is too narrow."""
    follows = [x1 for x1, _, _ in boxes[1:]] + [canvas.right]
    within = [x2 - x1 >= len(label) * _CHARACTER + 8 for x1, x2, label in boxes]
    places = [(x1 if inside else x2) + 4 for (x1, x2, _), inside in zip(boxes, within, strict=True)]
    ends = [place + len(label) * _CHARACTER for place, (_, _, label) in zip(places, boxes, strict=True)]
    if all(end + 2 <= following for end, following in zip(ends, follows, strict=True)):
        for place, (_, _, label), inside in zip(places, boxes, within, strict=True):
            canvas.text(place, canvas.y - _LANE + 11, label, cls="on" if inside else "soft")
        return
    canvas.y += _LABEL
    free = -math.inf
    for x1, _, label in boxes:
        wide = len(label) * _CHARACTER
        place = max(x1, free)
        if place - x1 <= _PUSHED and place + wide <= canvas.right:
            canvas.text(place, canvas.y - 3, label, cls="soft")
            free = place + wide + 5


# --------------------------------------------------------------------------- the panels


def _latency(entries: Sequence[Entry], canvas: Canvas) -> None:
    windows = _windows(entries, canvas)
    values = [v for w in windows for v in (w.p50_s, w.p95_s) if v is not None]
    if not values:
        return
    top = nice(max(values))
    ticks = [(0.0, "0"), (0.5, _short(top / 2)), (1.0, _short(top))]
    _panel(canvas, ("latency", "p95 bold, p50"), ticks, _PANEL)
    for cls, series in (("p50", [w.p50_s for w in windows]), ("p95", [w.p95_s for w in windows])):
        points = [
            (canvas.x((w.start + w.end) / 2), canvas.y + _PANEL * (1 - value / top))
            if value is not None
            else None
            for w, value in zip(windows, series, strict=True)
        ]
        canvas.parts.append(f'<path class="{cls}" d="{_path(points)}"/>')
    canvas.y += _PANEL + _GAP


def _errors(entries: Sequence[Entry], canvas: Canvas) -> None:
    windows = _windows(entries, canvas)
    if not windows:
        return
    _panel(canvas, ("failed", "share of requests"), [(0.0, "0"), (1.0, "100 %")], _ERRORS)
    for window in windows:
        if window.requests and window.failures:
            part = min(window.failures / window.requests, 1.0)
            x1, x2 = canvas.x(window.start), canvas.x(window.end)
            told = f"{window.failures} of {window.requests} failed"
            height = max(part * _ERRORS, 1.0)
            canvas.box("failed", x1, canvas.y + _ERRORS - height, max(x2 - x1 - 1, 1), height, title=told)
    canvas.y += _ERRORS + _GAP


def _windows(entries: Sequence[Entry], canvas: Canvas) -> list[TrafficCounted]:
    counted = [window for _, window in events(entries, TrafficCounted)]
    return [window for window in counted if window.start >= canvas.begin and window.end <= canvas.end]


def _panel(canvas: Canvas, label: tuple[str, str], ticks: Sequence[tuple[float, str]], height: float) -> None:
    """The label and the grid of a panel `height` high; `ticks` are shares of it and what they stand for."""
    narrow = canvas.width < _NARROW
    if narrow:
        canvas.text(0, canvas.y + 10, ": ".join(label))
        canvas.y += _LABEL + 6
    else:
        canvas.text(0, canvas.y + 11, label[0])
        canvas.text(0, canvas.y + 26, label[1], cls="soft")
    for share, tick in ticks:
        y = canvas.y + height * (1 - share)
        canvas.line("grid", canvas.left, y, canvas.right, y)
        shown = tick.removesuffix(" %") if narrow else tick
        canvas.text(canvas.left - 4, y + 4, shown, cls="soft", anchor="end")


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """A line through `points` that breaks where one is missing."""
    words, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        words.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L"
    return " ".join(words)


def _axis(canvas: Canvas, y: float) -> None:
    canvas.line("axis", canvas.left, y, canvas.right, y)
    span = canvas.end - canvas.begin
    step = tick_step(span, min(_MOST_TICKS, int((canvas.right - canvas.left) / _TICK_PX)))
    first = math.ceil((canvas.begin - canvas.origin) / step)
    for number in range(first, math.floor((canvas.end - canvas.origin) / step) + 1):
        x = canvas.x(canvas.origin + number * step)
        canvas.line("axis", x, y, x, y + 4)
        value = f"{number * step:g} s".replace("-", MINUS) if number else "0"
        anchor = "end" if x > canvas.right - 14 else "middle"
        canvas.text(x, y + 17, value, cls="soft", anchor=anchor)
    canvas.y = y + 24


def tick_step(span: float, most: int) -> float:
    """The smallest step of 1, 2 or 5 times a power of ten that cuts `span` into at most `most` parts."""
    least = max(span, 1e-9) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)


def nice(value: float) -> float:
    """The least of 1, 2, 5 times a power of ten that is not below `value`."""
    return tick_step(value, 1)


def _short(value: float) -> str:
    return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"
