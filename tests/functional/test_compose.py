"""The stack of docker-compose.yml: brought up from the file, broken by the command, cured by the runbook."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.functional.conftest import COMMAND, Team, wait_for

from drillbook.composefile.program import compose_command
from drillbook.docker.recipe import ROLES
from drillbook.host import free_ports
from drillbook.runbook.parse import parse_runbook

if TYPE_CHECKING:
    from docker import DockerClient

    from drillbook.docker.recipe import Images

pytestmark = [pytest.mark.functional, pytest.mark.docker, pytest.mark.compose]
ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "drills" / "incident-response.md"
PARTS = ("postgres", "redis", "provider", "app")
UP_S = 120.0
DEADLINE_S = 30.0
ORDER = json.dumps({"sku": "tea-001", "quantity": 1, "customer": "me"})


class Compose:
    """A compose project of this test's own, from the repository's file."""

    def __init__(self, images: Images) -> None:
        self.project = f"drillbook-test-{os.getpid()}"
        self.ports = dict(zip(PARTS, free_ports(4), strict=True))
        variables = {f"DRILLBOOK_{part.upper()}_PORT": str(port) for part, port in self.ports.items()}
        variables |= {f"DRILLBOOK_{role.upper()}_IMAGE": getattr(images, role) for role in ROLES}
        self._environment = {**os.environ, **variables}
        self._argv = [*compose_command(), "-f", str(ROOT / "docker-compose.yml"), "-p", self.project]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._argv, *arguments],
            capture_output=True,
            text=True,
            timeout=UP_S,
            check=False,
            env=self._environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def operator(self, command: str) -> str:
        """What a command of the runbook prints in the operator's shell."""
        return self("exec", "-T", "operator", "bash", "-c", command)

    def ask(self, method: str, path: str, body: str | None = None) -> int:
        """The status of an answer to a customer; 0 where there is none within two seconds."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["app"], timeout=2)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def list_products(self) -> int:
        return self.ask("GET", "/products")

    def order(self) -> int:
        return self.ask("POST", "/orders", ORDER)

    def serves(self) -> bool:
        return (self.list_products(), self.order()) == (200, 201)


@pytest.fixture(scope="module")
def compose(engine_images: Images) -> Iterator[Compose]:
    made = Compose(engine_images)
    try:
        made("up", "-d", "--wait", "--wait-timeout", "90")
        yield made
    finally:
        made("down", "-v", "-t", "2")


class Injection:
    """`drillbook fault inject`, which holds a fault."""

    def __init__(self, compose: Compose, variant: str, log: Path) -> None:
        argv = [str(COMMAND), "fault", "inject", variant, "--target", "compose"]
        argv += ["--project", compose.project, "--yes-break", compose.project]
        self._log = log
        with log.open("w") as file:
            self.process = subprocess.Popen(argv, stdout=file, stderr=file, start_new_session=True)

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_until_said(self, text: str) -> None:
        wait_for(lambda: text in self.said or self.process.poll() is not None, f"it says {text!r}")
        assert text in self.said, self.said

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def inject(compose: Compose, tmp_path: Path) -> Iterator[Callable[[str], Injection]]:
    """Injects a fault and waits until it is held; whatever the test does, it is healed at its end."""
    made: list[Injection] = []

    def begin(variant: str) -> Injection:
        assert compose.serves()
        injection = Injection(compose, variant, tmp_path / "injection.log")
        made.append(injection)
        injection.wait_until_said("held until Ctrl-C")
        assert "confirmed: " in injection.said
        return injection

    yield begin
    for injection in made:
        with contextlib.suppress(ProcessLookupError):
            injection.process.send_signal(signal.SIGTERM)
        injection.process.wait(DEADLINE_S)


def step(section: str, text: str) -> str:
    """The command of a step of the runbook, to the letter."""
    steps = [each for each in parse_runbook(RUNBOOK).steps if section in each.section and text in each.text]
    (found,) = steps
    assert found.command
    return found.command


def refused(*arguments: str, folder: Path = ROOT) -> str:
    """The one line with which the command refuses."""
    done = Team(folder).drillbook("fault", "inject", *arguments, "--target", "compose")
    assert done.exit_code == 4, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


# --------------------------------------------------------------------------- the file


def test_it_serves_on_the_loopback_alone_and_within_bounds(compose: Compose, engine: DockerClient) -> None:
    assert compose.serves()
    containers = engine.containers.list(filters={"label": f"com.docker.compose.project={compose.project}"})
    assert {container.labels["com.docker.compose.service"] for container in containers} == {
        *PARTS,
        "operator",
    }
    bound = [at["HostIp"] for each in containers for ports in each.ports.values() for at in ports or ()]
    assert len(bound) == len(PARTS)
    assert set(bound) == {"127.0.0.1"}
    assert all(container.attrs["HostConfig"]["Memory"] > 0 for container in containers)
    app = next(each for each in containers if each.labels["com.docker.compose.service"] == "app")
    assert [mount["RW"] for mount in app.attrs["Mounts"]] == [False]


def test_the_operator_has_the_clients_and_the_runbook(compose: Compose) -> None:
    assert compose.operator("cat /runbook/incident-response.md") == RUNBOOK.read_text()
    assert "1 row" in compose.operator(step("Database Issues", "Does it answer?"))
    assert "PONG" in compose.operator(step("Redis Issues", "Does it answer?"))


# --------------------------------------------------------------------------- broken, and cured by the runbook


def test_a_stuck_transaction_is_felt_and_cured_by_the_runbooks_own_command(
    compose: Compose, inject: Callable[[str], Injection]
) -> None:
    injection = inject("stuck-transactions/idle-past-threshold")
    assert "idle in transaction" in injection.said
    assert "the section 'Database Issues'" in injection.said
    assert compose.order() in (0, 503)
    compose.operator(step("Database Issues", "End forgotten transactions"))
    injection.wait_until_said("the cause is gone, after")
    assert compose.order() == 201
    assert injection.end() == 0
    assert "healed: the cause is gone" in injection.said


def test_a_corrupted_cache_is_felt_and_cured_by_the_runbooks_own_command(
    compose: Compose, inject: Callable[[str], Injection]
) -> None:
    injection = inject("corrupted-cache/wrong-type")
    assert compose.list_products() == 503
    compose.operator(step("Redis Issues", "Empty the cache"))
    injection.wait_until_said("the cause is gone, after")
    assert compose.list_products() == 200
    assert injection.end(signal.SIGTERM) == 0


def test_a_redis_that_is_down_is_healed_at_the_end(
    compose: Compose, inject: Callable[[str], Injection]
) -> None:
    injection = inject("redis-unavailable/down")
    login = json.dumps({"customer": "me"})
    assert compose.ask("POST", "/login", login) in (0, 500, 503)
    assert injection.end() == 0
    assert "healed: the cause is gone" in injection.said
    assert 200 <= compose.ask("POST", "/login", login) < 300


def test_a_password_that_was_rotated_is_the_old_one_again_at_the_end(
    compose: Compose, inject: Callable[[str], Injection]
) -> None:
    injection = inject("redis-unavailable/auth-rotated")
    ping = step("Redis Issues", "Does it answer?")
    assert "PONG" not in compose.operator(f"{ping} || true")
    assert injection.end() == 0
    assert "PONG" in compose.operator(ping)


def test_a_setting_that_a_variant_needs_is_given_back(
    compose: Compose, inject: Callable[[str], Injection]
) -> None:
    show = "redis-cli --no-auth-warning -u $REDIS_URL CONFIG GET maxmemory | tail -1"
    injection = inject("redis-memory/noeviction-full")
    assert "redis has maxmemory 16mb" in injection.said
    assert "seen: login" in injection.said
    assert compose.operator(show).strip() == "16777216"
    assert injection.end() == 0
    assert compose.operator(show).strip() == "0"


def test_sigkill_ends_the_sessions_that_it_held(compose: Compose, inject: Callable[[str], Injection]) -> None:
    injection = inject("stuck-transactions/savepoint-aborted")
    assert compose.order() in (0, 503)
    injection.process.kill()
    wait_for(lambda: compose.order() == 201, "orders are taken again")


# --------------------------------------------------------------------------- refused


def test_what_needs_a_deployment_is_refused_and_says_so(compose: Compose) -> None:
    name = ("--project", compose.project, "--yes-break", compose.project)
    line = refused("service-down/crash-at-boot", *name)
    assert "needs: release that ends at boot" in line
    assert "needs: shop floods" in refused("rate-limiting/honest-surge", *name)
    line = refused("corrupted-cache/shared-with-sessions", *name)
    assert f"SESSION_DATABASE=0 docker compose -p {compose.project} up -d --wait app" in line
    assert compose.serves()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no terminal to ask"),
        (("--yes-break", "drillbook"), "--yes-break names 'drillbook'"),
        (("--project", "no-such"), "no compose project 'no-such' is up"),
    ],
)
def test_nothing_is_broken_without_its_name(compose: Compose, arguments: Sequence[str], said: str) -> None:
    project = () if "--project" in arguments else ("--project", compose.project)
    assert said in refused("redis-unavailable/down", *project, *arguments)
    assert compose.serves()


@pytest.mark.parametrize("typed", ["yes", "drillbook"])
def test_another_word_on_the_terminal_than_the_name_breaks_nothing(compose: Compose, typed: str) -> None:
    ours, theirs = pty.openpty()
    argv = [str(COMMAND), "fault", "inject", "redis-unavailable/down", "--target", "compose"]
    with subprocess.Popen(
        [*argv, "--project", compose.project],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(ours, f"{typed}\n".encode())
        stdout, stderr = process.communicate(timeout=DEADLINE_S)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, stdout) == (4, "")
    assert f"This breaks the compose project '{compose.project}'" in stderr
    assert "so nothing was broken" in stderr
    assert compose.serves()


def test_a_project_of_another_file_takes_a_plans_word(
    engine: DockerClient, engine_images: Images, team: Team
) -> None:
    """The containers of that project only sleep: nothing gets as far as to break them."""
    project = f"orders-{os.getpid()}"
    containers = []
    try:
        for service in PARTS:
            labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
            labels["com.docker.compose.oneoff"] = "False"
            argv = ["sleep", "99"]
            made = engine.containers.create(engine_images.app, argv, labels=labels, network_mode="none")
            containers.append(made)
            made.start()
        name = ("redis-unavailable/down", "--project", project, "--yes-break", project)
        assert "allow_external: true" in refused(*name)
        plan = team.write()
        assert "allow_external: true" in refused(*name, "--plan", str(plan))
        plan.write_text("allow_external: true\n" + plan.read_text())
        done = team.drillbook("fault", "inject", *name, "--target", "compose", "--plan", str(plan))
        assert (done.exit_code, done.stdout) == (4, "")
        assert "has no variable SUPERUSER_PASSWORD" in done.stderr
    finally:
        for container in containers:
            container.remove(force=True)


# --------------------------------------------------------------------------- the lists


def test_the_list_says_what_can_be_injected_and_what_the_others_need(compose: Compose, team: Team) -> None:
    done = team.drillbook("fault", "list", "--target", "compose", "--project", compose.project, "--json")
    variants = {f"{v['scenario']}/{v['variant']}": v["lacks"] for v in json.loads(done.stdout)["variants"]}
    able = [name for name, lacks in variants.items() if lacks is None]
    assert {"stuck-transactions/keepalive", "redis-unavailable/down", "corrupted-cache/wrong-type"} <= set(
        able
    )
    assert len(able) >= 30
    assert "release that ends at boot" in variants["service-down/crash-at-boot"]
    shown = team.drillbook("fault", "list", "--target", "compose", "--project", compose.project).stdout
    assert len(re.findall(r"^can be injected ", shown, re.MULTILINE)) == len(able)


def test_the_variables_for_the_file_name_the_images_of_the_set(team: Team, engine_images: Images) -> None:
    done = team.drillbook("images", "env")
    lines = [f"DRILLBOOK_{role.upper()}_IMAGE={getattr(engine_images, role)}" for role in ROLES]
    assert done.stdout.splitlines() == lines
