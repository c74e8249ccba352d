"""The cadence of the probes, and how true to the moment their word is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from tests.signals.switch import Switch, samples

from drillbook.errors import StackError
from drillbook.events import AlertChanged, Sampled, Stalled
from drillbook.journal import Journal, events, read
from drillbook.protocols import Observation, Probe
from drillbook.signals.alert import AlertRule, Alerts
from drillbook.signals.http import HttpProbe
from drillbook.signals.prober import IN_FLIGHT, Prober

pytestmark = pytest.mark.whole

INTERVAL = 0.04
SLACK = 0.06  # for two busy cores: a sample may be late by this, in seconds


class Scripted:
    """A probe whose looks do what `look` does."""

    def __init__(
        self,
        look: Callable[[], Awaitable[Observation]],
        *,
        sli: str = "order",
        deadline_s: float = 1.0,
        slow_s: float = 0.5,
    ) -> None:
        self.sli = sli
        self.deadline_s = deadline_s
        self.slow_s = slow_s
        self.closed = 0
        self._look = look

    async def observe(self) -> Observation:
        return await self._look()

    async def close(self) -> None:
        self.closed += 1


async def well() -> Observation:
    return Observation(good=True)


async def hang() -> Observation:
    await asyncio.get_running_loop().create_future()
    raise AssertionError


async def collect(
    journal: Journal, count: int, *probes: Probe, interval_s: float = INTERVAL
) -> list[Sampled]:
    """The first `count` samples that `probes` give."""
    prober = Prober(journal, probes, interval_s=interval_s)
    got: list[Sampled] = []
    enough = asyncio.Event()

    def take(sample: Sampled) -> None:
        got.append(sample)
        if len(got) >= count:
            enough.set()

    prober.signals.listen(take)
    await prober.start()
    async with asyncio.timeout(10):
        await enough.wait()
    await prober.stop()
    return got


def test_each_probe_looks_at_its_cadence_and_out_of_step_with_the_others(journal: Journal) -> None:
    probes = [Scripted(well, sli=sli) for sli in ("a", "b", "c", "d")]
    got = asyncio.run(collect(journal, 48, *probes))
    for sli in "abcd":
        starts = [sample.start for sample in got if sample.sli == sli]
        mean = (starts[-1] - starts[0]) / (len(starts) - 1)
        assert mean == pytest.approx(INTERVAL, rel=0.2)
    firsts = sorted(next(sample.start for sample in got if sample.sli == sli) for sli in "abcd")
    assert firsts[-1] - firsts[0] == pytest.approx(INTERVAL * 3 / 4, abs=INTERVAL / 2)
    assert [sample.end for sample in samples(journal)] == sorted(sample.end for sample in samples(journal))


def test_a_slow_answer_delays_no_later_look(journal: Journal) -> None:
    async def slow() -> Observation:
        await asyncio.sleep(0.3)
        return Observation(good=True)

    got = asyncio.run(collect(journal, 10, Scripted(slow)))
    gaps = [after.start - before.start for before, after in pairwise(got)]
    assert max(gaps) < 0.2
    assert all(sample.good for sample in got)


def test_a_look_that_takes_too_long_is_abandoned_and_bad(journal: Journal) -> None:
    ended = []

    async def hang_and_tell() -> Observation:
        try:
            return await hang()
        finally:
            ended.append(time.monotonic())

    got = asyncio.run(collect(journal, 3, Scripted(hang_and_tell, deadline_s=0.2)))
    assert {(sample.good, sample.detail) for sample in got} == {(False, "no answer within 0.2 s")}
    assert got[0].end - got[0].start == pytest.approx(0.2, abs=SLACK)
    assert len(ended) >= 3


def test_a_good_answer_that_comes_too_late_is_bad(journal: Journal) -> None:
    async def slow() -> Observation:
        await asyncio.sleep(0.16)
        return Observation(good=True)

    got = asyncio.run(collect(journal, 2, Scripted(slow, slow_s=0.1)))
    assert {(sample.good, sample.detail) for sample in got} == {(False, "slow: 0.2 s")}


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (ValueError("no JSON\nat all"), "no JSON"),
        (RuntimeError(), "RuntimeError"),
        (asyncio.CancelledError(), "the look was cancelled"),
    ],
)
def test_whatever_a_look_raises_is_a_bad_sample_with_a_short_reason(
    journal: Journal, error: BaseException, detail: str
) -> None:
    async def fail() -> Observation:
        raise error

    got = asyncio.run(collect(journal, 2, Scripted(fail)))
    assert {(sample.good, sample.detail) for sample in got} == {(False, detail)}


def test_looks_that_never_end_do_not_pile_up_without_bound(journal: Journal) -> None:
    begun = []

    async def stuck() -> Observation:
        begun.append(1)
        return await hang()

    got = asyncio.run(collect(journal, 3, Scripted(stuck, deadline_s=30.0), interval_s=0.002))
    assert {(sample.good, sample.detail) for sample in got} == {
        (False, f"no answer to the {IN_FLIGHT} before")
    }
    assert len(begun) == IN_FLIGHT


def test_when_the_prober_itself_is_late_it_says_so_and_does_not_burst(journal: Journal) -> None:
    looks = 0

    async def block_once() -> Observation:
        nonlocal looks
        looks += 1
        if looks == 5:
            time.sleep(0.4)  # noqa: ASYNC251  the loop is to be late
        return Observation(good=True)

    got = asyncio.run(collect(journal, 20, Scripted(block_once, sli="a"), Scripted(well, sli="b")))
    stalls = [stall for _, stall in events(read(journal.path), Stalled)]
    assert len(stalls) == 1
    assert stalls[0].late_s == pytest.approx(0.4, abs=0.1)
    for sli in "ab":
        starts = [sample.start for sample in got if sample.sli == sli]
        assert min(after - before for before, after in pairwise(starts)) > INTERVAL / 4


def test_time_that_the_prober_lost_is_not_counted_against_the_system(journal: Journal) -> None:
    looks = 0

    async def answered_in_two_steps() -> Observation:
        nonlocal looks
        looks += 1
        number = looks
        await asyncio.sleep(0.02)
        if number == 5:
            time.sleep(0.5)  # noqa: ASYNC251  the loop is to be late
        await asyncio.sleep(0.02)
        return Observation(good=True)

    probes = [Scripted(answered_in_two_steps, sli=sli, deadline_s=0.2, slow_s=0.2) for sli in "abcd"]
    got = asyncio.run(collect(journal, 40, *probes))
    assert [sample.detail for sample in got if not sample.good] == []


def test_stopping_ends_what_is_on_its_way_and_closes_each_probe_once(journal: Journal) -> None:
    async def scene() -> float:
        probes = [Scripted(hang, sli="a"), Scripted(well, sli="b")]
        prober = Prober(journal, probes, interval_s=0.01)
        await prober.start()
        assert not await prober.signals.wait_until_holds(0.0, 0.03)
        begun = time.monotonic()
        await prober.stop()
        await prober.stop()
        assert [probe.closed for probe in probes] == [1, 1]
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return time.monotonic() - begun

    assert asyncio.run(scene()) < 0.5


def test_a_probe_that_cannot_be_closed_is_told_after_all_others_are_closed(journal: Journal) -> None:
    class Broken(Scripted):
        async def close(self) -> None:
            raise OSError(5, "ignored")

    async def scene() -> None:
        last = Scripted(well, sli="b")
        prober = Prober(journal, [Broken(well, sli="a"), last])
        await prober.start()
        with pytest.raises(StackError, match="the probe of a can't be closed: Input/output error"):
            await prober.stop()
        assert last.closed == 1

    asyncio.run(scene())


def test_half_of_a_system_that_hangs_is_seen_all_the_time(journal: Journal) -> None:
    """No good answer hides the hanging ones behind it: the bad samples come as evenly as the looks."""
    looks = 0

    async def every_second_hangs() -> Observation:
        nonlocal looks
        looks += 1
        return await hang() if looks % 2 else Observation(good=True)

    got = asyncio.run(collect(journal, 36, Scripted(every_second_hangs, deadline_s=0.3)))
    ends = [sample.end for sample in got if not sample.good]
    assert len(ends) >= 10
    assert max(after - before for before, after in pairwise(ends)) < 4 * INTERVAL + SLACK


def test_a_look_that_is_overtaken_while_all_is_well_is_waited_for(journal: Journal) -> None:
    looks = 0

    async def one_takes_its_time() -> Observation:
        nonlocal looks
        looks += 1
        if looks == 5:
            await asyncio.sleep(0.2)
        return Observation(good=True)

    got = asyncio.run(collect(journal, 12, Scripted(one_takes_its_time)))
    assert [sample.detail for sample in got if not sample.good] == []
    assert max(sample.end - sample.start for sample in got) > 0.15


@pytest.mark.parametrize("mode", ["503", "hang", "reset"])
def test_the_moments_of_a_fault_that_ends_by_itself_are_true_to_the_interval(
    journal: Journal, mode: str
) -> None:
    """The promise: impact, detection and mitigation within one probe interval of what really happened."""

    async def scene() -> None:
        async with Switch() as server:
            probe = HttpProbe("order", "GET", server.url, deadline_s=0.3, slow_s=0.3)
            prober = Prober(journal, [probe], interval_s=INTERVAL)
            signals = prober.signals
            alerts = Alerts(journal, signals, [AlertRule("failing", "order", 0.4, 0.5, 4)])
            await prober.start()
            assert await signals.wait_until_holds(0.2, 5)
            broken = server.turn(mode)
            assert await signals.wait_until_bad(5)
            assert await alerts.wait_fired(5)
            alerted = time.monotonic()
            await asyncio.sleep(0.1)  # the outage goes on for a while
            mended = server.turn("good")
            assert await signals.wait_until_holds(0.3, 5)
            await prober.stop()
        first = next(sample for sample in samples(journal) if not sample.good)
        assert first.start == pytest.approx(broken + INTERVAL / 2, abs=INTERVAL / 2 + SLACK)
        since = signals.good_since()
        assert since is not None
        assert 0 <= since - mended <= INTERVAL + SLACK
        fired = next(entry.t for entry, _ in events(read(journal.path), AlertChanged))
        # Four bad samples make half of the window; a look that hangs ends at its deadline.
        least = 4 * INTERVAL + (0.3 if mode == "hang" else 0.0)
        assert fired - broken == pytest.approx(least, abs=2 * INTERVAL + SLACK)
        assert alerted - fired < SLACK

    asyncio.run(scene())
