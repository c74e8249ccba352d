"""The service's settings, from its environment. It reads variables and opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

Number = TypeVar("Number", int, float)


class ConfigurationError(Exception):
    """Raised when a variable is missing or can't be read; its text is one line that names the variable."""


@dataclass(frozen=True)
class Settings:
    """What the service is told from outside.

    `pool_timeout_s` is how long a request waits for a connection, in seconds; `statement_timeout_ms` how
    long the database works on one statement, in milliseconds; `rate_per_s` and `rate_burst` are the tokens
    that a client's bucket gains each second and holds.
    """

    release: str
    database_url: str
    redis_url: str
    sms_api_url: str
    sms_api_key: str
    pool_size: int = 8
    pool_timeout_s: float = 1.0
    statement_timeout_ms: int = 1500
    rate_per_s: float = 100.0
    rate_burst: float = 200.0

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
            pool_size=_number(environment, "DB_POOL_SIZE", int, cls.pool_size),
            pool_timeout_s=_number(environment, "DB_POOL_TIMEOUT", float, cls.pool_timeout_s),
            statement_timeout_ms=_number(
                environment, "DB_STATEMENT_TIMEOUT_MS", int, cls.statement_timeout_ms
            ),
            rate_per_s=_number(environment, "RATE_LIMIT_PER_S", float, cls.rate_per_s),
            rate_burst=_number(environment, "RATE_LIMIT_BURST", float, cls.rate_burst),
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


def _number(
    environment: Mapping[str, str], name: str, kind: Callable[[str], Number], default: Number
) -> Number:
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
