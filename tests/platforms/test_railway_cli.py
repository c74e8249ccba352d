"""The `railway` stand-in as an operator calls it, on both surfaces."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import stat
import sys
import time
from pathlib import Path

import pytest
from tests.platforms.world import Ran, World, until

REAL = "railway-5.43.1"
RULE = "documented-surface-only"


def test_status_tells_of_the_service_in_words(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            online = await world.railway("status")
            assert (online.code, online.stderr) == (0, "")
            assert "status: ● Online\n" in online.stdout
            assert platform.current().id in online.stdout
            await platform.deploy("broken")
            assert "status: ● Online · Deploy failed\n" in (await world.railway("status")).stdout
            await platform.scale(0)
            assert "status: ○ Offline\n" in (await world.railway("status")).stdout

    asyncio.run(drill())


def test_status_exits_0_when_the_service_is_crashed(world: World) -> None:
    async def drill() -> None:
        async with world.started("crash-loop", restart_limit=0) as platform:
            await world.get("/crash")
            await until(lambda: platform.current().status == "CRASHED", "the deployment is given up")
            ran = await world.railway("status")
            assert (ran.code, "status: ● Crashed\n" in ran.stdout) == (0, True)

    asyncio.run(drill())


def test_status_counts_crashed_replicas_and_misses_a_hung_one(world: World) -> None:
    async def drill() -> None:
        async with world.started("v1", replicas=2, restart_limit=0) as platform:
            pid = platform.replicas()[1].pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            assert "status: ● Online\n" in (await world.railway("status")).stdout
            os.kill(pid, signal.SIGKILL)
            await until(lambda: platform.replicas()[1].crashed, "the replica is given up")
            assert "status: ● Online (1/2 replicas crashed)\n" in (await world.railway("status")).stdout

    asyncio.run(drill())


def test_status_as_json_is_the_project_with_its_deployments(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            ran = await world.railway("status", "--json")
            (environment,) = json.loads(ran.stdout)["environments"]["edges"]
            (service,) = environment["node"]["serviceInstances"]["edges"]
            assert service["node"]["latestDeployment"]["id"] == platform.current().id
            assert service["node"]["numReplicas"] == 1

    asyncio.run(drill())


def test_logs_are_the_bare_messages_of_the_newest_success(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            await world.get("/one")
            await world.get("/two")
            for option in (["-n", "1"], ["-n1"], ["--lines", "1"], ["--tail=1"]):
                assert await world.railway("logs", *option) == Ran(0, "GET /two\n", "")
            assert (await world.railway("logs", "--filter", "one")).stdout == "GET /one\n"
            assert (await world.railway("logs", "-n", "0")).stdout == ""
            failed = await platform.deploy("broken")
            assert (await world.railway("logs", "-n", "1")).stdout == "GET /two\n"
            assert (await world.railway("logs", "--latest")).stdout == "broken starts\nboom\n"
            assert (await world.railway("logs", failed.id)).stdout == "broken starts\nboom\n"
            unknown = await world.railway("logs", "nonsense")
            assert (unknown.code, unknown.stdout) == (1, "")
            assert "there is no deployment 'nonsense'" in unknown.stderr

    asyncio.run(drill())


def test_a_json_line_of_a_log_is_shown_with_its_level_and_fields(world: World) -> None:
    async def drill() -> None:
        async with world.started("json-log"):
            assert (await world.railway("logs", "-n", "1")).stdout == "T [ERRO] it failed order=7\n"
            shown = json.loads((await world.railway("logs", "-n", "1", "--json")).stdout)
            assert (shown["message"], shown["level"]) == ("it failed", "error")

    asyncio.run(drill())


def test_a_list_of_deployments_has_ids_statuses_and_times(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            ran = await world.railway("deployment", "list")
            title, newest, oldest = ran.stdout.splitlines()
            assert title == "Recent Deployments"
            form = r"  [0-9a-f-]{36} \| (SUCCESS|REMOVED) \| \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
            assert re.fullmatch(form, newest)
            assert re.fullmatch(form, oldest)
            assert platform.current().id in newest
            rows = json.loads((await world.railway("deployment", "list", "--json", "--limit", "1")).stdout)
            assert [row["id"] for row in rows] == [platform.current().id]
            assert set(rows[0]) == {"id", "status", "createdAt", "meta"}
            assert world.findings == []

    asyncio.run(drill())


def test_what_only_the_documented_surface_has_works_and_is_told_of(world: World) -> None:
    calls = (("deployments",), ("rollback",), ("scale", "2"), ("scale", "web=1"), ("restart",), ("redeploy",))

    async def drill() -> None:
        async with world.started():
            for call in calls:
                ran = await world.railway(*call)
                assert (ran.code, ran.stderr) == (0, ""), call
            assert (await world.seen())["release"] == "v1"

    asyncio.run(drill())
    assert [rule for rule, _ in world.findings] == [RULE] * len(calls)
    assert [message.split("`")[1] for _, message in world.findings] == [
        f"railway {' '.join(c)}" for c in calls
    ]
    assert "unrecognized subcommand 'rollback', exit code 2" in world.findings[1][1]


def test_the_real_surface_refuses_what_only_runbooks_suppose(world: World) -> None:
    calls = (
        (("rollback",), 2, "error: unrecognized subcommand 'rollback'\n"),
        (("deployments",), 2, "Usage: railway deployment [OPTIONS] <COMMAND>"),
        (("scale", "2"), 1, "'2' is not of the form REGION=REPLICAS"),
        (("scale", "web=2"), 1, "there is no region 'web'"),
        (("restart",), 1, "Use --yes to skip confirmation."),
        (("redeploy",), 1, "Use --yes to skip confirmation."),
    )

    async def drill() -> None:
        async with world.started(surface=REAL) as platform:
            before = platform.current()
            for call, code, message in calls:
                ran = await world.railway(*call)
                assert (ran.code, ran.stdout) == (code, ""), call
                assert message in ran.stderr
            assert platform.current() == before

    asyncio.run(drill())
    assert world.findings == []


@pytest.mark.parametrize("surface", ["documented", REAL])
def test_what_both_surfaces_have_works_on_both(world: World, surface: str) -> None:
    calls = (
        *(("status",), ("logs", "-n", "5"), ("deployment", "list"), ("deployments", "ls"), ("variables",)),
        *(("restart", "--yes"), ("redeploy", "-y"), ("scale", "us-west=2"), ("run", "true")),
        *(("variable", "set", "A=1"), ("vars", "list", "--kv"), ("var", "delete", "A"), ("--version",)),
        *(("help",), ("--help",), ("logs", "--help"), ("help", "variable", "set")),
    )

    async def drill() -> None:
        async with world.started(surface=surface) as platform:
            for call in calls:
                ran = await world.railway(*call)
                assert (ran.code, ran.stderr) == (0, ""), call
            assert len(platform.replicas()) == 2

    asyncio.run(drill())
    assert world.findings == []


@pytest.mark.parametrize("surface", ["documented", REAL])
def test_a_call_that_does_not_parse_exits_2_with_its_reason(world: World, surface: str) -> None:
    calls = (
        ((), "Usage: railway [OPTIONS] <COMMAND>"),
        (("frobnicate",), "error: unrecognized subcommand 'frobnicate'"),
        (("logs", "--frob"), "error: unexpected argument '--frob' found"),
        (("logs", "a", "b"), "error: unexpected argument 'b' found"),
        (("logs", "-n"), "error: a value is required for '--lines <LINES>' but none was supplied"),
        (("logs", "-n", "many"), "error: invalid value 'many' for '--lines <LINES>'"),
        (("variables", "set"), "error: the following required arguments were not provided:"),
        (("variables", "frob"), "error: unrecognized subcommand 'frob'"),
    )

    async def drill() -> None:
        async with world.started(surface=surface):
            for call, message in calls:
                ran = await world.railway(*call)
                assert (ran.code, ran.stdout) == (2, ""), call
                assert message in ran.stderr

    asyncio.run(drill())


def test_a_run_time_error_exits_1_and_does_nothing(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            before = platform.deployments()
            for call, message in (
                (("status", "--service", "other"), "Service 'other' not found"),
                (("rollback", "nonsense"), "there is no deployment 'nonsense'"),
                (("scale", "us-west=many"), "Invalid replica count"),
                (("scale", "us-west=51"), "51 replicas can't be run"),
                (("variables", "set", "novalue"), "Invalid variable format: 'novalue'"),
                (("up",), "`railway up` is not part of a drill"),
                (("run",), "No command provided"),
            ):
                ran = await world.railway(*call)
                assert (ran.code, ran.stdout) == (1, ""), call
                assert message in ran.stderr
            assert platform.deployments() == before

    asyncio.run(drill())


def test_a_rollback_takes_the_id_of_a_deployment(world: World) -> None:
    async def drill() -> None:
        async with world.started("v1", "v2", "v3") as platform:
            oldest = platform.deployments()[-1]
            ran = await world.railway("rollback", oldest.id, "--service=app", "--force")
            assert (ran.code, "Rolled back to v1 (Change of v1)" in ran.stdout) == (0, True)

    asyncio.run(drill())


def test_a_rollback_to_a_release_that_does_not_come_up_exits_1(world: World) -> None:
    async def drill() -> None:
        async with world.started("broken", "v2"):
            ran = await world.railway("rollback")
            assert (ran.code, "did not become healthy" in ran.stderr) == (1, True)

    asyncio.run(drill())


def test_variables_are_listed_set_and_deleted(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            assert (await world.railway("variables", "--kv")).stdout == "COLOUR=green\n"
            assert json.loads((await world.railway("variables", "--json")).stdout) == {"COLOUR": "green"}
            assert "║ COLOUR │ green" in (await world.railway("vars")).stdout
            assert (await world.railway("variables", "set", "A=1", "B=x=y")).stdout == "Set variables A, B\n"
            assert (await world.seen())["environment"]["B"] == "x=y"
            assert (await world.railway("variables", "--set", "A=2")).code == 0
            assert (await world.railway("variable", "set", "C", "--stdin", stdin="3\n")).code == 0
            assert (await world.railway("variable", "rm", "B")).stdout == "Deleted variable B\n"
            before = platform.current()
            assert (await world.railway("variable", "set", "D=4", "--skip-deploys")).code == 0
            assert platform.current() == before
            assert platform.variables() == {"COLOUR": "green", "A": "2", "C": "3", "D": "4"}

    asyncio.run(drill())


def test_run_gives_its_child_the_variables_and_passes_its_words_verbatim(world: World) -> None:
    code = "import os, sys; print(sys.argv[1:], os.environ.get('COLOUR'), os.environ['PATH'])"
    words = ["-n", "--help", "a b", "$COLOUR", "--", "ü"]

    async def drill() -> None:
        async with world.started(
            environment={"COLOUR": "green", "PATH": "/nowhere", "LD_X": "1", "PAGER": "p"}
        ):
            ran = await world.railway("run", "--service", "app", sys.executable, "-c", code, *words)
            assert ran == Ran(0, f"{words} green /usr/bin:/bin\n", "")
            ran = await world.railway("run", "--", "sh", "-c", "echo $LD_X$PAGER.; cat", stdin="piped")
            assert ran.stdout == ".\npiped"

    asyncio.run(drill())


def test_run_exits_as_the_real_cli_does(world: World) -> None:
    commands = (
        (("sh", "-c", "exit 41"), 41, ""),
        (("sh", "-c", "kill -9 $$"), 0, ""),
        (("no-such-program",), 1, "No such file or directory (os error 2)\n"),
        (("/",), 1, "Permission denied (os error 13)\n"),
    )

    async def drill() -> None:
        async with world.started():
            for command, code, stderr in commands:
                assert await world.railway("run", *command) == Ran(code, "", stderr)

    asyncio.run(drill())


def test_a_child_of_run_gets_the_default_signals(world: World) -> None:
    async def drill() -> None:
        async with world.started():
            ran = await world.railway("run", "grep", "^SigIgn", "/proc/self/status")
            ignored = int(ran.stdout.split()[1], 16)
            for number in (signal.SIGPIPE, signal.SIGINT):
                assert not ignored & 1 << (number - 1), number.name

    asyncio.run(drill())


def test_without_a_platform_the_cli_says_so_and_exits_1(world: World) -> None:
    world.make("v1").install_cli(world.directory / "bin")
    ran = asyncio.run(world.railway("status"))
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Failed to reach the platform: ")


def test_a_change_is_carried_to_its_end_when_its_caller_is_gone(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            before = platform.current()
            _, writer = await asyncio.open_unix_connection(world.directory / "railway.sock")
            writer.write(json.dumps({"argv": ["redeploy", "-y"], "stdin": None}).encode() + b"\n")
            await writer.drain()
            writer.close()
            await until(lambda: platform.current() != before, "the new deployment serves")
            assert await world.get("/") == 200

    asyncio.run(drill())


def test_what_is_no_call_gets_no_answer_and_harms_nothing(world: World) -> None:
    async def drill() -> None:
        async with world.started() as platform:
            for line in (b"nonsense\n", b"{}\n", b"[1]\n", b""):
                reader, writer = await asyncio.open_unix_connection(world.directory / "railway.sock")
                writer.write(line)
                writer.write_eof()
                assert await asyncio.wait_for(reader.read(), 10) == b""
                writer.close()
            platform.check()
            assert (await world.railway("status")).code == 0

    asyncio.run(drill())


def test_a_work_directory_with_a_long_path_still_has_its_cli(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 120)
    directory.mkdir()
    world = World(directory)

    async def drill() -> None:
        async with world.started():
            assert (await world.railway("status")).code == 0

    asyncio.run(drill())


@pytest.mark.whole
def test_the_installed_command_is_executable_and_its_start_is_quick(world: World) -> None:
    async def drill() -> float:
        async with world.started():
            times = []
            for _ in range(5):
                begun = time.monotonic()
                await world.railway("status")
                times.append(time.monotonic() - begun)
            return min(times)

    took = asyncio.run(drill())
    assert (world.directory / "bin" / "railway").stat().st_mode & stat.S_IXOTH
    assert took < 0.25, "about 0.02 s on an idle machine; many times that is a heavy import"
