"""Rate limiting errors: ordinary customers are refused, or not answered, because of how clients are limited.

The truth of this scenario is whether a customer is served who comes from an address of their own, as
customers do. Its variants differ in who uses the limit up, in whether they are honest, and in what the limit
goes by.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from drillbook.faults.bad_release import BadRelease
from drillbook.faults.flood import Clients, Evidence, FloodOfRequests
from drillbook.protocols import Fault, Flood, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.http import HttpProbe

CUSTOMER = "127.0.1.254"
MONITORING = "127.0.0.1"
TOTAL = "RATE_LIMIT_TOTAL_PER_S"
# The customers, the monitoring and this scenario's probe make 110 to 150 requests a second that count.
FOR_ALL = Setup(variables={TOTAL: "180"})
RAISED = {TOTAL: "540"}
RECENT_S = 0.5  # shorter than the window that must hold, so that a cure has been seen to work throughout
LINES = 1500
REFUSED, TURNED_AWAY = "HTTP 429", "HTTP 403"
HARDLY = 1 / 3  # of a bot's requests: if no more count than that, it is limited
STORM = 20  # refused requests within that time
TOO_SLOW = "r2026_11_24"
LOOKS = 8  # for two seconds in all


def _probes(stack: Stack) -> Sequence[Probe]:
    url = f"{stack.url}/products/tea-003"
    return [HttpProbe("customer", "GET", url, deadline_s=0.5, slow_s=0.5, source=CUSTOMER)]


# --------------------------------------------------------------------------- what shows it


def _lately(stack: Stack) -> list[Mapping[str, Any]]:
    """The entries of the app's log for the requests of late."""
    since = (datetime.now(UTC) - timedelta(seconds=RECENT_S)).isoformat(timespec="milliseconds")
    lines = [line for line in stack.platform.tail(LINES) if '"msg": "request"' in line]
    entries = [json.loads(line) for line in lines]
    return [entry for entry in entries if entry["ts"] >= since]


def _is_in(entry: Mapping[str, Any], network: str) -> bool:
    return ip_address(entry["client"]) in ip_network(network)


def _refuses_others(network: str) -> Evidence:
    async def evidence(stack: Stack, flood: Flood) -> str | None:
        del flood
        others = [entry for entry in _lately(stack) if not _is_in(entry, network)]
        refused = sum(entry.get("limit") == "total" for entry in others)
        if refused * 3 < len(others) or not refused:
            return None
        return f"{refused} of {len(others)} requests of others are refused for the limit of all"

    return evidence


def _counts(network: str) -> Evidence:
    """Evidence that what comes from `network` uses up the limit of all, or would if that were lower."""

    async def evidence(stack: Stack, flood: Flood) -> str | None:
        del flood
        own = [entry for entry in _lately(stack) if _is_in(entry, network)]
        counted = sum(entry["status"] != 403 and entry.get("limit") != "client" for entry in own)  # noqa: PLR2004
        if counted <= HARDLY * len(own):
            return None
        served = sum(entry["status"] == 200 for entry in own)  # noqa: PLR2004
        return f"{counted} requests of {network} counted for the limit of all lately, {served} are served"

    return evidence


async def _honest_are_refused(stack: Stack, flood: Flood) -> str | None:
    del stack
    answers = flood.answers(RECENT_S)
    refused = answers.get(REFUSED, 0) + answers.get(TURNED_AWAY, 0)
    return (
        f"{refused} of {sum(answers.values())} requests of honest visitors are refused" if refused else None
    )


async def _asks_again(stack: Stack, flood: Flood) -> str | None:
    del stack
    refused = flood.answers(RECENT_S).get(REFUSED, 0)
    return f"those who were refused ask again: {refused} times of late" if refused > STORM else None


async def _holds_places(stack: Stack, flood: Flood) -> str | None:
    """Evidence that slow clients are listened to by the release that has few places."""
    if stack.platform.current().release != TOO_SLOW or flood.answers(RECENT_S).get(TURNED_AWAY):
        return None
    return f"{TOO_SLOW} serves, and keeps a place for each client who sends slowly"


async def _go_on_holding(stack: Stack, flood: Flood) -> str | None:
    """Evidence as above, after a time in which those can ask anew that went with the replica before.

    That replica is drained first, and nobody is answered meanwhile.
    """
    for _ in range(LOOKS):
        seen = await _holds_places(stack, flood)
        if seen is None:
            return None
        await asyncio.sleep(RECENT_S / 2)  # the interval of the looks
    return seen


async def _is_stuck(stack: Stack, flood: Flood) -> str | None:
    seen = await _holds_places(stack, flood)
    health = HttpProbe("health", "GET", f"{stack.url}/health")
    try:
        await asyncio.wait_for(health.observe(), 0.5)
    except TimeoutError:
        return seen and f"{seen}; /health does not answer within 0.5 s"
    return None


async def _shares_one_bucket(stack: Stack) -> str | None:
    refused = {entry["client"] for entry in _lately(stack) if entry.get("limit") == "client"}
    return f"{len(refused)} clients are refused for the limit of one" if len(refused) > 1 else None


# --------------------------------------------------------------------------- the cures


def _block(network: str) -> Any:
    async def cure(stack: Stack, fault: Fault) -> None:
        del fault
        await stack.platform.set_variables({"BLOCKED_CLIENTS": network})

    return cure


async def _raise(stack: Stack, fault: Fault) -> None:
    del fault
    await stack.platform.set_variables(RAISED)


async def _roll_back(stack: Stack, fault: Fault) -> None:
    del fault
    await stack.platform.rollback()


# --------------------------------------------------------------------------- the variants

ONE, MANY = "127.0.2.1/32", "127.0.2.0/24"


def _bot(name: str, summary: str, cure: str, network: str, users: int) -> Variant:
    clients = Clients("scraper", network, users, 150.0)
    return Variant(
        name,
        summary,
        lambda: FloodOfRequests(
            "scraper", clients, shows=_refuses_others(network), persists=_counts(network)
        ),
        cure,
        _block(network),
        FOR_ALL,
    )


SCENARIO = Scenario(
    name="rate-limiting",
    title="Rate limiting errors",
    severity="SEV3",
    section="5. Rate Limiting Errors",
    symptoms=(
        "customers are answered 429 Too Many Requests",
        "orders and pages fail while the database and Redis answer",
    ),
    probes=_probes,
    variants=(
        Variant(
            "honest-surge",
            "Three times as many customers come as on other days, and the limit for all together is too low.",
            lambda: FloodOfRequests("rush", Clients("rush", MANY, 14, 140.0), shows=_honest_are_refused),
            "Raise RATE_LIMIT_TOTAL_PER_S to what the service stands, or add a replica.",
            _raise,
            FOR_ALL,
        ),
        Variant(
            "retry-storm",
            "A push message woke many phones at once; those that were refused ask again without a pause,"
            " which alone keeps the limit exceeded.",
            lambda: FloodOfRequests("hasty", Clients("hasty", MANY, 60, 200.0), shows=_asks_again),
            "Raise RATE_LIMIT_TOTAL_PER_S until each of them has been served once, which ends the storm.",
            _raise,
            FOR_ALL,
        ),
        _bot(
            "bot-one-address",
            "A program at one address copies the catalogue and uses up the limit for all together.",
            "Find the address in the log, and put it on BLOCKED_CLIENTS.",
            ONE,
            4,
        ),
        _bot(
            "bot-many-addresses",
            "A program at forty addresses of a network copies the catalogue, a few pages a second each.",
            "Find the network in the log, and put it on BLOCKED_CLIENTS; one address is not enough.",
            MANY,
            40,
        ),
        Variant(
            "keyed-by-proxy",
            "A release takes the proxy's address for the client's, so that all customers share one bucket.",
            lambda: BadRelease("one-bucket", "r2026_11_23", shows=_shares_one_bucket),
            "Roll the release back.",
            _roll_back,
            Setup(variables={"RATE_LIMIT_PER_S": "54", "RATE_LIMIT_BURST": "54"}),
            needs=("shop releases",),
        ),
        Variant(
            "slow-clients",
            "Twenty clients send a byte now and then, and the release that serves has sixteen places.",
            lambda: FloodOfRequests(
                "slow", Clients("slow", MANY, 20, 60.0), shows=_is_stuck, persists=_go_on_holding
            ),
            "Put the clients' network on BLOCKED_CLIENTS, or go back to the release without the places.",
            _block(MANY),
            Setup(releases=("r2026_11_1", "r2026_11_2", TOO_SLOW)),
        ),
    ),
    needs=("shop floods",),
)
