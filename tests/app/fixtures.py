"""The fixtures that the tests of the app and of the traffic share: servers for the session, a site each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from tests.app.servers import App, Postgres, Site, postgres_server, redis_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port


def empty_redis(port: int) -> None:
    with Redis(port=port) as redis:
        redis.flushall()


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:
    """A database for the tests that need one to themselves, one after the other."""
    return postgres.new_database()


@pytest.fixture
def site(postgres: Postgres, database: str, redis_port: int, tmp_path: Path) -> Site:
    """What a release needs, for one test."""
    postgres.empty(database)
    empty_redis(redis_port)
    return Site(postgres, database, redis_port, tmp_path)


@dataclass(frozen=True)
class Shared:
    """The current release and its site, for all tests of a module: each uses products of its own."""

    site: Site
    app: App


@pytest.fixture(scope="module")
def shared(postgres: Postgres, redis_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    empty_redis(redis_port)
    site = Site(postgres, postgres.new_database(), redis_port, tmp_path_factory.mktemp("shared"))
    with site.app() as app:
        yield Shared(site, app)
