"""The limits of replicas on the whole platform, and the calls of its CLI that show and change them."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.platforms.world import World, until

from drillbook.platforms.environment_edit import edited
from drillbook.platforms.local import LocalPlatform
from drillbook.protocols import Limits

pytestmark = pytest.mark.whole

REAL = "railway-5.43.1"
MEMORY = "deploy.limitOverride.containers.memoryBytes"
CPU = "deploy.limitOverride.containers.cpu"


def edit(path: str, value: str, service: str = "app") -> tuple[str, ...]:
    return ("environment", "edit", "--service-config", service, path, value)


async def until_killed(world: World, platform: LocalPlatform) -> None:
    pid = platform.replicas()[0].pid
    await world.get("/eat")  # whose answer may come before the kill or not at all

    def anew() -> bool:
        replica = platform.replicas()[0]
        return replica.serving and replica.pid != pid

    await until(anew, "the replica is killed for its memory and started again")
    assert platform.use()[0].kills == 1


def test_a_replica_beyond_its_memory_is_killed_started_again_and_told_of(world: World) -> None:
    async def drill() -> None:
        async with world.started(limits=Limits(memory_mb=80)) as platform:
            await until_killed(world, platform)
            assert (await world.seen())["release"] == "v2"
            assert platform.use()[0].killed is not None
            status = await world.railway("status")
            assert "replicas: 1/1 (restarts: 1, killed for memory: 1)\n" in status.stdout
            logs = await world.railway("logs", "-n", "20")
            assert "Replica 1 was killed: out of memory, " in logs.stdout

    asyncio.run(drill())
    told = dict(world.changes())
    assert told["crashed"].startswith("replica 1 of v2 was killed: out of memory, ")
    assert told["restarted"] == "replica 1 of v2: restart 1 of at most 10"


def test_more_memory_by_the_cli_keeps_the_replica_alive(world: World) -> None:
    async def drill() -> None:
        async with world.started(limits=Limits(memory_mb=80)) as platform:
            ran = await world.railway(*edit(MEMORY, "250000000"))
            assert (ran.code, ran.stdout) == (0, "Configuration committed for production\n")
            assert platform.limits() == Limits(memory_mb=250)
            assert await world.get("/eat") == 200
            await until(lambda: platform.use()[0].memory_mb > 100, "the memory is measured")
            shown = (await world.railway("metrics", "--memory")).stdout
            assert "250.0 MB" in shown
            assert "vCPU" not in shown, "only the memory was asked for"
            assert platform.use()[0].kills == 0
            assert [each.status for each in platform.deployments()] == ["SUCCESS", "REMOVED", "REMOVED"]

    asyncio.run(drill())
    assert ("limits-set", "memory 250 MB, processors unlimited") in world.changes()
    assert [rule for rule, _ in world.findings] == ["documented-surface-only"]


def test_a_limit_that_the_boot_alone_exceeds_leaves_the_old_deployment(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            ran = await world.railway(*edit(MEMORY, "5000000"))
            assert ran.code == 1
            assert "did not become healthy" in ran.stderr
            assert platform.deployments()[0].status == "FAILED"

    asyncio.run(drill())
    assert "out of memory" in dict(world.changes())["deploy-failed"]


def test_other_limits_can_count_at_once_without_a_deployment(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            before = await platform.set_limits(Limits(cpu=0.5), redeploy=False)
            assert before == platform.current()
            await platform.set_limits(Limits(memory_mb=80), redeploy=False)
            await until_killed(world, platform)

    asyncio.run(drill())


def test_the_real_cli_outside_a_terminal_passes_over_the_limit(world: World) -> None:
    async def drill() -> None:
        async with world.started(surface=REAL, limits=Limits(memory_mb=80)) as platform:
            ran = await world.railway(*edit(MEMORY, "250000000"))
            assert (ran.code, ran.stdout, ran.stderr) == (0, "", "")
            assert platform.limits() == Limits(memory_mb=80)
            assert "80.0 MB" in (await world.railway("metrics", "--memory")).stdout

    asyncio.run(drill())


def test_metrics_show_what_is_used_and_its_limit(world: World) -> None:
    async def drill() -> None:
        async with world.started(replicas=2, limits=Limits(memory_mb=80, cpu=0.5)) as platform:
            await until(lambda: all(each.memory_mb > 1 for each in platform.use()), "it is measured")
            both = (await world.railway("metrics")).stdout
            assert "Metrics for app in production" in both
            assert "1.00 vCPU" in both
            assert "160.0 MB" in both
            told = json.loads((await world.railway("metrics", "--json", "--memory")).stdout)
            assert told["memory"]["limit"] == pytest.approx(0.16)
            assert 0 < told["memory"]["current"] <= told["memory"]["max"] < 0.16
            assert "cpu" not in told
            assert (await world.railway("metrics", "--http")).code == 1

    asyncio.run(drill())


def test_an_edit_names_service_path_and_value() -> None:
    limits = edited(["--service-config", "app", CPU, "2", "-s", "App", MEMORY, "512e6"], ["app"], Limits())
    assert limits == Limits(memory_mb=512, cpu=2)
    assert edited(["-m", "more room", "--json"], ["app"], limits) == limits


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (edit(MEMORY, "much")[2:], "expected a number, got 'much'"),
        (edit(MEMORY, "-1")[2:], "expected a number, got '-1'"),
        (edit(MEMORY, "1", service="web")[2:], "Service 'web' not found in environment"),
        (edit("deploy.startCommand", "1")[2:], "'deploy.startCommand' is not part of a drill"),
        (("--service-config", "app", MEMORY), "3 values required"),
        (("--stage",), "'--stage' is not part of a drill"),
    ],
)
def test_an_edit_that_a_drill_does_not_have_changes_nothing_and_says_so(
    world: World, words: tuple[str, ...], reason: str
) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            ran = await world.railway("environment", "edit", *words)
            assert (ran.code, ran.stdout) == (1, "")
            assert reason in ran.stderr
            assert platform.limits() == Limits()

    asyncio.run(drill())
