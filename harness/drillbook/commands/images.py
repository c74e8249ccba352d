"""The commands about images: `drillbook images build`, `list` and `env`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from drillbook.docker import bootstrap, build, engine, images, labels, recipe
from drillbook.docker.recipe import RELEASES
from drillbook.model import Json
from drillbook.result import dumps

if TYPE_CHECKING:
    from docker import DockerClient

_MB = 1 << 20
_MADE = ("drillbook/debian-", "drillbook/official-")


def build_command(codename: str | None, *, force: bool) -> int:
    """Have the Debian set of a release, or of this machine's, on the engine, and print its images."""
    client = engine.connect()
    click.echo(f"drillbook: {engine.describe(client)}", err=True)
    began = time.monotonic()

    def say(stage: str) -> None:
        click.echo(f"drillbook: {time.monotonic() - began:6.1f} s  {stage}", err=True)

    made = build.build(client, RELEASES[codename] if codename else None, force=force, say=say)
    for role in images.ROLES:
        click.echo(f"{role:<9} {getattr(made, role)}")
    return 0


def list_command(*, as_json: bool) -> int:
    """Print which images play which role here, and what else of ours the engine has."""
    client = engine.connect()
    sets = {f"debian-{release.codename}": recipe.debian_images(release) for release in RELEASES.values()}
    sets["official"] = recipe.official_images()
    lacking = {name: build.missing(client, chosen) for name, chosen in sets.items()}
    chosen = images.choose(client)
    files = [bootstrap.cached(release) for release in RELEASES.values()]
    current = {reference for every in sets.values() for reference in every.all()}
    others = _others(client, {*current, *map(recipe.base_reference, RELEASES.values())})
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
            "default": next(name for name, every in sets.items() if every == chosen),
            "files": [str(file) for file in files if file.exists()],
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
    for file in files:
        if file.exists():
            click.echo(f"file system: {file} ({file.stat().st_size // _MB} MB)")
    return 0


def env_command(name: str | None) -> int:
    """Print the images of the set `name`, or of the usual one, as the variables of docker-compose.yml."""
    chosen = images.choose(engine.connect(), name)
    for role in images.ROLES:
        click.echo(f"DRILLBOOK_{role.upper()}_IMAGE={getattr(chosen, role)}")
    return 0


def _others(client: DockerClient, current: set[str]) -> list[str]:
    """The images of ours that are of neither set as it is now."""
    found: list[Any] = client.images.list(filters={"label": labels.IMAGE})
    tags = {tag for image in found for tag in image.tags if tag.startswith(_MADE)}
    return sorted(tags - current)
