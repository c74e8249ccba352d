"""Floods from start to end: the app's own, with real Locust users, against real services."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.app.servers import APP
from tests.traffic.service import Answer, Request, Service, service

from drillbook.events import FloodCounted, PartChanged, TrafficCounted
from drillbook.journal import Journal, events, read
from drillbook.traffic.flood import MOST_PER_S, Flood
from drillbook.waiting import until

pytestmark = pytest.mark.whole

FLOODS = APP / "floods"


@dataclass
class Run:
    """A flood that is under way, and its journal."""

    flood: Flood
    journal: Path
    there: Service

    def changes(self) -> list[PartChanged]:
        return [event for _, event in events(read(self.journal), PartChanged)]


def run(
    folder: Path,
    behaviour: str,
    enough: Callable[[Run], bool],
    answer: Callable[[Request], Answer] = lambda _: Answer(),
    *,
    there: Service | None = None,
    **options: Any,
) -> Run:
    """Let a flood come, to `there` or to a service that answers as `answer` says, until there is enough."""
    path = folder / "journal.jsonl"
    journal = Journal(path)
    settings: dict[str, Any] = {"network": "127.0.2.0/24", "users": 4, "rate_per_s": 100.0, "limit_s": 30.0}

    async def session(there: Service) -> Run:
        flood = Flood(
            "bot",
            journal,
            there.url,
            locustfile=FLOODS / f"{behaviour}.py",
            seed=7,
            log=folder / "log",
            **{**settings, **options},
        )
        run = Run(flood, path, there)

        async def is_enough() -> bool:
            return enough(run)

        await flood.stop()  # does no harm before it came
        await flood.start()
        try:
            await until(is_enough, deadline_s=20, what="enough of the flood", every_s=0.05)
        finally:
            await flood.stop()
            await flood.stop()
        return run

    try:
        with nullcontext(there) if there is not None else service(answer) as place:
            return asyncio.run(session(place))
    finally:
        journal.close()


def at_least(requests: int) -> Callable[[Run], bool]:
    return lambda run: len(run.there.requests) >= requests


def addresses(run: Run) -> set[str]:
    return {request.address for request in run.there.requests}


def test_a_flood_is_counted_apart_from_the_customers_and_under_its_own_name(tmp_path: Path) -> None:
    flood = run(tmp_path, "scraper", at_least(40))
    entries = read(flood.journal)
    counted = [event for _, event in events(entries, FloodCounted)]
    assert events(entries, TrafficCounted) == []
    assert {each.flood for each in counted} == {"bot"}
    assert 0 <= len(flood.there.requests) - sum(each.requests for each in counted) <= 4
    assert [(change.part, change.change) for change in flood.changes()] == [
        ("bot", "started"),
        ("bot", "stopped"),
    ]


@pytest.mark.parametrize(
    ("network", "expected"),
    [("127.0.2.0/24", {f"127.0.2.{number}" for number in range(1, 5)}), ("127.0.2.9/32", {"127.0.2.9"})],
)
def test_its_clients_come_from_its_network_and_share_what_addresses_there_are(
    tmp_path: Path, network: str, expected: set[str]
) -> None:
    assert addresses(run(tmp_path, "scraper", at_least(40), network=network)) == expected


def test_what_it_was_answered_lately_is_told_by_reason(tmp_path: Path) -> None:
    seen: dict[str, Mapping[str, int]] = {}

    def answer(_: Request) -> Answer:
        return Answer(429 if "first" in seen else 200)

    def changed(run: Run) -> bool:
        if "first" not in seen and run.flood.answers(60).get("ok", 0) > 20:
            seen["first"] = run.flood.answers(60)
        seen["last"] = run.flood.answers(0.5)
        return set(seen["last"]) == {"HTTP 429"} and seen["last"]["HTTP 429"] > 10

    run(tmp_path, "scraper", changed, answer)
    assert set(seen["first"]) == {"ok"}
    assert seen["last"]["HTTP 429"] <= 100  # 50, and those of the window that reaches further back


def test_a_flood_stays_below_its_rate_and_below_what_any_may_have(tmp_path: Path) -> None:
    def stretch(run: Run) -> list[FloodCounted]:
        return [event for _, event in events(read(run.journal), FloodCounted) if event.requests][1:-1]

    for rate_per_s, most in ((50.0, 60.0), (100_000.0, MOST_PER_S * 1.2)):
        folder = tmp_path / str(rate_per_s)
        folder.mkdir()
        counted = stretch(run(folder, "scraper", at_least(60), users=20, rate_per_s=rate_per_s))
        seconds = sum(each.end - each.start for each in counted)
        assert sum(each.requests for each in counted) / max(seconds, 0.2) < most


def test_a_flood_ends_by_itself_when_its_time_is_up(tmp_path: Path) -> None:
    flood = run(tmp_path, "scraper", lambda run: len(run.changes()) > 1, limit_s=0.5)
    assert [(change.change, change.detail) for change in flood.changes()][:2] == [
        ("started", ""),
        ("exited", "the time limit was up"),
    ]


def test_a_hasty_client_asks_again_at_once_until_it_is_served_and_then_rests(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        return Answer(429 if request.address == "127.0.2.1" else 200)

    flood = run(tmp_path, "hasty", at_least(30), answer, users=3)
    assert len(flood.there.sent("127.0.2.1")) > 20
    assert [len(flood.there.sent(f"127.0.2.{number}")) for number in (2, 3)] == [3, 3]


@contextmanager
def listener(*, answers: bool) -> Iterator[tuple[Service, list[bytes]]]:
    """A server that answers 403 to each head, or never answers, and what each connection sent it."""
    sent: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        sent.append(head)
        place = len(sent) - 1
        if answers:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        while data := await reader.read(100):
            sent[place] += data
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Service(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), sent
    finally:
        for task in asyncio.all_tasks(loop):
            loop.call_soon_threadsafe(task.cancel)
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def test_a_slow_client_keeps_its_one_connection_and_sends_a_byte_now_and_then(tmp_path: Path) -> None:
    with listener(answers=False) as (there, sent):
        flood = run(
            tmp_path,
            "slow",
            lambda _: len(sent) == 2 and all(b"\r\n\r\n   " in each for each in sent),
            there=there,
            users=2,
        )
        assert len(sent) == 2
    assert flood.flood.answers(60) == {}


def test_a_slow_client_that_is_turned_away_says_so_and_comes_again(tmp_path: Path) -> None:
    with listener(answers=True) as (there, sent):
        flood = run(
            tmp_path, "slow", lambda run: run.flood.answers(60).get("HTTP 403", 0) >= 6, there=there, users=2
        )
    assert len(sent) >= 6
    assert set(flood.flood.answers(60)) == {"HTTP 403"}
