"""How true the TTM is: an outage that begins and ends by itself, at moments that the server writes down.

The real prober watches a server in another process, and the clocks are made from the journal as those of
any drill; what is measured is how far they lie from the truth.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.planned import planned
from drillbook.clocks import clocks, durations
from drillbook.events import DrillStarted, FaultChanged
from drillbook.journal import Journal, read
from drillbook.signals.http import HttpProbe
from drillbook.signals.prober import Prober

HOLD_S = 0.4
STEADY_S = 0.4
# Longer than a probe's deadline of 1 s: before that, nobody can tell a request that hangs from a slow one.
OUTAGE_S = 1.5
SERVER = """
import asyncio, json, sys, time
mode, bad_after_s, good_after_s = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    status = "200 OK"
    if bad_at <= time.monotonic() < good_at:
        if mode == "errors":
            status = "503 Bad"
        else:
            await asyncio.sleep(good_at - time.monotonic() + (20 if mode == "silence" else 0))
    writer.write(f"HTTP/1.1 {status}\\r\\ncontent-length: 0\\r\\nconnection: close\\r\\n\\r\\n".encode())
    writer.close()
async def main():
    global bad_at, good_at
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    bad_at, good_at = time.monotonic() + bad_after_s, time.monotonic() + good_after_s
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "bad_at": bad_at, "good_at": good_at}), flush=True)
    await asyncio.sleep(20)
asyncio.run(main())
"""
MODES = {
    "errors": "answers 503",
    "stall": "holds every answer back until the end",
    "silence": "never answers what it was asked",
}


@dataclass(frozen=True)
class Measured:
    """How far the clocks lie from the truth, in seconds: late is positive, and a TTM too long."""

    mitigate_s: float
    ttm_s: float
    interval_s: float


def measure(folder: Path, mode: str) -> Measured:
    """Watch one outage of the kind that `mode` names."""
    with planned(folder) as (work, _):
        header = replace(work.header, hold_s=HOLD_S)
    folder.mkdir(parents=True)
    bad_after_s = STEADY_S + random.random() / 5  # at any phase of the probes' cadence
    good_after_s = bad_after_s + OUTAGE_S + random.random() / 5
    argv = [sys.executable, "-c", SERVER, mode, str(bad_after_s), str(good_after_s)]
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        if server.stdout is None:
            raise SystemExit("the server says nothing")
        truth = json.loads(server.stdout.readline())
        asyncio.run(_watch(folder / "journal.jsonl", header, truth["port"], truth["good_at"]))
    finally:
        server.kill()
        server.communicate()
    found = clocks(read(folder / "journal.jsonl"))
    ttm = durations(found, header.probe_interval_s).ttm
    if found.mitigate is None or ttm is None:
        raise SystemExit("the server never became good")
    true_ttm = truth["good_at"] - truth["bad_at"]
    return Measured(found.mitigate - truth["good_at"], ttm - true_ttm, header.probe_interval_s)


async def _watch(journal_file: Path, header: DrillStarted, port: int, good_at: float) -> None:
    journal = Journal(journal_file)
    journal.write(header)
    journal.write(FaultChanged("outage", "intent"))  # what ends by itself is not injected, only expected
    probe = HttpProbe("up", "GET", f"http://127.0.0.1:{port}/")
    prober = Prober(journal, [probe], interval_s=header.probe_interval_s)
    await prober.start()
    await asyncio.sleep(good_at + HOLD_S + 0.2 - time.monotonic())  # the moments are the server's
    await prober.stop()
    journal.close()
