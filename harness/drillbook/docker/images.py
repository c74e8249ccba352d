"""The choice of images: which one plays which role, and that each is there.

Choosing asks the engine what it has and changes nothing; `ensure` pulls or builds what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drillbook.docker import build, labels, recipe
from drillbook.docker.bootstrap import Say
from drillbook.docker.recipe import RELEASES, ROLES, Images
from drillbook.errors import InputError, StackError
from drillbook.suggest import suggestion

if TYPE_CHECKING:
    from docker import DockerClient

SETS = ("debian", *(f"debian-{codename}" for codename in RELEASES), "official")
_PULL_DEADLINE_S = 600
_BUILD = "drillbook images build"

__all__ = ["ROLES", "SETS", "Images", "PostgresImage", "choose", "debian_set", "ensure", "postgres_image"]


@dataclass(frozen=True, slots=True)
class PostgresImage:
    """An image that plays the database.

    Attributes:
        reference: the image.
        bindir: where its PostgreSQL's programs are.
        faketime: where it has libfaketime; None if it has none.
        user: the user that the server runs as.
    """

    reference: str
    bindir: str
    faketime: str | None
    user: str = "postgres"


def choose(client: DockerClient, wanted: Mapping[str, str] | str | None = None) -> Images:
    """The images of a drill.

    Args:
        client: the engine's.
        wanted: a set's name, such as `debian`, `debian-trixie` or `official`; or images by role, over the
            default set; or None for that: the Debian set where it has been built, else the official one.

    Raises:
        InputError: there is no such set or role.
        StackError: the Debian set is wanted, and has not been built.
    """
    if isinstance(wanted, str):
        return _named(client, wanted)
    images = debian_set(client) or recipe.official_images()
    if wanted is None:
        return images
    for role in wanted:
        if role not in ROLES:
            raise InputError(f"no image plays {role!r}", hint=suggestion(role, ROLES))
    return replace(images, **dict(wanted))


def like(
    client: DockerClient, images: Images, others: Mapping[str, str], *, say: Say = lambda _: None
) -> Images:
    """`images` with `others` in their place, by role.

    Where no registry seems to be reached, since the Debian set has been built, those that are not on the
    engine are left as they are.
    """
    found, built = {}, images == debian_set(client)
    for role, reference in others.items():
        if built and not build.is_there(client, reference):
            say(f"{reference} is not on this engine: {getattr(images, role)} takes its place")
        else:
            found[role] = reference
    return replace(images, **found)


def debian_set(client: DockerClient) -> Images | None:
    """The Debian set, if all of it is on the engine: of this machine's release first."""
    own = recipe.host_release()
    for release in (own, *(other for other in RELEASES.values() if other != own)):
        images = recipe.debian_images(release)
        if build.missing(client, images) == ():
            return images
    return None


def _named(client: DockerClient, name: str) -> Images:
    if name not in SETS:
        raise InputError(f"there is no set of images named {name!r}", hint=suggestion(name, SETS))
    if name == "official":
        return recipe.official_images()
    _, _, codename = name.partition("-")
    images = recipe.debian_images(RELEASES[codename]) if codename else debian_set(client)
    if images is None or build.missing(client, images):
        option = f" --release {codename}" if codename else ""
        raise StackError(f"the {name} set of images is not on this engine", hint=_BUILD + option)
    return images


def ensure(client: DockerClient, images: Images, *, say: Say = lambda _: None) -> None:
    """Have all of `images` on the engine: what is missing is pulled, or built where it is one of ours.

    Raises:
        StackError: one can't be had; the hint says what else there is.
    """
    for reference in build.missing(client, images):
        if reference in recipe.official_dockerfiles():
            try:
                build.build_official(client, reference, say=say)
            except StackError as error:
                raise StackError(error.message, hint=f"without a registry: {_BUILD}") from error
        elif reference.startswith("drillbook/"):
            raise StackError(f"there is no image {reference} on this engine", hint=_BUILD)
        else:
            _pull(client, reference, say)


def _pull(client: DockerClient, reference: str, say: Say) -> None:
    from docker.errors import DockerException  # noqa: PLC0415  an extra, and slow to import

    say(f"pulling {reference}")
    before = client.api.timeout
    client.api.timeout = _PULL_DEADLINE_S
    try:
        repository, tag = _parted(reference)
        client.images.pull(repository, tag=tag)
    except (DockerException, OSError) as error:
        reason = getattr(error, "explanation", None) or error
        raise StackError(f"can't pull {reference}: {reason}", hint=f"without a registry: {_BUILD}") from error
    finally:
        client.api.timeout = before


def _parted(reference: str) -> tuple[str, str | None]:
    """`reference` as a repository and a tag; a digest stays with the repository."""
    if "@" in reference:
        return reference, None
    head, slash, name = reference.rpartition("/")
    base, colon, tag = name.partition(":")
    return f"{head}{slash}{base}", tag if colon else "latest"


def postgres_image(client: DockerClient, reference: str) -> PostgresImage:
    """What there is to know of `reference`, which is on the engine, to start a server from it.

    An image without our labels is taken for one of the official kind: PostgreSQL's programs are on its PATH.

    Raises:
        StackError: it is not on the engine.
    """
    from docker.errors import ImageNotFound  # noqa: PLC0415  an extra, and slow to import

    try:
        config = client.images.get(reference).attrs["Config"]
    except ImageNotFound as error:
        raise StackError(f"there is no image {reference} on this engine", hint=_BUILD) from error
    marks = config.get("Labels") or {}
    environment = dict(line.partition("=")[::2] for line in config.get("Env") or ())
    bindir = marks.get(labels.BINDIR) or bindir_of(environment)
    return PostgresImage(reference, bindir, marks.get(labels.FAKETIME))


def bindir_of(environment: Mapping[str, str]) -> str:
    """Where an image with that environment has PostgreSQL's programs: in its PATH, under its version."""
    for folder in environment.get("PATH", "").split(":"):
        if "postgres" in folder or "pgsql" in folder:
            return folder
    return "/usr/local/bin"
