"""The commands, the doctor and the suite itself, with an engine and without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from drillbook import cli, doctor
from drillbook.docker import recipe
from drillbook.doctor import State

if TYPE_CHECKING:
    from docker import DockerClient

    from drillbook.docker.recipe import Images

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).parent / "drillbook"


def call(*argv: str | Path, engine_at: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `argv`; with `engine_at`, the engine is to be at that socket."""
    environment = dict(os.environ)
    if engine_at is not None:
        environment["DOCKER_HOST"] = f"unix://{engine_at}"
    return subprocess.run(
        list(map(str, argv)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
        cwd=ROOT,
    )


@pytest.mark.parametrize("command", [("build",), ("list",), ("list", "--json")])
def test_without_an_engine_the_commands_end_in_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = call(COMMAND, "images", *command, engine_at=tmp_path / "none")
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith(f"drillbook: no Docker engine at unix://{tmp_path}/none (")
    assert done.stderr.count("\n") == 1


def test_the_doctor_says_where_no_engine_is_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    engine, images = doctor._docker(), doctor._images()
    assert (engine.state, images.state) == (State.MISSING, State.MISSING)
    assert engine.found == f"no Docker engine at unix://{tmp_path}/none"
    assert "DOCKER_HOST" in engine.remedy
    assert not engine.required
    assert not images.required


def test_docker_tests_that_are_not_run_are_told_in_one_loud_line(tmp_path: Path) -> None:
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/docker/test_images.py")
    done = call(sys.executable, *arguments, engine_at=tmp_path / "none")
    assert done.returncode == 0, done.stdout
    *_, line = (line for line in done.stdout.splitlines() if "NOT RUN" in line)
    assert line.startswith("NOT RUN: ")
    assert f"Docker tests: no Docker engine at unix://{tmp_path}/none" in line
    assert "deselected" in done.stdout


def test_what_is_to_run_with_an_engine_runs_without_one_and_keeps_its_exit_code(tmp_path: Path) -> None:
    done = call(ROOT / ".ci/engine", "sh", "-c", "echo ran; exit 7", engine_at=tmp_path / "none")
    assert done.returncode == 7
    assert done.stdout == "ran\n"
    assert (
        done.stderr == "drillbook: NO DOCKER ENGINE answers at DOCKER_HOST; the Docker tests will not run\n"
    )


def test_the_releases_that_can_be_asked_for_are_those_that_are_known() -> None:
    parameters = {parameter.name: parameter for parameter in cli.images_build.params}
    choice = parameters["release"].type
    assert isinstance(choice, click.Choice)
    assert list(choice.choices) == list(recipe.RELEASES)


@pytest.mark.docker
def test_the_list_says_which_set_is_the_default_and_what_is_there(
    engine: DockerClient, engine_images: Images
) -> None:
    done = call(COMMAND, "images", "list", "--json")
    data = json.loads(done.stdout)
    default = data["sets"][data["default"]]
    assert {role: entry["image"] for role, entry in default.items()} == {
        role: getattr(engine_images, role) for role in recipe.ROLES
    }
    assert all(entry["there"] for entry in default.values())
    assert data["engine"].startswith(f"engine {engine.version()['Version']} ")
    assert default["postgres"]["image"] in call(COMMAND, "images", "list").stdout


@pytest.mark.docker
@pytest.mark.usefixtures("engine_images")
def test_the_doctor_says_which_engine_there_is_and_that_the_images_are_there(engine: DockerClient) -> None:
    found, images = doctor._docker(), doctor._images()
    assert (found.state, images.state) == (State.OK, State.OK)
    assert f"API {engine.version()['ApiVersion']}" in found.found
