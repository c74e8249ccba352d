"""A compose file's services as containers: what they run, and what they are known by."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from drillbook.backends.containers.composed import argv_of, at, options_of
from drillbook.backends.containers.replica import without_env
from drillbook.composed import ComposeService, Mount
from drillbook.errors import StackError


def argv(image: dict[str, Any], **service: Any) -> tuple[str, ...]:
    found = SimpleNamespace(attrs={"Config": image})
    client = SimpleNamespace(images=SimpleNamespace(get={"site": found}.__getitem__))
    return argv_of(cast("Any", client), ComposeService("web", "site", **service))


IMAGE = {"Entrypoint": ["/entry.sh"], "Cmd": ["serve"]}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({}, ("/entry.sh", "serve")),
        ({"command": ("other", "-p")}, ("/entry.sh", "other", "-p")),
        ({"command": ()}, ("/entry.sh",)),
        ({"entrypoint": ("/mine",)}, ("/mine",)),
        ({"entrypoint": ("/mine",), "command": ("x",)}, ("/mine", "x")),
        ({"entrypoint": (), "command": ("x",)}, ("x",)),
    ],
)
def test_it_runs_what_compose_would_run(service: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert argv(IMAGE, **service) == expected


def test_a_service_that_nobody_says_a_command_of_is_an_error() -> None:
    with pytest.raises(StackError, match="neither the compose file nor the image says a command of 'web'"):
        argv({"Entrypoint": None, "Cmd": None})


def test_the_files_of_the_team_are_for_reading() -> None:
    mounts = (Mount("/a", "/team/a"), Mount("/b"), Mount("/c", in_memory=True))
    options = options_of(ComposeService("web", "site", working_dir="/w", init=True, mounts=mounts))
    assert (options["working_dir"], options["init"]) == ("/w", True)
    made = [(each["Target"], each["Type"], each["ReadOnly"]) for each in options["mounts"]]
    assert made == [("/a", "bind", True), ("/b", "volume", False), ("/c", "tmpfs", False)]
    assert options_of(ComposeService("web", "site")) == {}


def test_a_url_is_the_same_at_another_host() -> None:
    assert at("postgresql://a:b%40@127.0.0.1:5/c", "db", 5432) == "postgresql://a:b%40@db:5432/c"
    assert at("redis://127.0.0.1:5/0", "cache", 6379) == "redis://cache:6379/0"


def test_what_env_would_set_is_set_without_it() -> None:
    assert without_env(("/usr/bin/env", "A=b=c", "D=", "serve", "x=y")) == (
        ("serve", "x=y"),
        {"A": "b=c", "D": ""},
    )
    assert without_env(("serve", "A=b")) == (("serve", "A=b"), {})
