"""The ready image: a PostgreSQL image with its cluster and roles made, once per image and recipe.

It is an image of the engine's, so that a drill's server starts on its data at once, wherever the engine is.
The passwords are on it as a label: they open servers that live for one drill, and that nobody else reaches.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.backends.containers.container import Container, Recipe
from drillbook.backends.containers.dock import Dock
from drillbook.errors import StackError
from drillbook.stack.template import ROLES, recipe

if TYPE_CHECKING:
    from docker import DockerClient

ROOT = Path("/drill")
"""Where the data are, as the folder `postgres`."""

_DATA = str(ROOT / "postgres")
_REPOSITORY = "drillbook/ready-postgres"
_ROLES = "org.drillbook.roles"
_DEADLINE_S = 60.0
# `scram_iterations` is there from version 16 on: a throw-away password needs no stretching.
# `postgres --single` exits 0 after a failed statement: its words decide.
_MAKE = """
set -e
mkdir -p {data} && chown postgres {data} && chmod 700 {data}
as() {{ setpriv --reuid postgres --regid postgres --init-groups -- "$@"; }}
PATH={bindir}:$PATH
as initdb --pgdata {data} --username postgres --encoding UTF8 --no-locale --no-sync \
  --auth scram-sha-256 --pwfile /drill/password
echo 'host all all all scram-sha-256' >> {data}/pg_hba.conf
version=$(postgres --version | sed 's/[^0-9]*\\([0-9]*\\).*/\\1/')
set -- -c fsync=off
if [ "$version" -ge 16 ]; then set -- "$@" -c scram_iterations=64; fi
{statements}
"""
_STATEMENT = """
as postgres --single -D {data} "$@" {database} < {file} > /drill/said 2>&1
if grep -E 'ERROR:|FATAL:' /drill/said; then exit 1; fi
"""


@dataclass(frozen=True, slots=True)
class Ready:
    """A ready image, and the password of each role."""

    reference: str
    passwords: Mapping[str, str]


def ready_image(client: DockerClient, image: str) -> Ready:
    """The ready image of `image`, which `make_ready_image` has made.

    Raises:
        StackError: it is not there.
    """
    found = _find(client, _tag(client, image))
    if found is None:
        raise StackError(f"the ready image of {image} is gone")
    return found


async def make_ready_image(dock: Dock, image: str, bindir: str) -> Ready:
    """The ready image of `image`, whose programs are in `bindir`; made now if it is not there yet.

    Raises:
        StackError: it can't be made.
    """
    tag = await dock.call(f"look at {image}", _tag, dock.client, image)
    found = await dock.call("look for the ready image", _find, dock.client, tag)
    if found is None:
        await _make(dock, image, bindir, tag)
    return await dock.call("look for the ready image", ready_image, dock.client, image)


def _tag(client: DockerClient, image: str) -> str:
    text = repr((client.images.get(image).id, _MAKE, _STATEMENT, recipe(dict.fromkeys(ROLES, ""))))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _find(client: DockerClient, tag: str) -> Ready | None:
    from docker.errors import ImageNotFound  # noqa: PLC0415  an extra, and slow to import

    try:
        labels = client.images.get(f"{_REPOSITORY}:{tag}").labels
    except ImageNotFound:
        return None
    return Ready(f"{_REPOSITORY}:{tag}", json.loads(labels[_ROLES]))


async def _make(dock: Dock, image: str, bindir: str, tag: str) -> None:
    passwords = {role: secrets.token_hex(12) for role in ROLES}
    files: dict[str, bytes] = {"/drill/password": passwords["superuser"].encode()}
    statements = ""
    for number, (database, text) in enumerate(recipe(passwords)):
        file = f"/drill/statements-{number}.sql"
        files[file] = text.encode()
        statements += _STATEMENT.format(data=_DATA, database=shlex.quote(database), file=file)
    script = _MAKE.format(data=_DATA, bindir=bindir, statements=statements)
    container = await Container.start(
        dock,
        "ready",
        Recipe(image, ["sh", "-c", script], files=files, user="0", options={"network_mode": "none"}),
    )
    try:
        async with asyncio.timeout(_DEADLINE_S):
            code = await container.wait()
        if code != 0:
            raise StackError(f"the database's data can't be made: {await container.tail()}")
        label = f"LABEL {_ROLES}={json.dumps(json.dumps(passwords))}"
        await container.commit(_REPOSITORY, tag, [label])
    except TimeoutError as error:
        raise StackError(f"the database's data can't be made within {_DEADLINE_S:g} s") from error
    finally:
        await container.remove()
