"""Real servers for the tests of the traffic."""

from tests.app.fixtures import database, postgres, redis_port, shared, site

__all__ = ["database", "postgres", "redis_port", "shared", "site"]
