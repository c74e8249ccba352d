"""Series of drills with altered steps, beside an ordinary run of the whole sections.

It carries them out with the machinery of every run: side by side, again where the host was busy, ended early
by Ctrl-C.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from drillbook.commands.terminal import Terminal
from drillbook.errors import InputError
from drillbook.places import cores
from drillbook.result import DrillResult
from drillbook.run import Run
from drillbook.schedule import Options, Slot


@dataclass
class Series:
    """The runs of one command, one after another.

    `options` are those of the whole sections; drills with altered steps have no control of their own, for
    that of the whole section shows for them, too, that the failure does not pass by itself.
    """

    options: Options
    jobs: int | None
    sandboxed: bool
    interrupted_by: str = ""

    def carry_out(self, title: str, slots: Sequence[Slot], out: Path) -> dict[Path, DrillResult]:
        """Carry out `slots`, whose run directories are in `out`; the results by run directory.

        None are carried out once someone has ended the command early.
        """
        if not slots or self.interrupted_by:
            return {}
        altered = slots[0].alteration is not None
        if altered:
            _make(out)
        click.echo(f"{title}: {len(slots)} drill{'s' if len(slots) > 1 else ''}", err=True)
        options = replace(self.options, control=False) if altered else self.options
        with Terminal(total=len(slots)) as terminal:
            run = Run(slots, options, out, terminal, jobs=self.jobs or cores(), sandboxed=self.sandboxed)
            results = run.carry_out()
        self.interrupted_by = run.interrupted_by
        return {Path(result.run_dir): result for result in results}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"can't be made: {error.strerror}", path=folder) from error


def seconds_since(moment: float) -> float:
    """The seconds of the monotonic clock since `moment`, itself what this gave for 0."""
    return time.monotonic() - moment
