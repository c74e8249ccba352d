"""Series that can be asked, and waited on."""

from __future__ import annotations

import asyncio
import time

import pytest

from drillbook.events import Sampled
from drillbook.signals.sli import Series, Signals

STEP = 0.1


def sample(end: float, good: bool = True, sli: str = "order", detail: str = "") -> Sampled:  # noqa: FBT001, FBT002  good or bad is what a sample is
    return Sampled(sli, end - 0.01, end, good, detail)


def series(pattern: str, begin: float = 10.0) -> Series:
    """A sample a step from `begin` on: `+` is good, `-` is bad, a blank is none."""
    made = Series("order", STEP)
    for place, sign in enumerate(pattern):
        if sign != " ":
            made.add(sample(begin + place * STEP, sign == "+"))
    return made


def test_a_series_holds_when_every_sample_of_the_window_is_good() -> None:
    assert series("--+++++").holds(0.4, 10.62)


@pytest.mark.parametrize("pattern", ["+++-+++", "++++++-", "+-++++ "])
def test_one_bad_sample_in_the_window_is_enough_for_a_series_not_to_hold(pattern: str) -> None:
    assert not series(pattern).holds(0.55, 10.62)


def test_a_series_without_a_sample_never_holds_and_is_wholly_bad() -> None:
    empty = Series("order", STEP)
    assert not empty.holds(0.0, 10.0)
    assert not empty.holds(5.0, 10.0)
    assert empty.bad_fraction(0.0) == 1.0
    assert empty.good_since() is None
    assert empty.first_bad(0.0) is None


def test_a_series_that_fell_silent_does_not_hold_however_good_it_was() -> None:
    good = series("+" * 30)
    assert good.holds(2.0, 12.9 + 0.4)
    assert not good.holds(2.0, 12.9 + 0.6)


def test_too_few_samples_are_no_proof() -> None:
    assert series("+++++++++++").holds(1.0, 11.0)
    assert not series("+     +   +").holds(1.0, 11.0)


def test_a_window_is_not_judged_before_the_series_reaches_back_to_its_begin() -> None:
    assert not series("++++++").holds(0.9, 10.5)
    assert series("++++++").holds(0.5, 10.5)


def test_a_gap_after_the_last_bad_sample_is_no_good_time() -> None:
    late = series("--    +++++++++")
    assert not late.holds(1.0, 11.15), "good has been seen for 0.8 s, whatever the window of samples says"
    assert late.holds(0.8, 11.4)


def test_good_since_is_the_end_of_the_first_good_sample_after_the_last_bad_one() -> None:
    assert series("++-+-+++").good_since() == pytest.approx(10.5)
    assert series("+++").good_since() == pytest.approx(10.0)
    assert series("++-").good_since() is None


def test_the_first_bad_sample_after_a_moment_is_found() -> None:
    found = series("+-++--+").first_bad(10.1)
    assert found is not None
    assert found.end == pytest.approx(10.4)
    assert series("+-++").first_bad(10.15) is None


def test_the_bad_fraction_counts_only_what_ended_in_the_window() -> None:
    mixed = series("--++-+++")
    assert mixed.bad_fraction(10.15, 10.55) == pytest.approx(1 / 4)
    assert mixed.bad_fraction(10.0) == pytest.approx(3 / 8)
    assert mixed.bad_fraction(20.0) == 1.0


def test_a_sample_from_the_past_is_refused() -> None:
    with pytest.raises(ValueError, match="too late"):
        series("++").add(sample(9.0))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def both(clock: Clock) -> Signals:
    return Signals(["health", "order"], interval_s=STEP, clock=clock)


def feed(signals: Signals, clock: Clock, health: str, order: str) -> None:
    """A sample of both a step; the clock goes along."""
    for one, other in zip(health, order, strict=True):
        clock.now += STEP
        signals.add(sample(clock.now, one == "+", "health"))
        signals.add(sample(clock.now, other == "+", "order", "503"))


def test_signals_hold_only_when_every_sli_does() -> None:
    clock = Clock()
    signals = both(clock)
    feed(signals, clock, "++++++", "+-++++")
    assert signals.holds(0.3)
    assert not signals.holds(0.45)
    assert signals.good_since() == pytest.approx(100.3)
    assert signals.bad_fraction(100.0) == pytest.approx(1 / 12)


def test_an_sli_without_a_sample_keeps_all_signals_from_holding() -> None:
    clock = Clock()
    signals = both(clock)
    for _ in range(10):
        clock.now += STEP
        signals.add(sample(clock.now, sli="health"))
    assert not signals.holds(0.3)
    assert signals.good_since() is None
    assert signals.describe_bad() == "order: no sample yet"


def test_signals_without_any_sli_never_hold() -> None:
    assert not Signals([], interval_s=STEP).holds(0.0)
    assert Signals([], interval_s=STEP).good_since() is None


def test_what_is_bad_is_said_in_words() -> None:
    clock = Clock()
    signals = both(clock)
    feed(signals, clock, "++++++", "+--+++")
    assert signals.describe_bad() == "order: 2 of 6 looks bad in the last second (503)"
    clock.now += 2.0
    assert signals.describe_bad() == "health: no sample for 2.0 s; order: no sample for 2.0 s"


def test_a_sample_wakes_who_waits_for_good() -> None:
    async def scene() -> float:
        clock = Clock()
        signals = both(clock)
        feed(signals, clock, "------", "------")
        waiting = asyncio.create_task(signals.wait_until_holds(0.3, 5.0))
        await asyncio.sleep(0)
        begun = time.monotonic()
        feed(signals, clock, "+++++", "+++++")
        assert await waiting
        return time.monotonic() - begun

    assert asyncio.run(scene()) < 0.5


def test_who_waits_in_vain_is_told_at_the_deadline_and_leaves_nothing_behind() -> None:
    async def scene() -> None:
        clock = Clock()
        signals = both(clock)
        feed(signals, clock, "++++++", "------")
        assert not await signals.wait_until_holds(0.3, 0.05)
        assert signals._listeners == []

    asyncio.run(scene())


def test_a_bad_sample_wakes_who_waits_for_bad() -> None:
    async def scene() -> None:
        clock = Clock()
        signals = both(clock)
        feed(signals, clock, "+", "+")
        assert not await signals.wait_until_bad(0.02)
        waiting = asyncio.create_task(signals.wait_until_bad(5.0))
        await asyncio.sleep(0)
        feed(signals, clock, "+", "-")
        assert await waiting
        assert await signals.wait_until_bad(0.0)

    asyncio.run(scene())
