"""The worker: the process that carries out one drill, in its sandbox.

`python -m drillbook.worker SPEC` reads the drill from the file SPEC and ends when the drill has. A line
`abort WHO` on its standard input, or that input's end, ends the drill early: the journal says so, and
the stack is taken down. Each journal entry that matters to an onlooker is printed as a JSON line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path

from drillbook.engine import Drill
from drillbook.errors import DrillbookError
from drillbook.events import (
    AlertChanged,
    FaultChanged,
    Interrupted,
    PhaseStarted,
    StepEnded,
    StepStarted,
)
from drillbook.journal import Entry, Journal, build
from drillbook.model import ExitCode
from drillbook.spec import DrillSpec

_SHOWN = (PhaseStarted, StepStarted, StepEnded, AlertChanged, FaultChanged)
_ABORT_DEADLINE_S = 8.0


def main(arguments: list[str]) -> int:
    """Carry out the drill whose spec is in the file that `arguments` names; an exit code."""
    try:
        spec = build(DrillSpec, json.loads(Path(arguments[0]).read_text("utf-8")))
        journal = Journal.resume(Path(spec.journal))
    except DrillbookError as error:
        sys.stderr.write(f"{error.render()}\n")
        return error.exit_code
    journal.listen(_show)
    try:
        asyncio.run(_drill(spec, journal))
    except DrillbookError as error:
        sys.stderr.write(f"{error.render()}\n")
        return error.exit_code
    finally:
        journal.close()
    return ExitCode.OK


def _show(entry: Entry) -> None:
    """Tell an onlooker. That nobody looks on any more is no reason to fail."""
    if isinstance(entry.event, _SHOWN):
        text = getattr(entry.event, "text", "") or getattr(entry.event, "change", "")
        phase = entry.event.phase if isinstance(entry.event, PhaseStarted) else ""
        line = {"kind": entry.event.kind, "t": entry.t, "phase": phase, "text": text}
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


async def _drill(spec: DrillSpec, journal: Journal) -> None:
    drill = Drill(spec, journal)
    running = asyncio.create_task(drill.run())
    aborting = asyncio.create_task(_wait_for_abort())
    await asyncio.wait((running, aborting), return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        journal.write(Interrupted(drill.phase, aborting.result()))
        running.cancel()
        await asyncio.wait([running], timeout=_ABORT_DEADLINE_S)
        return
    aborting.cancel()
    await running


async def _wait_for_abort() -> str:
    """Who wants the drill to end early: what the control pipe says, or that it has ended."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    line = await reader.readline()
    return line.decode("utf-8", "replace").strip().removeprefix("abort ") or "its command ended"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
