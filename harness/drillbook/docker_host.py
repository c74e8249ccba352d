"""The host of drills in containers: the engine with its images, made ready once before the first drill."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook import tools
from drillbook.app import OwnApp
from drillbook.backends.containers.dock import Dock
from drillbook.backends.containers.ready import make_ready_image
from drillbook.composefile.program import build
from drillbook.docker import engine, images, labels, watcher
from drillbook.errors import InputError
from drillbook.host import free_ports
from drillbook.process import Owner, process_began
from drillbook.spec import ContainerSpec, Ports, Programs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COPIED = "/drill/libfaketime.so.1"


@dataclass(frozen=True, slots=True)
class DockerHost:
    """An engine that is ready for drills; it stands in the place of `host.Host`."""

    containers: ContainerSpec
    versions: dict[str, str]
    sandboxed: bool = False
    confines: bool = True
    programs: Programs = field(default_factory=lambda: Programs("", "", None))
    template: Path = Path(os.devnull)
    owner: Owner | None = None

    def ports(self) -> Ports:
        """Ports that are free on this machine, and so can be published."""
        return Ports(*free_ports(4))

    def container_spec(self) -> ContainerSpec | None:
        """The images, with free ports for one drill's own ways in."""
        gate, operator, calls = free_ports(3)
        return replace(self.containers, gate_port=gate, operator_port=operator, calls_port=calls)

    def clear(self, mark: str) -> None:
        """Remove what the drill `mark` left on the engine, where its worker could not.

        Raises:
            StackError: it can't be removed.
        """
        with contextlib.closing(engine.connect()) as client:
            watcher.remove(client, mark)

    def make_scratch(self) -> Path:
        """A directory for what one drill's worker keeps on this machine."""
        scratch = Path(tempfile.mkdtemp(prefix="drillbook-"))
        scratch.chmod(0o755)
        return scratch

    def readable(self) -> list[Path]:
        """Nothing: no sandbox has to read it."""
        return []


def _say(text: str) -> None:
    sys.stderr.write(f"drillbook: {text}\n")


def make_ready(
    *,
    wanted: Mapping[str, str] | str | None,
    apps: Iterable[OwnApp] = (),
    mark: str,
    jump_clock: bool,
    keep: ExitStack,
) -> DockerHost:
    """Find the engine, have the images there, and see to it that nothing outlives this process.

    Args:
        wanted: the images that the plan names; see `images.choose`.
        apps: the plans' own apps. Of one from a compose file, what that builds is built, and the images of
            its servers are taken where the plan names none.
        mark: the run's.
        jump_clock: whether the plan wants the database's clock jumped.
        keep: closes what must last as long as the run.

    Raises:
        StackError: something is missing or fails; the message says how to get it.
    """
    client = engine.connect()
    keep.callback(client.close)
    chosen = images.choose(client, wanted)
    composed = [own.compose for own in apps if own.compose is not None]
    different = {repr(sorted(compose.images.items())): compose.images for compose in composed}
    if wanted is None and len(different) > 1:
        raise InputError("the plans' compose files want different images", hint="run one, or name the images")
    for compose in composed:
        if compose.built:
            _say(f"building {', '.join(compose.built)}")
            build(compose)
        if wanted is None:
            chosen = images.like(client, chosen, compose.images, say=_say)
    jobs = [job.image for compose in composed for job in compose.jobs]
    for needed in (chosen, *(replace(chosen, app=app) for app in [*(own.image for own in apps), *jobs])):
        images.ensure(client, needed, say=_say)
    keep.enter_context(watcher.watching(mark))
    database = images.postgres_image(client, chosen.postgres)
    owner = f"{socket.gethostname()} {os.getpid()} {process_began(os.getpid()):.2f}"
    dock = Dock(client, labels.marks(mark, owner=owner), f"drillbook-{mark}")
    keep.callback(dock.close)
    asyncio.run(make_ready_image(dock, database.reference, database.bindir))
    faketime, copied = database.faketime if jump_clock else None, None
    if jump_clock and faketime is None:
        faketime, copied = _COPIED, str(tools.find("libfaketime.so.1").path)
    containers = ContainerSpec(
        postgres=chosen.postgres,
        redis=chosen.redis,
        app=chosen.app,
        operator=chosen.operator,
        bindir=database.bindir,
        faketime=faketime,
        copied=copied,
        owner=owner,
        gate_port=0,
        operator_port=0,
        calls_port=0,
    )
    versions = {
        "engine": engine.describe(client),
        "postgres": chosen.postgres,
        "redis": chosen.redis,
        "python": sys.version.split()[0],
    }
    return DockerHost(containers, versions)
