"""Secrets in the text of the runbook: only what is a secret by its form, not what may be one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillbook.lint.rule import Found, Rule, Subject
from drillbook.model import Level

_FORMS = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?!\S*(?:X{3}|\.{3}))")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})\b")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{20,}")),
    (
        "a Slack webhook",
        re.compile(r"https://hooks\.slack\.com/services/T[0-9A-Z]+/B[0-9A-Z]+/[0-9A-Za-z]{20,}"),
    ),
    ("a Stripe key", re.compile(r"\b[sr]k_live_[0-9A-Za-z]{20,}")),
    ("a Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("a SendGrid key", re.compile(r"\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{40,}")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("a JSON web token", re.compile(r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}")),
)
_IN_URL = re.compile(
    r"\b[a-z][a-z0-9+]*://[^\s:/@<>{}$\"']+:(?P<secret>[^\s:/@<>{}$\"'\[\]*…]{8,})@(?P<host>[\w.-]+)"
)
_ASSIGNED = re.compile(
    r"(?:\b|_)(?:PASSWORD|PASSWD|SECRET|SECRET_KEY|API_?KEY|AUTH_TOKEN|ACCESS_TOKEN|PGPASSWORD|REDISCLI_AUTH)"
    r"\s*=\s*[\"']?(?P<secret>[^\s\"'$<>{}()\[\]…]{12,})",
    re.IGNORECASE,
)
_STANDS_FOR_ONE = re.compile(
    r"pass|secret|token|example|your|change|here|dummy|sample|test|todo|redacted|placeholder|user|key|x{3,}|\*{3,}"
    r"|\.{3}|abc|123456",
    re.IGNORECASE,
)
_LOCAL = re.compile(
    r"^(?:localhost|127\.|db$|postgres$|redis$|host$|.*\.(?:example|test|local|localhost)$|example\.)"
)


def _secrets(subject: Subject) -> Iterator[Found]:
    for number, line in enumerate(subject.lines, start=1):
        what = _secret_in(line)
        if what:
            yield Found(
                number,
                f"this looks like {what}, for whoever can read the runbook",
                "revoke it, and write the command that fetches it instead",
            )


def _secret_in(line: str) -> str:
    for what, form in _FORMS:
        match = form.search(line)
        if match is not None and "EXAMPLE" not in match[0]:
            return what
    url = _IN_URL.search(line)
    if (
        url is not None
        and _is_random(url["secret"])
        and not (_STANDS_FOR_ONE.search(url["secret"]) or _LOCAL.match(url["host"]))
    ):
        return "a password in a URL"
    assigned = _ASSIGNED.search(line)
    if (
        assigned is not None
        and _is_random(assigned["secret"])
        and not _STANDS_FOR_ONE.search(assigned["secret"])
    ):
        return "a password"
    return ""


def _is_random(text: str) -> bool:
    """Whether the text has letters in both cases, or letters and digits, as made-up words seldom have."""
    kinds = (any(c.islower() for c in text), any(c.isupper() for c in text), any(c.isdigit() for c in text))
    return sum(kinds) > 1 and len(set(text)) > 7  # noqa: PLR2004 - of at least 8 characters


RULES = (
    Rule(
        "secret-in-text",
        "Secret in the text",
        Level.ERROR,
        "A password, key or token stands in the runbook.",
        _secrets,
    ),
)
