"""The commands about images: `drillbook images build` and `list`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drillbook.docker import bootstrap, build, engine, images, labels, recipe
from drillbook.model import Json
from drillbook.result import dumps

if TYPE_CHECKING:
    from docker import DockerClient

_MB = 1 << 20


def build_command(*, force: bool) -> int:
    """Have the Debian set on the engine, and print its images."""
    client = engine.connect()
    click.echo(f"drillbook: {engine.describe(client)}", err=True)
    began = time.monotonic()

    def say(stage: str) -> None:
        click.echo(f"drillbook: {time.monotonic() - began:6.1f} s  {stage}", err=True)

    made = build.build(client, force=force, say=say)
    for role in images.ROLES:
        click.echo(f"{role:<9} {getattr(made, role)}")
    return 0


def list_command(*, as_json: bool) -> int:
    """Print which images play which role here, and what else of ours the engine has."""
    client = engine.connect()
    sets = {"debian": recipe.debian_images(recipe.host_release()), "official": recipe.official_images()}
    built = images.debian_set(client)
    if built is not None:
        sets["debian"] = built
    lacking = {name: build.missing(client, chosen) for name, chosen in sets.items()}
    chosen = images.choose(client)
    file = bootstrap.cached(recipe.host_release())
    others = _others(client, {reference for every in sets.values() for reference in every.all()})
    if as_json:
        described: dict[str, Json] = {
            name: {
                role: {"image": getattr(every, role), "there": getattr(every, role) not in lacking[name]}
                for role in images.ROLES
            }
            for name, every in sets.items()
        }
        data: dict[str, Json] = {
            "schema": 1,
            "engine": engine.describe(client),
            "sets": described,
            "default": "debian" if chosen == built else "official",
            "file": str(file) if file.exists() else None,
            "others": list(others),
        }
        click.echo(dumps(data), nl=False)
        return 0
    click.echo(engine.describe(client))
    for name, every in sets.items():
        click.echo(f"{name}{'  (default)' if every == chosen else ''}")
        for role in images.ROLES:
            reference = getattr(every, role)
            click.echo(f"  {role:<9} {reference:<52} {'-' if reference in lacking[name] else 'there'}")
    if others:
        click.echo(f"of other recipes: {', '.join(others)}")
    click.echo(f"file system: {_file_line(file)}")
    return 0


def _others(client: DockerClient, current: set[str]) -> list[str]:
    """The images of ours that are of neither set as it is now."""
    found: list[Any] = client.images.list(filters={"label": labels.IMAGE})
    return sorted({tag for image in found for tag in image.tags} - current)


def _file_line(file: Path) -> str:
    if not file.exists():
        return f"none at {file}"
    return f"{file} ({file.stat().st_size // _MB} MB)"
