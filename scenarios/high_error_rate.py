"""High error rate: the service is up, and answers many requests with 5xx.

The truth of this scenario is whether customers can log in and see the list of products, beside what the
service's monitoring looks at; what fails differs from variant to variant.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from drillbook.app import FAILS_REQUESTS, app_of, with_bug
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.provider_outage import DOWN, ProviderOutage
from drillbook.faults.read_only_database import ReadOnlyDatabase
from drillbook.faults.rotated_key import RotatedKey
from drillbook.model import Json
from drillbook.protocols import Fault, Probe, Scenario, Setup, Stack, Variant
from drillbook.signals.http import HttpProbe
from drillbook.signals.parts import looks_bad, table_probe

# The team takes no order of which it can't tell the customer.
_SMS_REQUIRED = Setup(variables={"SMS_REQUIRED": "true"})
_LIST_KEY = "products"


def _probes(stack: Stack) -> Sequence[Probe]:
    app = app_of(stack)
    if not app.is_shop:
        return [table_probe(stack)] if app.table else []
    return [_list_probe(stack), _login_probe(stack)]


def _list_probe(stack: Stack) -> HttpProbe:
    return HttpProbe("list", "GET", f"{stack.url}/products", deadline_s=0.5, slow_s=0.5)


def _login_probe(stack: Stack) -> HttpProbe:
    login: dict[str, Json] = {"customer": "+4915100000"}
    return HttpProbe("login", "POST", f"{stack.url}/login", body=login, deadline_s=0.5, slow_s=0.5)


async def _failing(probe: HttpProbe) -> str | None:
    seen = await probe.observe()
    return None if seen.good else f"{probe.sli} is answered with {seen.detail}"


async def _list_fails(stack: Stack) -> str | None:
    return await _failing(_list_probe(stack))


async def _requests_fail(stack: Stack) -> str | None:
    return await (_list_fails(stack) if app_of(stack).is_shop else looks_bad(stack))


async def _login_fails(stack: Stack) -> str | None:
    return await _failing(_login_probe(stack))


async def _bad_list(stack: Stack) -> str | None:
    """What is in the cache for the list of products, if it is not JSON's."""
    async with Redis.from_url(stack.cache.url()) as redis:
        value = await redis.get(_LIST_KEY)
    text = value.decode() if isinstance(value, bytes) else ""
    return f"the cache has {text[:60]} at {_LIST_KEY}" if text.startswith("[{'") else None


async def _drop_list(stack: Stack) -> None:
    async with Redis.from_url(stack.cache.url()) as redis:
        await redis.delete(_LIST_KEY)


def _needs_provider(stack: Stack) -> bool:
    return stack.platform.current().variables.get("SMS_REQUIRED") == "true"


async def _roll_back(stack: Stack, _: Fault) -> None:
    await stack.platform.rollback()


async def _roll_back_and_drop(stack: Stack, _: Fault) -> None:
    await stack.platform.rollback()
    await _drop_list(stack)


async def _do_without_messages(stack: Stack, _: Fault) -> None:
    await stack.platform.set_variables({"SMS_REQUIRED": "false"})


async def _set_key(stack: Stack, fault: Fault) -> None:
    if isinstance(fault, RotatedKey):
        await stack.platform.set_variables({fault.variable: fault.key})


async def _heal(stack: Stack, fault: Fault) -> None:
    """Take the setting back, as the fault does: ALTER SYSTEM RESET, and a reload."""
    await fault.heal(stack)


SCENARIO = Scenario(
    name="high-error-rate",
    title="High error rate",
    severity="SEV2",
    section="High Error Rate",
    symptoms=(
        "more and more requests are answered with 5xx",
        "the log fills with errors",
    ),
    probes=_probes,
    variants=(
        Variant(
            "bad-release",
            "A release was deployed that fails every request but the health check.",
            lambda: BadRelease("limit-by-port", FAILS_REQUESTS, shows=_requests_fail),
            "Roll back to the release before.",
            _roll_back,
            needs=(with_bug(FAILS_REQUESTS),),
        ),
        Variant(
            "error-on-one-endpoint",
            "A release was deployed that fails every login, and nothing else.",
            lambda: BadRelease("login-wants-days", "r2026_11_8", shows=_login_fails),
            "Roll back to the release before.",
            _roll_back,
            needs=("shop releases",),
        ),
        Variant(
            "cache-poisoned",
            "A release was deployed that keeps a bad value in the cache, and leaves it there.",
            lambda: BadRelease(
                "list-is-no-json", "r2026_11_9", shows=_list_fails, leaves=_bad_list, mend=_drop_list
            ),
            "Roll back, and then drop the bad value from the cache.",
            _roll_back_and_drop,
            needs=("shop releases",),
        ),
        Variant(
            "provider-outage",
            "The provider of text messages answers 500, and no order is taken without its message.",
            lambda: ProviderOutage("provider-errors", "error-500", depends=_needs_provider),
            "Take orders without their message (SMS_REQUIRED=false) until the provider is back.",
            _do_without_messages,
            _SMS_REQUIRED,
            needs=("provider",),
        ),
        Variant(
            "provider-down",
            "The provider of text messages can't be reached, and no order is taken without its message.",
            lambda: ProviderOutage("provider-refuses", DOWN, depends=_needs_provider),
            "Take orders without their message (SMS_REQUIRED=false) until the provider is back.",
            _do_without_messages,
            _SMS_REQUIRED,
            needs=("provider",),
        ),
        Variant(
            "provider-auth",
            "The provider's key was rotated, and the service still has the old one.",
            lambda: RotatedKey("key-rotated", variable="SMS_API_KEY", key="drill-2"),
            "Set SMS_API_KEY to the new key.",
            _set_key,
            _SMS_REQUIRED,
            needs=("provider",),
        ),
        Variant(
            "database-read-only",
            "The database answers, and refuses to write.",
            ReadOnlyDatabase,
            "ALTER SYSTEM RESET default_transaction_read_only, and reload.",
            _heal,
            needs=("table",),
        ),
    ),
)
