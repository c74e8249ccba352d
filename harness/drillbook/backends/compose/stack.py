"""The compose stack as faults see it, what variants lack there, and settings that it has for a while."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from drillbook.app import BUGS, NEEDS, SHOP, unmet, with_bug
from drillbook.backends.compose.parts import ComposeCache, ComposeDatabase, ComposePlatform, ComposeProvider
from drillbook.backends.compose.project import Project
from drillbook.errors import NotApplicable
from drillbook.protocols import Limits, Scenario, Setup, Variant

_ABSENT = frozenset(
    {
        "bad variable",
        "shop variables",
        "shop releases",
        "shop traffic",
        "shop floods",
        *(with_bug(bug) for bug in BUGS),
    }
)
"""What takes a platform that deploys, or traffic that is generated."""

APP = dataclasses.replace(SHOP, offers=tuple(need for need in NEEDS if need not in _ABSENT))
"""The shop as the compose stack has it."""

# What Redis keeps is decided when it starts.
_FROM_THE_START = ("appendonly", "save")


class ComposeStack:
    """The stack of a compose project; see `protocols.Stack`.

    Args:
        project: the project.
        wait: see `ComposeDatabase`.
    """

    def __init__(self, project: Project, *, wait: bool = False) -> None:
        self.app = APP
        self.project = project
        self.database = ComposeDatabase(project.service("postgres"), wait=wait)
        self.cache = ComposeCache(project.service("redis"))
        self.provider = ComposeProvider(project.service("provider"))
        others = (self.database.service, self.cache.service, self.provider.service)
        self.platform = ComposePlatform(project.service("app"), others)

    @property
    def url(self) -> str:
        """Where customers reach the app."""
        return self.platform.url

    async def lacks(self, setup: Setup) -> str | None:
        """What of `setup` the running stack is without, and how it would get it; None for nothing.

        Raises:
            StackError, psycopg.Error: a part does not answer.
        """
        return (
            self._lacks_of_the_app(setup)
            or await self._lacks_of_the_database(setup.database)
            or await self._lacks_of_the_cache(setup.cache)
        )

    def _lacks_of_the_app(self, setup: Setup) -> str | None:
        there = self.platform.variables()
        wanted = {name: value for name, value in setup.variables.items() if there.get(name) != value}
        if setup.releases and there.get("RELEASE") != setup.releases[-1]:
            wanted["DRILLBOOK_RELEASE"] = setup.releases[-1]
        if wanted:
            given = " ".join(f"{name}={value}" for name, value in wanted.items())
            return f"the app with {given}: {given} {self.project.command} up -d --wait app"
        return "a limit of the app's memory" if setup.limits != Limits() else None

    async def _lacks_of_the_database(self, settings: Mapping[str, str]) -> str | None:
        for name, value in settings.items():
            if await self.database.setting(name) != value:
                return f"a database with {name}={value}"
        return None

    async def _lacks_of_the_cache(self, settings: Mapping[str, str]) -> str | None:
        there = await self._cache_settings(name for name in settings if name in _FROM_THE_START)
        for name, value in there.items():
            if value != settings[name]:
                return f"a Redis that was started with {name} {settings[name]!r}"
        return None

    @asynccontextmanager
    async def arranged(self, setup: Setup) -> AsyncIterator[dict[str, str]]:
        """Give Redis the settings of `setup` for as long as the block lasts; they are what is given."""
        settings = {n: value for n, value in setup.cache.items() if n not in _FROM_THE_START}
        before = await self._cache_settings(settings)
        await self._set_cache(settings)
        try:
            yield settings
        finally:
            await self._set_cache(before)

    async def _cache_settings(self, names: Iterable[str]) -> dict[str, str]:
        wanted = list(names)
        if not wanted:
            return {}
        redis = self.cache.client()
        try:
            return {name: str((await redis.config_get(name)).get(name, "")) for name in wanted}
        finally:
            await redis.aclose()

    async def _set_cache(self, settings: Mapping[str, str]) -> None:
        if not settings:
            return
        redis = self.cache.client()
        try:
            for name, value in settings.items():
                await redis.config_set(name, value)
        finally:
            await redis.aclose()


def absent(scenario: Scenario, variant: Variant) -> tuple[str, ...]:
    """What the variant needs and no compose stack has, in words of `app.NEEDS`."""
    return unmet((*scenario.needs, *variant.needs), APP)


async def check(stack: ComposeStack, scenario: Scenario, variant: Variant) -> None:
    """Return if the variant can happen on `stack` as it is now.

    Raises:
        NotApplicable: it can't; the message names what it needs.
    """
    missing = absent(scenario, variant)
    if missing:
        meanings = "; ".join(f"{NEEDS[need]} (needs: {need})" for need in missing)
        raise NotApplicable(f"the compose stack lacks what {scenario.name}/{variant.name} needs: {meanings}")
    lacking = await stack.lacks(variant.setup)
    if lacking is not None:
        raise NotApplicable(f"{scenario.name}/{variant.name} needs {lacking}")
