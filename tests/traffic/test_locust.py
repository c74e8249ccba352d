"""Traffic from start to end, with real Locust users against real services."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.app.servers import APP, Site, client, free_port
from tests.app.servers import until as until_blocking
from tests.traffic.service import Answer, Request, service

from drillbook.errors import InputError
from drillbook.events import PartChanged, TrafficCounted
from drillbook.journal import Journal, events, read
from drillbook.traffic.locust import Traffic
from drillbook.waiting import until

pytestmark = pytest.mark.whole

CUSTOMERS = APP / "customers.py"
NO_PAUSE = """
from locust import FastHttpUser, task

class Hasty(FastHttpUser):
    network_timeout = 0.3

    @task
    def ask(self):
        self.client.get("/x")
"""


@dataclass(frozen=True)
class Seen:
    """What is left of some traffic."""

    counted: Sequence[TrafficCounted]
    changes: Sequence[PartChanged]
    acknowledged: Sequence[str]

    @property
    def requests(self) -> int:
        return sum(each.requests for each in self.counted)

    @property
    def errors(self) -> set[str]:
        return {reason for each in self.counted for reason in each.errors}


def locustfile(folder: Path, text: str) -> Path:
    path = folder / "locustfile.py"
    path.write_text(text)
    return path


def run(folder: Path, url: str, file: Path, enough: Callable[[Traffic, Path], bool], **options: Any) -> Seen:
    """Let traffic run until `enough`, which is given it and its journal's path."""
    path = folder / f"journal-{time.monotonic_ns()}.jsonl"
    journal = Journal(path)
    settings: dict[str, Any] = {"seed": 7, "limit_s": 20.0, "log": folder / "traffic.log", **options}
    traffic = Traffic(journal, url, locustfile=file, **settings)

    async def session() -> None:
        async def is_enough() -> bool:
            return enough(traffic, path)

        await traffic.start()
        try:
            await until(is_enough, deadline_s=15, what="enough traffic", every_s=0.05)
        finally:
            await traffic.stop()
            await traffic.stop()  # does no harm

    try:
        asyncio.run(session())
    finally:
        journal.close()
    entries = read(path)
    return Seen(
        [event for _, event in events(entries, TrafficCounted)],
        [event for _, event in events(entries, PartChanged)],
        traffic.acknowledged,
    )


def counted(path: Path) -> int:
    return sum(event.requests for _, event in events(read(path), TrafficCounted))


def at_least(requests: int) -> Callable[[Traffic, Path], bool]:
    return lambda _, path: counted(path) >= requests


def test_every_acknowledged_order_is_in_the_database(site: Site, tmp_path: Path) -> None:
    with site.app() as app:
        seen = run(tmp_path, app.url, CUSTOMERS, lambda traffic, _: len(traffic.acknowledged) >= 20)
        with site.connect() as connection:
            found = connection.execute(
                "SELECT count(*) FROM orders WHERE id::text = ANY(%s)", (list(seen.acknowledged),)
            ).fetchone()
            orders = connection.execute("SELECT count(*) FROM orders").fetchone()
        answered = len(app.entries("request"))
    assert found == (len(seen.acknowledged),)
    assert orders is not None
    # Each of the six users may have had a request under way when it was sent home.
    assert 0 <= orders[0] - len(seen.acknowledged) <= 6
    assert 0 <= answered - seen.requests <= 6
    assert seen.errors == set()
    assert [i for each in seen.counted for i in each.acknowledged] == list(seen.acknowledged)


def test_windows_follow_one_another_and_come_in_time(tmp_path: Path) -> None:
    with service() as there:
        began = time.monotonic()
        seen = run(tmp_path, there.url, CUSTOMERS, at_least(30))
    assert 0 <= len(there.requests) - seen.requests <= 6
    for before, after in zip(seen.counted, seen.counted[1:], strict=False):
        assert before.end == after.start
        assert after.end - after.start < 1.0  # 0.2 s on an idle machine
    first = next(each for each in seen.counted if each.requests)
    assert first.end - began < 2.5  # 0.6 s on an idle machine
    assert first.p50_s is not None
    assert first.p95_s is not None
    assert 0 < first.p50_s <= first.p95_s < 1
    assert [change.change for change in seen.changes] == ["started", "stopped"]


def test_each_user_comes_from_an_address_of_its_own(tmp_path: Path) -> None:
    with service() as there:
        run(tmp_path, there.url, CUSTOMERS, at_least(20), users=4)
        assert {request.address for request in there.requests} == {f"127.0.1.{n}" for n in range(1, 5)}


def test_the_same_seed_gives_each_user_the_same_requests(tmp_path: Path) -> None:
    def first_requests(seed: int) -> list[list[tuple[str, str, str]]]:
        with service() as there:
            run(tmp_path, there.url, CUSTOMERS, at_least(30), users=3, seed=seed)
            return [there.sent(f"127.0.1.{number}")[:5] for number in range(1, 4)]

    first, again, other = first_requests(1), first_requests(1), first_requests(2)
    assert [len(user) for user in first] == [5, 5, 5]
    assert first == again
    assert first != other
    assert len({str(user) for user in first}) == 3


def test_a_user_who_is_answered_late_changes_nothing_for_the_others(tmp_path: Path) -> None:
    def of_the_others(late: str) -> list[list[tuple[str, str, str]]]:
        def answer(request: Request) -> Answer:
            if request.address == late:
                time.sleep(0.3)
            return Answer()

        file = locustfile(
            tmp_path,
            """
from random import randrange
from locust import FastHttpUser, between, task

class Member(FastHttpUser):
    wait_time = between(0.02, 0.06)

    @task
    def visit(self):
        self.client.get(f"/visit/{randrange(1000)}")

    @task
    def look(self):
        self.client.get(f"/look/{randrange(1000)}")
""",
        )
        with service(answer) as there:
            run(tmp_path, there.url, file, at_least(40), users=3)
            return [there.sent(f"127.0.1.{number}")[:8] for number in (2, 3)]

    late, prompt = of_the_others("127.0.1.1"), of_the_others("nobody")
    assert [len(user) for user in late] == [8, 8]
    assert late == prompt


def test_failures_are_counted_by_their_reason(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        if request.method == "POST":
            return Answer(503)
        return Answer(404 if request.path == "/products" else 200)

    with service(answer) as there:
        seen = run(tmp_path, there.url, CUSTOMERS, at_least(60))
    assert seen.errors == {"HTTP 503", "HTTP 404"}
    assert sum(each.failures for each in seen.counted) == sum(
        request.method == "POST" or request.path == "/products" for request in there.requests[: seen.requests]
    )
    assert seen.acknowledged == []


def test_what_is_never_answered_has_a_reason_and_no_latency(tmp_path: Path) -> None:
    seen = run(
        tmp_path, f"http://127.0.0.1:{free_port()}", locustfile(tmp_path, NO_PAUSE), at_least(5), users=1
    )
    assert seen.requests == sum(each.failures for each in seen.counted)
    assert all("refused" in reason for reason in seen.errors)
    assert {each.p50_s for each in seen.counted} == {None}


NO_PATIENCE = """
from locust import HttpUser, constant, task

class Member(HttpUser):
    wait_time = constant(0)

    @task
    def ask(self):
        self.client.get("/x", timeout=0.3)
"""


@pytest.mark.parametrize("text", [NO_PAUSE, NO_PATIENCE], ids=["FastHttpUser", "HttpUser"])
@pytest.mark.parametrize(
    "answer",
    [Answer(never=True), Answer(headers={"Content-Length": "10"})],
    ids=["no answer", "ten bytes that never come"],
)
def test_a_request_that_hangs_times_out(tmp_path: Path, answer: Answer, text: str) -> None:
    with service(lambda _: answer) as there:
        seen = run(tmp_path, there.url, locustfile(tmp_path, text), at_least(1), users=1)
    assert seen.errors == {"timed out"}


def test_a_locustfile_without_a_pause_is_bounded(tmp_path: Path) -> None:
    with service() as there:
        file = locustfile(tmp_path, NO_PAUSE)
        seen = run(tmp_path, there.url, file, at_least(60), rate_per_s=50.0)
    full = [each for each in seen.counted[1:-1] if each.requests]
    seconds = sum(each.end - each.start for each in full)
    assert sum(each.requests for each in full) / seconds < 60


def test_a_teams_ordinary_locustfile_runs_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("PATH = '/from-helper'\n")
    file = locustfile(
        tmp_path,
        """
import helper
from locust import HttpUser, between, events, task

@events.init_command_line_parser.add_listener
def add_options(parser):
    parser.add_argument("--shop", default="main")

@events.test_stop.add_listener
def done(environment, **kwargs):
    print("the test has stopped")

print("loaded")

class Member(HttpUser):
    host = "http://production.invalid"
    wait_time = between(0.01, 0.02)

    @task
    def visit(self):
        self.client.get(helper.PATH, params={"shop": self.environment.parsed_options.shop})

    @task
    def buy(self):
        with self.client.post("/orders", catch_response=True) as response:
            response.failure("no receipt")
""",
    )
    answer = Answer(201, {"Location": "/orders/42/"})
    with service(lambda request: answer if request.method == "POST" else Answer()) as there:
        seen = run(tmp_path, there.url, file, at_least(20))
    assert {request.path for request in there.requests} == {"/from-helper?shop=main", "/orders"}
    assert {request.address for request in there.requests} == {f"127.0.1.{n}" for n in range(1, 7)}
    assert seen.errors == {"no receipt"}
    assert set(seen.acknowledged) == {"42"}
    log = (tmp_path / "traffic.log").read_text()
    assert "loaded" in log
    assert "the test has stopped" in log


def test_a_locustfile_with_a_shape_decides_how_many_users_there_are(tmp_path: Path) -> None:
    file = locustfile(
        tmp_path,
        """
from locust import FastHttpUser, LoadTestShape, constant, task

class Member(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def visit(self):
        self.client.get("/x")

class Shape(LoadTestShape):
    def tick(self):
        return (2, 10) if self.get_run_time() < 0.5 else None
""",
    )
    with service() as there:
        seen = run(tmp_path, there.url, file, lambda _, path: "exited" in path.read_text())
    assert {request.address for request in there.requests} == {"127.0.1.1", "127.0.1.2"}
    assert [change.change for change in seen.changes] == ["started", "exited", "stopped"]
    assert seen.changes[1].detail == "the locustfile ended the test"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("import locust\n\nimport no_such_module\n", 3, "No module named 'no_such_module'"),
        ("import locust\n\n\nclass X(:\n", 4, "invalid syntax"),
        ("import sys\nsys.exit('not today')\n", 2, "not today"),
        ("import locust\n", None, "it has no user class"),
    ],
)
def test_a_locustfile_that_cannot_be_used_is_one_line_with_its_place(
    tmp_path: Path, text: str, line: int | None, reason: str
) -> None:
    file = locustfile(tmp_path, text)
    with pytest.raises(InputError, match=reason) as raised:
        run(tmp_path, "http://127.0.0.1:9", file, at_least(1))
    assert (raised.value.path, raised.value.line) == (file, line)
    assert "\n" not in str(raised.value)


def test_a_locustfile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such locustfile"):
        run(tmp_path, "http://127.0.0.1:9", tmp_path / "none.py", at_least(1))


def test_traffic_ends_by_itself_when_its_time_is_up(tmp_path: Path) -> None:
    with service() as there:
        seen = run(tmp_path, there.url, CUSTOMERS, lambda _, path: "exited" in path.read_text(), limit_s=0.5)
    assert [(change.change, change.detail) for change in seen.changes] == [
        ("started", ""),
        ("exited", "the time limit was up"),
        ("stopped", ""),
    ]


def test_traffic_that_is_cut_off_says_so(tmp_path: Path) -> None:
    pids: list[int] = []

    def kill_once(_: Traffic, path: Path) -> bool:
        text = path.read_text()
        if not pids and '"started"' in text:
            pids.extend(event.pid for _, event in events(read(path), PartChanged) if event.pid)
            os.kill(pids[0], signal.SIGKILL)
        return "exited" in text

    with service() as there:
        seen = run(tmp_path, there.url, CUSTOMERS, kill_once)
    assert seen.changes[1].detail.startswith("it was cut off")


def test_stopping_ends_what_the_locustfile_started(tmp_path: Path) -> None:
    file = locustfile(
        tmp_path,
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n" + NO_PAUSE,
    )
    with service() as there:
        run(tmp_path, there.url, file, at_least(1))
    child = int((tmp_path / "pid").read_text())
    until_blocking(lambda: gone(child), "the child is gone", 5)


def gone(pid: int) -> bool:
    """Whether a process has ended; one that waits for its parent to notice has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


PARENT = """
import asyncio, sys
from pathlib import Path
from drillbook.journal import Journal
from drillbook.traffic.locust import Traffic

async def main(url, locustfile, folder):
    traffic = Traffic(Journal(folder / "journal"), url, locustfile=Path(locustfile), seed=1, limit_s=60,
                      log=folder / "log")
    await traffic.start()
    await asyncio.sleep(60)

asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
"""


def test_traffic_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with (
        service() as there,
        subprocess.Popen([sys.executable, "-c", PARENT, there.url, str(CUSTOMERS), str(tmp_path)]) as parent,
    ):
        try:
            until_blocking(lambda: journal.exists() and b'"started"' in journal.read_bytes(), "it runs")
        finally:
            parent.kill()
        (started,) = [event for _, event in events(read(journal), PartChanged)]
        assert started.pid is not None
        pid = started.pid
        until_blocking(lambda: gone(pid), "the runner is gone", 5)


def test_customers_are_limited_by_their_own_address_behind_no_proxy(site: Site, tmp_path: Path) -> None:
    with site.app(RATE_LIMIT_PER_S="0.1", RATE_LIMIT_BURST="3") as app, client(app.port) as http:
        seen = run(tmp_path, app.url, CUSTOMERS, at_least(40))
        assert seen.errors == {"HTTP 429"}
        assert http.get("/products").status_code == 200  # from 127.0.0.1, which is no customer's address
