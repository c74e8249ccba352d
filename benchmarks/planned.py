"""The drill that is measured, as the packaged plan has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from drillbook import library
from drillbook.commands.run import PACKAGED_PLAN
from drillbook.host import Host, make_ready
from drillbook.plan import load_plan, select
from drillbook.schedule import Options, slots, spec
from drillbook.spec import DrillSpec

DRILL = "stuck-transactions/idle-past-threshold"


@contextmanager
def planned(folder: Path) -> Iterator[tuple[DrillSpec, Host]]:
    """The drill's spec with its results in `folder`, and this machine made ready for it."""
    plan = load_plan(library.drills_dir() / PACKAGED_PLAN)
    drills = select(plan, [DRILL], all_variants=False)
    with ExitStack() as keep:
        host = make_ready(sandboxed=True, jump_clock=True, keep=keep)
        yield spec(slots(plan, drills, 1, folder)[0], Options(control=False), host), host
