"""How true the TTM is: a server that goes bad and good again at moments that it writes down itself.

The real prober, on its own loop, watches a server in another process; what is measured is how far the
mitigate clock lies from the moment at which the server became good.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path

from drillbook.clocks import good_since
from drillbook.events import Sampled
from drillbook.journal import Journal, events, read
from drillbook.signals.http import HttpProbe
from drillbook.signals.prober import Prober

INTERVAL_S = 0.04
SERVER = """
import asyncio, json, sys, time
bad_from, bad_to = (time.monotonic() + float(a) for a in sys.argv[1:3])
async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    status = "503 Bad" if bad_from <= time.monotonic() < bad_to else "200 OK"
    writer.write(f"HTTP/1.1 {status}\\r\\ncontent-length: 0\\r\\nconnection: close\\r\\n\\r\\n".encode())
    writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "good_at": bad_to}), flush=True)
    await asyncio.sleep(20)
asyncio.run(main())
"""


def measure(folder: Path) -> float:
    """The mitigate clock minus the true moment, in seconds."""
    folder.mkdir(parents=True)
    bad_to = 1.0 + random.random() / 5  # at any phase of the probes' cadence
    argv = [sys.executable, "-c", SERVER, "0.5", str(bad_to)]
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        if server.stdout is None:
            raise SystemExit("the server says nothing")
        said = json.loads(server.stdout.readline())
        asyncio.run(_watch(folder / "journal.jsonl", said["port"], said["good_at"] + 0.5))
    finally:
        server.kill()
        server.communicate()
    samples = [sample for _, sample in events(read(folder / "journal.jsonl"), Sampled)]
    since = good_since(sorted(samples, key=lambda sample: sample.end))
    if since is None:
        raise SystemExit("the server never became good")
    return since - float(said["good_at"])


async def _watch(journal_file: Path, port: int, until: float) -> None:
    journal = Journal(journal_file)
    probe = HttpProbe("up", "GET", f"http://127.0.0.1:{port}/")
    prober = Prober(journal, [probe], interval_s=INTERVAL_S)
    await prober.start()
    await asyncio.sleep(until - time.monotonic())  # the moments are the server's
    await prober.stop()
    journal.close()
