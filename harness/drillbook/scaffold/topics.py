"""Which scenarios a section of a runbook is for, by the words of its title."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from drillbook.model import Runbook, Section
from drillbook.runbook.sections import steps_of

# In the order in which a section is asked: the special before the general.
_TOPICS = (
    ("rate-limiting", r"rate.?limit|throttl|\b429\b|too many requests", ""),
    ("corrupted-cache", r"(?:corrupt|poison|stale|bad|wrong).*(?:cache|redis)", ""),
    ("corrupted-cache", r"(?:cache|redis).*(?:corrupt|poison|stale)", ""),
    ("redis-memory", r"(?:redis|valkey|cache).*(?:memory|oom|full|evict)", ""),
    ("redis-unavailable", r"redis|valkey|cache (?:is )?(?:down|unavailable|outage|issue|problem)", ""),
    ("pool-exhaustion", r"\bpool", ""),
    ("connections-exhausted", r"connection.*(?:exhaust|limit|slot|leak)|too many (?:client|connection)", ""),
    ("stuck-transactions", r"transaction|\block(?:s|ed|ing)?\b|deadlock|database|postgres|\bdb\b", ""),
    ("memory-exhaustion", r"memory|\boom\b|out of mem", r"redis|cache"),
    ("high-latency", r"latency|slow|response time|timeouts?\b", ""),
    ("high-error-rate", r"error rate|errors?\b|\b5xx\b|\b500", ""),
    ("service-down", r"\bdown\b|outage|unavailable|unreachable|not respond|crash|\b50[234]\b|roll.?back", ""),
)
_PATTERNS = tuple(
    (name, re.compile(wanted, re.IGNORECASE), re.compile(unwanted, re.IGNORECASE) if unwanted else None)
    for name, wanted, unwanted in _TOPICS
)
# What a section about the database as a whole is for as well.
_BESIDE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "stuck-transactions": ("connections-exhausted",),
        "redis-unavailable": ("redis-memory", "corrupted-cache"),
    }
)


def scenarios_of(runbook: Runbook) -> dict[str, Section]:
    """The first section of `runbook` that fits each scenario, by the scenario."""
    found: dict[str, Section] = {}
    beside: dict[str, Section] = {}
    for section in runbook.sections:
        if not steps_of(runbook, section) or section.level == 1:
            continue
        name = topic(section.title)
        if name is not None and name not in found:
            found[name] = section
            for other in _BESIDE.get(name, ()):
                beside.setdefault(other, section)
    return {**beside, **found}


def topic(title: str) -> str | None:
    """The scenario that a section of that title is for, or None."""
    for name, wanted, unwanted in _PATTERNS:
        if wanted.search(title) and not (unwanted and unwanted.search(title)):
            return name
    return None
