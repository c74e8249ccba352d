"""The settings that the environment gives."""

from __future__ import annotations

import pytest

from shop.config import ConfigurationError, Settings

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://app:secret@db:5432/orders",
    "REDIS_URL": "redis://redis:6379/0",
    "SMS_API_URL": "http://sms",
    "SMS_API_KEY": "key",
}


def test_what_is_not_set_has_a_default() -> None:
    settings = Settings.read(ENVIRONMENT | {"DB_POOL_SIZE": ""}, "2026.11.2")
    assert settings.release == "2026.11.2"
    assert (settings.pool_size, settings.pool_timeout_s, settings.statement_timeout_ms) == (8, 1.0, 1500)
    assert (settings.rate_per_s, settings.rate_burst) == (100.0, 200.0)
    assert settings.total_rate_per_s is None
    assert settings.blocked_clients == ()


def test_what_is_set_counts() -> None:
    changes = {
        "RELEASE": "mine",
        "DB_POOL_SIZE": "20",
        "DB_POOL_TIMEOUT": "2.5",
        "DB_STATEMENT_TIMEOUT_MS": "900",
        "RATE_LIMIT_PER_S": "7",
        "RATE_LIMIT_BURST": "9",
        "CACHE_DATABASE": "3",
        "SESSION_DATABASE": "0",
        "RATE_LIMIT_TOTAL_PER_S": "30",
        "BLOCKED_CLIENTS": "203.0.113.7, 198.51.100.0/24 2001:db8::/32",
    }
    settings = Settings.read(ENVIRONMENT | changes, "2026.11.2")
    assert settings.release == "mine"
    assert (settings.pool_size, settings.pool_timeout_s, settings.statement_timeout_ms) == (20, 2.5, 900)
    assert (settings.rate_per_s, settings.rate_burst, settings.total_rate_per_s) == (7.0, 9.0, 30.0)
    assert (settings.cache_database, settings.session_database) == (3, 0)
    assert [str(each) for each in settings.blocked_clients] == [
        "203.0.113.7/32",
        "198.51.100.0/24",
        "2001:db8::/32",
    ]


@pytest.mark.parametrize("name", list(ENVIRONMENT))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^the variable {name} is not set$"):
        Settings.read(ENVIRONMENT | {name: ""}, "2026.11.2")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DB_POOL_SIZE", "many", "is not a number: 'many'"),
        ("DB_POOL_SIZE", "0", "must be more than 0"),
        ("DB_POOL_TIMEOUT", "nan", "must be more than 0"),
        ("RATE_LIMIT_PER_S", "-1", "must be more than 0"),
        ("RATE_LIMIT_TOTAL_PER_S", "0", "must be more than 0"),
        ("BLOCKED_CLIENTS", "203.0.113.7,bot", "has what is no address and no network: 'bot'"),
        ("BLOCKED_CLIENTS", "203.0.113.7/24", "has what is no address and no network"),
        ("REDIS_URL", "localhost", "is not a URL"),
        ("CACHE_DATABASE", "-1", "is not the number of a Redis database: '-1'"),
        ("SMS_REQUIRED", "perhaps", "must be true or false: 'perhaps'"),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_wrong(name: str, value: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^the variable {name} {reason}"):
        Settings.read(ENVIRONMENT | {name: value}, "2026.11.2")


def test_a_wrong_url_is_not_shown_for_it_may_hold_a_password() -> None:
    with pytest.raises(ConfigurationError) as raised:
        Settings.read(ENVIRONMENT | {"DATABASE_URL": "mysql://app:secret@db/orders"}, "2026.11.2")
    assert "secret" not in str(raised.value)
