"""The fixtures that the tests of the app and of the traffic share: servers for the session, a site each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.app.servers import App, Postgres, Site, postgres_server, redis_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port


def new_site(postgres: Postgres, redis_port: int, folder: Path) -> Site:
    """A new database, and a Redis that is empty."""
    site = Site(postgres, postgres.new_database(), redis_port, folder)
    with site.redis() as redis:
        redis.flushall()
    return site


@pytest.fixture
def site(postgres: Postgres, redis_port: int, tmp_path: Path) -> Site:
    """What a release needs, for one test."""
    return new_site(postgres, redis_port, tmp_path)


@pytest.fixture
def app(site: Site) -> Iterator[App]:
    """The current release, for one test."""
    with site.app() as app:
        yield app


@dataclass(frozen=True)
class Shared:
    """The current release and its site, for all tests of a module: each uses products of its own."""

    site: Site
    app: App


@pytest.fixture(scope="module")
def shared(postgres: Postgres, redis_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    site = new_site(postgres, redis_port, tmp_path_factory.mktemp("shared"))
    with site.app() as app:
        yield Shared(site, app)
