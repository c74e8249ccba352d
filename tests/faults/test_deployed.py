"""The faults that come with a deployment, or hang what it runs, on a real platform with real processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.platforms.world import World, until

from drillbook.errors import FaultNotTaken
from drillbook.faults.bad_release import BadRelease
from drillbook.faults.bad_variable import BadVariable
from drillbook.faults.hung_process import HungProcess
from drillbook.platforms.local import LocalPlatform
from drillbook.protocols import Cache, Database, Provider, Stack


@dataclass
class PlatformOnly:
    """A stack that has a platform and nothing else; `left` is what a release leaves behind."""

    platform: LocalPlatform
    url: str = ""
    left: list[str] = field(default_factory=list)

    @property
    def database(self) -> Database:
        raise AssertionError("these faults need no database")

    @property
    def cache(self) -> Cache:
        raise AssertionError("these faults need no cache")

    @property
    def provider(self) -> Provider:
        raise AssertionError("these faults need no provider")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def given_up(stack: Stack) -> str | None:
    return "given up" if stack.platform.current().status == "CRASHED" else None


async def serves(world: World) -> bool:
    return await world.get("/") == 200


def with_fault(world: World, check: Callable[[PlatformOnly], Awaitable[None]]) -> None:
    """Carry out `check` on a platform that serves v2 without a health check."""

    async def drill() -> None:
        async with world.started(health_checked=False, restart_limit=1) as platform:
            await check(PlatformOnly(platform))

    asyncio.run(drill())


def test_a_bad_release_takes_and_is_cured_by_a_rollback(world: World) -> None:
    async def check(stack: PlatformOnly) -> None:
        fault = BadRelease("bad", "broken", shows=given_up)
        assert await fault.cause(stack) is None
        with pytest.raises(FaultNotTaken):
            await fault.confirm(stack)
        await fault.inject(stack)
        assert await fault.confirm(stack) == "broken serves: given up"
        assert not await serves(world)
        assert await fault.cause(stack) == "broken still serves: given up"
        await stack.platform.rollback()
        assert await fault.cause(stack) is None
        await until(lambda: serves(world), "the release before serves")
        deployments = len(stack.platform.deployments())
        await fault.heal(stack)
        assert len(stack.platform.deployments()) == deployments, "there was nothing left to heal"

    with_fault(world, check)


def test_of_two_bad_releases_the_first_is_no_cure(world: World) -> None:
    async def check(stack: PlatformOnly) -> None:
        fault = BadRelease("two", "broken", shows=given_up, before=("crash-loop",))
        await fault.inject(stack)
        released = [each.release for each in stack.platform.deployments()][:3]
        assert released == ["broken", "crash-loop", "v2"]
        assert (await stack.platform.rollback()).release == "crash-loop"
        assert await fault.cause(stack) == "crash-loop still serves"
        await stack.platform.rollback(stack.platform.deployments()[3].id)
        assert stack.platform.current().release == "v2"
        assert await fault.cause(stack) is None

    with_fault(world, check)


def test_what_a_release_leaves_behind_is_a_cause_until_it_is_mended(world: World) -> None:
    async def left(stack: Stack) -> str | None:
        assert isinstance(stack, PlatformOnly)
        return "a mess" if stack.left else None

    async def mend(stack: Stack) -> None:
        assert isinstance(stack, PlatformOnly)
        stack.left.clear()

    async def check(stack: PlatformOnly) -> None:
        fault = BadRelease("messy", "broken", shows=given_up, leaves=left, mend=mend)
        await fault.inject(stack)
        stack.left.append("a mess")
        await stack.platform.rollback()
        assert await fault.cause(stack) == "a mess"
        await fault.heal(stack)
        assert await fault.cause(stack) is None
        await until(lambda: serves(world), "what the rollback brought serves on")

    with_fault(world, check)


def test_a_bad_release_is_healed_by_what_served_before(world: World) -> None:
    async def check(stack: PlatformOnly) -> None:
        fault = BadRelease("bad", "broken", shows=given_up)
        await fault.heal(stack)
        assert stack.platform.current().release == "v2", "nothing was injected yet"
        await fault.inject(stack)
        await fault.heal(stack)
        assert stack.platform.current().release == "v2"
        assert await fault.cause(stack) is None

    with_fault(world, check)


async def shown(stack: Stack) -> str | None:
    return "red" if stack.platform.current().variables["COLOUR"] == "red" else None


@pytest.mark.parametrize("cure", ["set", "rollback", "delete", "heal"])
def test_a_bad_variable_takes_and_every_right_cure_removes_its_cause(world: World, cure: str) -> None:
    async def check(stack: PlatformOnly) -> None:
        fault = BadVariable("red", "COLOUR", "red", shows=shown)
        with pytest.raises(FaultNotTaken):
            await fault.confirm(stack)
        await fault.inject(stack)
        assert await fault.confirm(stack) == "the deployment that serves has COLOUR=red: red"
        cures: dict[str, Callable[[], Awaitable[object]]] = {
            "set": lambda: stack.platform.set_variables({"COLOUR": "blue"}),
            "rollback": stack.platform.rollback,
            "delete": lambda: stack.platform.delete_variable("COLOUR"),
            "heal": lambda: fault.heal(stack),
        }
        await cures[cure]()
        assert await fault.cause(stack) is None
        await fault.heal(stack)
        assert await fault.cause(stack) is None

    with_fault(world, check)


def test_a_variable_that_only_the_next_deployment_gets_right_or_wrong_is_not_cured(world: World) -> None:
    async def check(stack: PlatformOnly) -> None:
        fault = BadVariable("red", "COLOUR", "red", shows=shown)
        await fault.inject(stack)
        await stack.platform.set_variables({"COLOUR": "blue"}, redeploy=False)
        assert await fault.cause(stack) == "the deployment that serves has COLOUR=red"
        await stack.platform.redeploy()
        assert await fault.cause(stack) is None
        await stack.platform.set_variables({"COLOUR": "red"}, redeploy=False)
        assert await fault.cause(stack) == "the next deployment has COLOUR=red"

    with_fault(world, check)


@pytest.mark.parametrize("cure", ["restart", "rollback", "redeploy", "heal"])
def test_a_hung_process_takes_and_is_cured_by_whatever_replaces_or_wakes_it(world: World, cure: str) -> None:
    async def check(stack: PlatformOnly) -> None:
        fault = HungProcess()
        with pytest.raises(FaultNotTaken):
            await fault.confirm(stack)
        await fault.inject(stack)
        pid = stack.platform.replicas()[0].pid
        assert await fault.confirm(stack) == f"the process {pid} of v2 is stopped"
        assert stack.platform.current().status == "SUCCESS"
        cures: dict[str, Callable[[], Awaitable[object]]] = {
            "restart": stack.platform.restart,
            "rollback": stack.platform.rollback,
            "redeploy": stack.platform.redeploy,
            "heal": lambda: fault.heal(stack),
        }
        await cures[cure]()

        async def gone() -> bool:
            return await fault.cause(stack) is None

        await until(gone, "nothing that serves is stopped")
        await until(lambda: serves(world), "the service serves")

    with_fault(world, check)
