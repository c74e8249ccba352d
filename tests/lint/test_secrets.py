"""Secrets, and what only stands for one. The secrets here are made up and put together when the test runs."""

from __future__ import annotations

import pytest
from tests.lint.look import findings, lines

RULE = "secret-in-text"


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "AKIA" + "Q7RZ2MNB4XCV8LKJ",
        "ghp_" + "a1B2c3D4e5" * 4,
        "xoxb-" + "1234567890-qwertzuiopas",
        "sk_live_" + "9fK2mQ7xR4tV8wZ1bN6c",
        "postgresql://orders:" + "9fK2mQ7xR4tV@db.internal/orders",
        "export PGPASSWORD=" + "9fK2mQ7xR4tV",
    ],
)
def test_what_is_a_secret_by_its_form_is_reported_and_not_repeated(secret: str) -> None:
    (one,) = findings(f"# A\n\n```bash\n{secret}\n```\n", RULE)
    assert one.line == 4
    assert secret[-10:] not in one.message + one.fix


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:pass@host:5432/railway",
        "postgresql://postgres:9fK2mQ7xR4tV@localhost/orders",
        "redis://:$REDIS_PASSWORD@db.internal:6379",
        "postgres://orders:<the-one-from-vault>@db.internal/orders",
        "API_KEY=your-api-key-here",
        "JWT_SECRET=<generate-strong-secret>",
        "PASSWORD=$(vault kv get db)",
        "AKIAIOSFODNN7EXAMPLE",
        '{"email":"test@example.com","password":"test123"}',
        "the password is in the vault",
    ],
)
def test_what_stands_for_a_secret_is_not_reported(text: str) -> None:
    assert lines(f"# A\n\n```bash\n{text}\n```\n", RULE) == []
