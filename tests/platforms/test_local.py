"""The local platform, with real processes behind a real edge."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import textwrap
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from tests.platforms.world import World, until

from drillbook.errors import InputError, StackError
from drillbook.platforms.local import LocalPlatform


def statuses(platform: LocalPlatform) -> list[tuple[str, str]]:
    return [(deployment.release, deployment.status) for deployment in platform.deployments()]


def descendants() -> list[psutil.Process]:
    """What this platform started: servers that other tests keep for the whole session do not count."""
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if each.status() != psutil.STATUS_ZOMBIE and each.name() not in ("postgres", "redis-server")
    ]


def test_the_last_release_serves_and_the_earlier_ones_are_history(world: World) -> None:
    async def drill() -> None:
        async with world.started("v1", "v2", "v3") as platform:
            assert (await world.seen())["release"] == "v3"
            assert statuses(platform) == [("v3", "SUCCESS"), ("v2", "REMOVED"), ("v1", "REMOVED")]
            created = [deployment.created for deployment in platform.deployments()]
            assert created == sorted(created, reverse=True)
            assert platform.current().variables == {"COLOUR": "green"}

    asyncio.run(drill())


def test_a_deployment_replaces_the_one_before(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            deployment = await platform.deploy("v3", variables={"COLOUR": "red"})
            seen = await world.seen()
            assert (seen["release"], seen["environment"]["COLOUR"]) == ("v3", "red")
            assert deployment == platform.current()
            assert statuses(platform) == [("v3", "SUCCESS"), ("v2", "REMOVED"), ("v1", "REMOVED")]
            assert len(descendants()) == 2, "the edge and one replica"

    asyncio.run(drill())
    assert [change for change, _ in world.changes()] == ["deployed", "deployed", "removed", "removed"]


@pytest.mark.parametrize(
    ("release", "reason"), [("broken", "ended with code 3"), ("unhealthy", "/health answered 500")]
)
def test_a_deployment_that_fails_its_health_check_leaves_the_old_one_serving(
    world: World, release: str, reason: str
) -> None:
    async def drill() -> None:
        async with world.started(boot_deadline_s=0.8) as platform:
            deployment = await platform.deploy(release)
            assert deployment.status == "FAILED"
            assert platform.current().release == "v2"
            assert (await world.seen())["release"] == "v2"
            assert len(descendants()) == 2, "nothing is left of the failed deployment"

    asyncio.run(drill())
    assert ("deploy-failed", True) in [(change, reason in detail) for change, detail in world.changes()]


def test_a_deployment_past_its_deadline_is_an_error(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            with pytest.raises(StackError, match=r"did not serve within 0\.5 s"):
                await platform.deploy("unhealthy", deadline_s=0.5)
            assert statuses(platform)[0] == ("unhealthy", "FAILED")
            assert (await world.seen())["release"] == "v2"

    asyncio.run(drill())


def test_a_program_that_is_not_there_is_a_failed_deployment(world: World) -> None:
    async def drill() -> None:
        platform = world.make("v1")
        platform.service = type(platform.service)("app", ("/no/such/program",), world.cwd)
        with pytest.raises(StackError, match=r"v1 did not come up: /no/such/program can't be started"):
            await platform.start()
        assert descendants() == []

    asyncio.run(drill())


def test_a_rollback_brings_back_release_and_variables(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            await platform.deploy("v3", variables={"COLOUR": "red", "NEW": "1"})
            deployment = await platform.rollback()
            seen = await world.seen()
            assert (seen["release"], seen["environment"]["COLOUR"]) == ("v2", "green")
            assert "NEW" not in seen["environment"]
            assert platform.variables() == dict(deployment.variables) == {"COLOUR": "green"}
            assert statuses(platform)[:2] == [("v2", "SUCCESS"), ("v3", "REMOVED")]

    asyncio.run(drill())
    assert "rolled-back" in [change for change, _ in world.changes()]


def test_a_rollback_passes_over_deployments_that_never_served(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            await platform.deploy("broken")
            assert (await platform.rollback()).release == "v1"

    asyncio.run(drill())


def test_a_rollback_goes_to_the_deployment_asked_for(world: World) -> None:
    async def drill() -> None:
        async with world.started("v1", "v2", "v3") as platform:
            oldest = platform.deployments()[-1]
            assert (await platform.rollback(oldest.id)).release == "v1"
            with pytest.raises(StackError, match="there is no deployment 'nonsense'"):
                await platform.rollback("nonsense")

    asyncio.run(drill())


def test_a_rollback_that_fails_keeps_variables_and_deployment(world: World) -> None:
    async def drill() -> None:
        async with world.started("broken", "v2") as platform:
            await platform.set_variables({"COLOUR": "red"})
            broken = platform.deployments()[-1]
            assert (await platform.rollback(broken.id)).status == "FAILED"
            assert platform.variables() == {"COLOUR": "red"}
            assert (await world.seen())["environment"]["COLOUR"] == "red"

    asyncio.run(drill())


def test_without_an_earlier_deployment_there_is_nothing_to_roll_back_to(world: World) -> None:
    async def drill() -> None:
        async with world.started("v1") as platform:
            with pytest.raises(StackError, match="no earlier deployment"):
                await platform.rollback()

    asyncio.run(drill())


def test_variables_reach_the_replicas_and_their_values_stay_out_of_the_journal(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            await platform.set_variables({"TOKEN": "hush-hush"})
            assert (await world.seen())["environment"]["TOKEN"] == "hush-hush"
            await platform.delete_variable("TOKEN")
            assert "TOKEN" not in (await world.seen())["environment"]
            before = platform.current()
            await platform.set_variables({"LATER": "1"}, redeploy=False)
            assert platform.current() == before
            assert platform.variables()["LATER"] == "1"

    asyncio.run(drill())
    assert "hush-hush" not in world.journal_path.read_text("utf-8")
    assert ("variables-set", "set TOKEN") in world.changes()


def test_a_replica_has_nothing_of_the_workers_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKERS_SECRET", "1")

    async def drill() -> None:
        async with world.started():
            names = set((await world.seen())["environment"]) - {"LC_CTYPE"}  # the interpreter's own
            assert names == {"PATH", "HOME", "PORT", "COLOUR"}

    asyncio.run(drill())


def test_a_crashed_replica_is_restarted(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            before = (await world.seen())["pid"]
            assert await world.get("/crash") == 502

            async def back() -> bool:
                return await world.get("/") == 200

            await until(back, "the replica serves again")
            assert (await world.seen())["pid"] != before
            assert platform.replicas()[0].restarts == 1
            assert platform.current().status == "SUCCESS"

    asyncio.run(drill())
    assert [change for change, _ in world.changes()][1:3] == ["crashed", "restarted"]


def test_a_crash_loop_ends_in_a_crashed_deployment_that_a_rollback_cures(world: World) -> None:
    async def drill() -> None:
        async with world.started("v1", "crash-loop", restart_limit=2) as platform:
            await world.get("/crash")
            await until(lambda: platform.current().status == "CRASHED", "the deployment is given up")
            assert platform.replicas()[0].crashed
            assert platform.replicas()[0].restarts == 2
            assert await world.get("/") == 502
            assert (await platform.rollback()).release == "v1"
            assert await world.get("/") == 200
            assert statuses(platform)[1] == ("crash-loop", "CRASHED")

    asyncio.run(drill())


def test_a_replica_that_ends_with_code_0_is_not_restarted(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            await world.get("/leave")
            await until(lambda: platform.replicas()[0].pid is None, "the replica is gone")
            assert platform.current().status == "SUCCESS"
            assert await world.get("/") == 502

    asyncio.run(drill())
    assert "crashed" not in [change for change, _ in world.changes()]


def test_a_crashed_deployment_can_be_restarted(world: World) -> None:
    async def drill() -> None:
        async with world.started("crash-loop", restart_limit=1) as platform:
            await world.get("/crash")
            await until(lambda: platform.current().status == "CRASHED", "the deployment is given up")
            with pytest.raises(StackError, match="the restarted replica failed"):
                await platform.restart()
            assert platform.current().status == "CRASHED"
            (world.cwd / "crashed").unlink()
            assert (await platform.restart()).status == "SUCCESS"
            assert await world.get("/") == 200

    asyncio.run(drill())


def test_no_request_fails_while_releases_are_switched_and_replicas_scaled(world: World) -> None:
    async def drill() -> None:
        async with world.started(replicas=2) as platform, world.client() as client:
            answered: list[tuple[int, str]] = []
            over = asyncio.Event()

            async def ask() -> None:
                while not over.is_set():
                    answer = await client.get("/")
                    answered.append((answer.status_code, str(answer.json()["release"])))

            async with asyncio.TaskGroup() as customers:
                for _ in range(4):
                    customers.create_task(ask())
                await platform.deploy("v3")
                await platform.scale(3)
                await platform.rollback()
                await platform.scale(1)
                over.set()
            assert {status for status, _ in answered} == {200}
            assert {release for _, release in answered} == {"v2", "v3"}
            assert len(answered) > 50

    asyncio.run(drill())


def test_without_a_health_check_a_crash_at_boot_takes_the_service_down(world: World) -> None:
    async def drill() -> None:
        async with world.started(health_checked=False, restart_limit=2) as platform:
            assert (await platform.deploy("broken")).status == "SUCCESS", "its process ran, for a moment"
            await until(lambda: platform.current().status == "CRASHED", "the deployment is given up")
            assert await world.get("/") == 502
            assert platform.replicas()[0].restarts == 2
            assert "status: ● Crashed\n" in (await world.railway("status")).stdout
            assert "boom" in (await world.railway("logs", "-n", "100")).stdout
            assert (await platform.rollback()).release == "v2"

            async def back() -> bool:
                return await world.get("/") == 200

            await until(back, "the release before serves")
            assert statuses(platform)[:3] == [("v2", "SUCCESS"), ("broken", "CRASHED"), ("v2", "REMOVED")]

    asyncio.run(drill())


def test_without_a_health_check_a_deployment_serves_whatever_its_health(world: World) -> None:
    async def drill() -> None:
        async with world.started(health_checked=False) as platform:
            assert (await platform.deploy("unhealthy")).status == "SUCCESS"

            async def served() -> bool:
                return await world.get("/health") == 500

            await until(served, "the unhealthy release answers")
            assert len(descendants()) == 2, "the edge and one replica"

    asyncio.run(drill())


def test_without_a_health_check_the_first_deployment_has_to_serve_all_the_same(world: World) -> None:
    async def drill() -> None:
        platform = world.make("broken", health_checked=False, restart_limit=0)
        with pytest.raises(StackError, match="does not serve through the edge"):
            await platform.start()
        assert descendants() == []

    asyncio.run(drill())


def test_what_served_before_the_drill_is_hours_old_and_what_is_deployed_in_it_is_new(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            await platform.deploy("v3")
            ages = [
                datetime.now(UTC) - datetime.fromisoformat(deployment.created)
                for deployment in platform.deployments()
            ]
            assert ages[0] < timedelta(minutes=5)
            assert timedelta(hours=1) < ages[1] < timedelta(hours=24) < ages[2]

    asyncio.run(drill())


def paused_are(platform: LocalPlatform, *pids: int | None) -> Callable[[], Awaitable[bool]]:
    async def paused() -> bool:
        return await platform.paused() == pids

    return paused


def test_a_paused_service_hangs_while_the_platform_calls_it_online(world: World) -> None:
    async def drill() -> None:
        async with world.started(replicas=2) as platform, world.client() as client:
            assert await platform.paused() == ()
            await platform.pause()
            pids = tuple(replica.pid for replica in platform.replicas())
            await until(paused_are(platform, *pids), "both are stopped")
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/", timeout=0.3)
            assert "status: ● Online\n" in (await world.railway("status")).stdout
            await platform.resume()
            await until(paused_are(platform), "both go on")
            assert (await client.get("/")).status_code == 200

    asyncio.run(drill())


def test_a_paused_process_is_replaced_by_a_restart_and_by_a_rollback(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            for cure in (platform.restart, platform.rollback):
                await platform.pause()
                await until(paused_are(platform, platform.replicas()[0].pid), "it is stopped")
                await cure()
                assert await platform.paused() == ()
                assert await world.get("/") == 200
                assert len(descendants()) == 2, "the edge and one replica"

    asyncio.run(drill())


def test_scaling_starts_and_ends_replicas(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            await platform.scale(3)
            assert len({(await world.seen())["pid"] for _ in range(9)}) == 3
            await platform.redeploy()
            assert len(platform.replicas()) == 3
            await platform.scale(0)
            assert await world.get("/") == 502
            assert len(descendants()) == 1, "only the edge is left"
            with pytest.raises(InputError, match="51 replicas can't be run"):
                await platform.scale(51)

    asyncio.run(drill())


def test_the_log_keeps_what_replicas_write_with_its_time(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            await world.get("/found")
            ((line),) = platform.logs(platform.current().id, 1)
            assert line.text == "GET /found"
            assert line.at.endswith("Z")
            return

    asyncio.run(drill())
    (path,) = (world.directory / "logs").glob("app-*.log")
    assert path.read_text("utf-8").splitlines()[0].endswith("Z v2 starts")


@pytest.mark.parametrize("release", ["with-child", "stubborn"])
def test_nothing_is_left_running_after_stop(world: World, release: str) -> None:
    async def drill() -> None:
        async with world.started(release) as platform:
            pids = [each.pid for each in descendants()]
            await platform.stop()
            await platform.stop()
            assert descendants() == []
            if release == "with-child":
                pids.append(int((world.cwd / "child.pid").read_text()))
            for pid in pids:
                assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    asyncio.run(drill())
    assert not (world.directory / "railway.sock").exists()


def test_a_replica_that_is_stopped_by_a_signal_counts_as_running_and_can_be_ended(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            pid = platform.replicas()[0].pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            assert platform.replicas()[0].serving
            await platform.stop()
            assert descendants() == []

    asyncio.run(drill())


def test_a_taken_port_is_one_clear_error(world: World) -> None:
    async def drill() -> None:
        platform = world.make("v1")
        taken = pytest.raises(StackError, match=r"can't listen on 127\.0\.0\.1:\d+: .*in use")
        with socket.create_server(("127.0.0.1", world.port)), taken:
            await platform.start()
        assert descendants() == []

    asyncio.run(drill())


def test_an_edge_that_dies_is_told_of_at_the_next_call(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            (edge,) = [each for each in descendants() if "drillbook.platforms.edge" in each.cmdline()]
            edge.kill()

            def told() -> bool:
                try:
                    platform.check()
                except StackError as error:
                    return "the edge has ended" in str(error)
                return False

            await until(told, "the platform tells of it")
            with pytest.raises(StackError, match="the edge has ended"):
                await platform.deploy("v3")

    asyncio.run(drill())


def test_the_edge_ends_with_its_worker_even_when_that_is_killed(world: World) -> None:
    world.make("v1")  # for its directory and port
    script = textwrap.dedent(f"""
        import asyncio, pathlib
        from tests.platforms.world import World
        async def main():
            async with World(pathlib.Path({str(world.directory)!r})).started("v1"):
                print("up", flush=True)
                await asyncio.Event().wait()
        asyncio.run(main())
    """)
    world.journal_path.unlink()

    async def drill() -> None:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
        )
        assert worker.stdout is not None
        assert await asyncio.wait_for(worker.stdout.readline(), 20) == b"up\n"
        parts = psutil.Process(worker.pid).children(recursive=True)
        worker.kill()
        await worker.wait()
        (edge,) = [each for each in parts if "drillbook.platforms.edge" in each.cmdline()]
        try:
            await until(lambda: not edge.is_running(), "the edge has ended")
        finally:
            for part in parts:
                if part.is_running():
                    part.kill()

    asyncio.run(drill())


def test_a_platform_without_a_release_or_with_an_unknown_surface_is_refused(world: World) -> None:
    with pytest.raises(InputError, match="needs a release"):
        world.make()
    world.journal_path.unlink()
    with pytest.raises(InputError, match="no platform surface 'railway-1'"):
        world.make("v1", surface="railway-1")
