"""The service's settings, from its environment. It reads variables and opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TypeVar
from urllib.parse import urlsplit

from shop.client import Network

Number = TypeVar("Number", int, float)
Default = TypeVar("Default", int, float, None)


class ConfigurationError(Exception):
    """Raised when a variable is missing or can't be read; its text is one line that names the variable."""


@dataclass(frozen=True)
class Settings:
    """What the service is told from outside.

    `sms_required` says that no order is taken unless its customer can be told of it by text message.
    `pool_timeout_s` is how long a request waits for a connection, in seconds; `statement_timeout_ms` how
    long the database works on one statement, in milliseconds; `rate_per_s` and `rate_burst` are the tokens
    that a client's bucket gains each second and holds; `total_rate_per_s` how many requests of all clients
    together are served in a second, or None for all; `blocked_clients` are those that are never served.
    """

    release: str
    database_url: str
    redis_url: str
    sms_api_url: str
    sms_api_key: str
    sms_required: bool = False
    pool_size: int = 8
    pool_timeout_s: float = 1.0
    statement_timeout_ms: int = 1500
    rate_per_s: float = 100.0
    rate_burst: float = 200.0
    cache_database: int = 0
    session_database: int = 1
    total_rate_per_s: float | None = None
    blocked_clients: tuple[Network, ...] = ()

    @classmethod
    def read(cls, environment: Mapping[str, str], release: str) -> Settings:
        """The settings that `environment` holds; `release` counts where it does not name one.

        Raises:
            ConfigurationError: a variable is missing or not what it should be.
        """
        return cls(
            release=environment.get("RELEASE") or release,
            database_url=_url(environment, "DATABASE_URL", ("postgres", "postgresql")),
            redis_url=_url(environment, "REDIS_URL", ("redis", "rediss")),
            sms_api_url=_url(environment, "SMS_API_URL", ("http", "https")),
            sms_api_key=_text(environment, "SMS_API_KEY"),
            sms_required=_switch(environment, "SMS_REQUIRED"),
            pool_size=_number(environment, "DB_POOL_SIZE", int, cls.pool_size),
            pool_timeout_s=_number(environment, "DB_POOL_TIMEOUT", float, cls.pool_timeout_s),
            statement_timeout_ms=_number(
                environment, "DB_STATEMENT_TIMEOUT_MS", int, cls.statement_timeout_ms
            ),
            rate_per_s=_number(environment, "RATE_LIMIT_PER_S", float, cls.rate_per_s),
            rate_burst=_number(environment, "RATE_LIMIT_BURST", float, cls.rate_burst),
            cache_database=_redis_database(environment, "CACHE_DATABASE", cls.cache_database),
            session_database=_redis_database(environment, "SESSION_DATABASE", cls.session_database),
            total_rate_per_s=_number(environment, "RATE_LIMIT_TOTAL_PER_S", float, None),
            blocked_clients=_networks(environment, "BLOCKED_CLIENTS"),
        )


def _text(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise ConfigurationError(f"the variable {name} is not set")
    return value


def _url(environment: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    value = _text(environment, name)
    if urlsplit(value).scheme not in schemes:
        # Without the value, which may hold a password.
        raise ConfigurationError(f"the variable {name} is not a URL that begins with {schemes[-1]}://")
    return value


def _networks(environment: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """The addresses and networks of a list with commas or spaces between them."""
    networks = []
    for text in environment.get(name, "").replace(",", " ").split():
        try:
            networks.append(ip_network(text))
        except ValueError:
            raise ConfigurationError(
                f"the variable {name} has what is no address and no network: {text!r}"
            ) from None
    return tuple(networks)


def _switch(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").lower()
    if value not in ("", "true", "false"):
        raise ConfigurationError(f"the variable {name} must be true or false: {value!r}")
    return value == "true"


def _number(
    environment: Mapping[str, str], name: str, kind: Callable[[str], Number], default: Default
) -> Number | Default:
    value = environment.get(name, "")
    if not value:
        return default
    try:
        number = kind(value)
    except ValueError:
        raise ConfigurationError(f"the variable {name} is not a number: {value!r}") from None
    if not number > 0:  # NaN is refused too
        raise ConfigurationError(f"the variable {name} must be more than 0: {value!r}")
    return number


def _redis_database(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name, "")
    if not value:
        return default
    # int() would take signs, underscores and the digits of other scripts as well.
    if not (value.isascii() and value.isdigit()):
        raise ConfigurationError(f"the variable {name} is not the number of a Redis database: {value!r}")
    return int(value)
