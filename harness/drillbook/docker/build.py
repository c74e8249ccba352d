"""Building images on an engine: the Debian set from a file system, and what the official set lacks.

Which images a drill uses is chosen elsewhere, by `images`.
"""

from __future__ import annotations

import fcntl
import io
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from drillbook.docker import bootstrap, labels, recipe
from drillbook.docker.bootstrap import Say
from drillbook.docker.recipe import Images, Release
from drillbook.errors import StackError

if TYPE_CHECKING:
    from docker import DockerClient

_DEADLINE_S = 600.0


def _silent(_: str) -> None:
    """Tell nobody."""


def build(
    client: DockerClient, release: Release | None = None, *, force: bool = False, say: Say = _silent
) -> Images:
    """Have the Debian set on the engine of `client`; made anew only if need be, or if `force`.

    Raises:
        StackError: it can't be made; the hint says what to do.
    """
    release = release or recipe.host_release()
    images = recipe.debian_images(release)
    if not force and missing(client, images) == ():
        return images
    with _alone(), _plain_errors("the Debian set"):
        its = recipe.machine(client.info()["Architecture"])
        if its != recipe.machine():
            hint = "make it on a machine of its kind, or let the plan name images"
            raise StackError(
                f"the engine runs on {its}, and this machine's set is for {recipe.machine()}", hint=hint
            )
        base = recipe.base_reference(release)
        if force or not is_there(client, base):
            place = bootstrap.cached(release)
            if force or not place.exists():
                place = bootstrap.make(release, say)
            say("the import")
            repository, tag = base.split(":")
            with place.open("rb") as file:  # by its name, docker-py would wait for an answer without end
                mark = [f"LABEL {labels.IMAGE}=base"]
                client.api.import_image(src=cast("str", file), repository=repository, tag=tag, changes=mark)
        say("the images")
        dockerfile = recipe.debian_dockerfile(release, base)
        _build(client, images.postgres, dockerfile, _python_files(release), network="none")
        made = client.images.get(images.postgres)
        for reference in images.all()[1:]:
            made.tag(*reference.split(":"))
    return images


def build_official(client: DockerClient, reference: str, *, say: Say = _silent) -> None:
    """Make `reference`, one of the official set's images that no registry has. It needs a way to one.

    Raises:
        StackError: it can't be made.
    """
    say(reference)
    with _plain_errors(reference):
        _build(client, reference, recipe.official_dockerfiles()[reference], {}, network=None)


def missing(client: DockerClient, images: Images) -> tuple[str, ...]:
    """The references of `images` that the engine does not have."""
    return tuple(reference for reference in images.all() if not is_there(client, reference))


def is_there(client: DockerClient, reference: str) -> bool:
    """Whether the engine has an image."""
    from docker.errors import ImageNotFound  # noqa: PLC0415  an extra, and slow to import

    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time on this machine; another waits."""
    folder = bootstrap.cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        end = time.monotonic() + bootstrap.DEADLINE_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise StackError("another build of the images does not end", path=file.name) from error
                time.sleep(0.2)  # between two tries at the lock, which has no waiting with a deadline
        yield


@contextmanager
def _plain_errors(what: str) -> Iterator[None]:
    """Turn what docker-py and the layers below it raise into an error of ours."""
    from docker.errors import DockerException  # noqa: PLC0415  an extra, and slow to import

    try:
        yield
    except (DockerException, OSError) as error:
        raise StackError(f"{what} can't be made: {error}") from error


def _python_files(release: Release) -> dict[str, Path]:
    """The files of the Python packages that go into the set, by their name in the build's context."""
    files: dict[str, Path] = {}
    for name in recipe.python_packages(release):
        found = distribution(name)
        for file in found.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":  # no scripts; compiled anew for its Python
                files[f"{recipe.FOLDER}/{file}"] = Path(str(found.locate_file(file)))
    return files


def _build(
    client: DockerClient, reference: str, dockerfile: str, files: dict[str, Path], *, network: str | None
) -> None:
    """Build `reference` by `dockerfile`, with `files` beside it."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        text = dockerfile.encode()
        head = tarfile.TarInfo("Dockerfile")
        head.size = len(text)
        tar.addfile(head, io.BytesIO(text))
        for name, path in files.items():
            tar.add(path, name, recursive=False, filter=_as_root)
    context.seek(0)
    events = client.api.build(
        fileobj=cast("IO[bytes]", context),
        custom_context=True,
        tag=reference,
        rm=True,
        forcerm=True,
        decode=True,
        network_mode=network,
        timeout=int(_DEADLINE_S),
    )
    said: list[str] = []
    for event in events:
        if "error" in event:
            last = said[-1] if said else ""
            raise StackError(f"{reference} can't be built: {event['error']}: {last}".rstrip(": "))
        said += [line for line in str(event.get("stream", "")).strip().splitlines() if line.strip()]


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 0  # so that the engine knows the same files again
    return member
