from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations

import pytest
from tests.journals import Story, control, drill, ended, step

from drillbook.events import Sampled, StepStarted, TrafficCounted
from drillbook.reporting.chart import WIDTHS, chart, nice, strip, tick_step
from drillbook.reporting.facts import Facts, facts
from drillbook.reporting.strips import strips
from drillbook.reporting.text import md_block, md_code, plain, seconds, share
from drillbook.reporting.timeline import timeline
from drillbook.result import result_of


def told(story: Story) -> Facts:
    entries, beside = story.entries(), control().entries()
    return facts(result_of(entries, beside, run_dir="run"), entries, beside)


def texts(svg: str, cls: str) -> list[tuple[float, float, float, str]]:
    """x, y, width and words of the texts of a class."""
    found = [e for e in ET.fromstring(svg).iter("text") if e.get("class", "").endswith(cls)]
    return [
        (float(e.get("x", "")), float(e.get("y", "")), 6.3 * len(e.text or ""), e.text or "") for e in found
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("end", [16.0, 60.0, 400.0])
def test_no_label_of_a_clock_hits_another_or_a_line_or_leaves_the_chart(width: int, end: float) -> None:
    svg = chart(told(drill(end=end)), width)
    labels = texts(svg, "-label")
    assert {"impact", "detect", "act"} <= {name for *_, words in labels for name in words.split(" · ")}
    for x, _, wide, _ in labels:
        assert 0 <= x <= x + wide <= width + 1
    lines = [
        (float(e.get("x1", "")), float(e.get("y1", "")))
        for e in ET.fromstring(svg).iter("line")
        if e.get("class") in ("mark", "key")
    ]
    for x, top in lines:
        assert not any(x1 < x < min(x1 + wide, width - wide) and y > top for x1, y, wide, _ in labels)
    for (x1, y1, wide1, _), (x2, y2, wide2, _) in combinations(labels, 2):
        assert y1 != y2 or x1 + wide1 <= x2 or x2 + wide2 <= x1


@pytest.mark.parametrize("width", WIDTHS)
def test_a_bad_stretch_is_one_block_from_its_first_bad_to_its_first_good_sample(width: int) -> None:
    root = ET.fromstring(chart(told(drill()), width))
    blocks = [e for e in root.iter("rect") if e.get("class") == "bad"]
    assert len(blocks) == 1
    assert "write: bad for 4.5 s" in "".join(blocks[0].itertext())


def test_a_chart_is_drawn_whatever_is_missing() -> None:
    assert chart(told(drill().without(Sampled)), 680) == ""
    assert "latency</text>" not in chart(told(drill().without(TrafficCounted)), 680)
    for tenths in range(12, 160, 7):
        ET.fromstring(chart(told(drill().until(tenths / 10)), 340))


def test_the_axis_counts_seconds_since_the_impact() -> None:
    labels = [words for *_, words in texts(chart(told(drill()), 1040), "soft")]
    assert "0" in labels
    assert "4 s" in labels
    assert "\N{MINUS SIGN}2 s" in labels


@pytest.mark.parametrize("width", WIDTHS)
def test_no_number_of_a_step_lies_under_another_or_under_a_step(width: int) -> None:
    story = drill(end=60.0)
    for n in range(3, 9):
        story.at(11.0 + n / 4, step(n, 90 + 10 * n, f"Look {n}", "true")).at(11.1 + n / 4, ended(n))
    root = ET.fromstring(chart(told(story), width))
    boxes = [
        (float(e.get("x", "")), float(e.get("y", "")))
        for e in root.iter("rect")
        if e.get("class", "").split()[0] == "step"
    ]
    numbers = [text for text in texts(chart(told(story), width), "soft") if text[3].isdigit()]
    labels = [(x, y, wide) for x, y, wide, words in numbers if words in ("12", "15", "120", "150", "170")]
    assert len(boxes) == 8
    assert len(labels) >= 2
    for x, y, wide in labels:
        assert not any(x < left < x + wide and top < y < top + 15 for left, top in boxes)
    for (x1, y1, wide1), (x2, y2, _) in combinations(sorted(labels), 2):
        assert y1 != y2 or x1 + wide1 <= x2


def test_the_lanes_of_the_control_are_in_the_order_of_the_drill_s() -> None:
    entries = control().entries()
    for order in (("write", "health"), ("health", "write")):
        lanes = re.findall(r">(write|health)</text>", strip(entries, 1040, 12.0, order))
        assert tuple(lanes) == order


@pytest.mark.parametrize(("span", "most", "step"), [(10, 10, 1), (16, 12, 2), (0.7, 7, 0.1), (400, 12, 50)])
def test_ticks_are_round(span: float, most: int, step: float) -> None:
    assert tick_step(span, most) == pytest.approx(step)


def test_a_scale_ends_at_a_round_number_above_its_values() -> None:
    assert [nice(v) for v in (0.03, 0.9, 1.2, 7)] == pytest.approx([0.05, 1, 2, 10])


def test_the_strip_of_characters_shows_when_an_sli_was_bad() -> None:
    lines = strips(told(drill())).splitlines()
    write = next(line for line in lines if line.strip().startswith("write"))
    assert re.search(r"write \.+#{18,26}\.+$", write)
    assert any("^ mitigate, resolve +4.52 s" in line for line in lines)


def test_the_timeline_is_in_order_and_carries_each_clock_once() -> None:
    moments = timeline(told(drill()))
    assert [moment.t for moment in moments] == sorted(moment.t for moment in moments)
    marks = [mark for moment in moments for mark in moment.marks]
    names = ["inject", "impact", "detect", "ack", "act", "mitigate", "declared", "resolve"]
    assert sorted(marks) == sorted(names)


def test_a_step_that_asks_is_followed_by_its_command_without_a_colon() -> None:
    story = drill().swap(StepStarted, lambda event: replace(event, text="Does it answer?"))
    rows = [plain(moment.text) for moment in timeline(told(story)) if moment.source == "step"]
    assert all(row.startswith("Does it answer? psql") for row in rows)
    assert plain(next(m for m in timeline(told(drill())) if m.source == "step").text).startswith(
        "Check the connection: psql"
    )


def test_an_sli_that_keeps_turning_is_told_in_one_row() -> None:
    story = drill()
    for n in range(8):
        story.sample("health", 6.03 + n, good=False)
    rows = [moment for moment in timeline(told(story)) if moment.source == "probe health"]
    assert len(rows) == 2
    assert "on and off" in "".join(rows[0].text)


def test_code_with_backticks_and_pipes_stays_code() -> None:
    assert md_code("a `b` | c") == "`` a `b` \\| c ``"
    assert md_block("x\n```\ny").splitlines()[0] == "````text"


def test_shares_and_times_are_never_rounded_into_a_lie() -> None:
    assert share(1, 1000) == "under 1 %"
    assert share(999, 1000) == "over 99 %"
    assert share(1, 2) == "50 %"
    assert seconds(None) == "\N{EN DASH}"
    assert seconds(125) == "2 min 5 s"
