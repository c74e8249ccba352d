"""The recipes: what the images of either set are made of, as text, and the hash that their tags carry.

Nothing is run here and no engine asked: the same machine always gives the same references.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from drillbook.docker import labels
from drillbook.errors import StackError

ROLES = ("postgres", "redis", "app", "operator")
ONCALL_UID = 1000
FOLDER = "python"
"""The folder of a build's context that holds the Python packages."""

_HASH_LENGTH = 12
_MULTIARCH = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}
_OTHER_NAMES = {"arm64": "aarch64", "amd64": "x86_64"}  # as macOS and Docker have it

# What the app, the edge and the operator's tools import. They come from the environment that drillbook itself
# runs in, so that the app behaves in a container as it does beside it; Debian's are years older.
_PYTHON = (
    "anyio",
    "certifi",
    "click",
    "h11",
    "httpcore",
    "httpx",
    "idna",
    "psycopg",
    "psycopg-pool",
    "redis",
    "starlette",
    "typing-extensions",
    "uvicorn",
)
_OPTIONAL_PYTHON = ("sniffio",)  # what some versions of anyio and httpx need


@dataclass(frozen=True, slots=True)
class Images:
    """Which image plays which role, as references."""

    postgres: str
    redis: str
    app: str
    operator: str

    def all(self) -> tuple[str, ...]:
        """Every reference once, in the roles' order."""
        return tuple(dict.fromkeys((self.postgres, self.redis, self.app, self.operator)))


@dataclass(frozen=True, slots=True)
class Release:
    """A release of Debian: its codename and the versions in it."""

    codename: str
    postgres: str
    redis: str
    python: str


RELEASES: Mapping[str, Release] = {
    release.codename: release
    for release in (Release("bookworm", "15", "7.0", "3.11"), Release("trixie", "17", "8.0", "3.13"))
}
DEFAULT_RELEASE = RELEASES["bookworm"]


def host_release(os_release: Path = Path("/etc/os-release")) -> Release:
    """The release that the set is made of: this machine's, where it is a Debian that is known here."""
    try:
        text = os_release.read_text("utf-8")
    except OSError:
        return DEFAULT_RELEASE
    facts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if facts.get("ID", "").strip('"') != "debian":
        return DEFAULT_RELEASE
    return RELEASES.get(facts.get("VERSION_CODENAME", "").strip('"'), DEFAULT_RELEASE)


# --------------------------------------------------------------------------- the Debian set

# One file system plays all four roles: it is made once, and the engine starts each role from the same layers.
_DEBIAN_PACKAGES = (
    "postgresql-{postgres}",
    "redis-server",
    "redis-tools",
    "libfaketime",
    "python3",
    "python3-async-timeout",
    "bash",
    "ca-certificates",
    "coreutils",
    "curl",
    "findutils",
    "gawk",
    "grep",
    "iproute2",
    "jq",
    "less",
    "netcat-openbsd",
    "procps",
    "sed",
)
# dpkg's own settings: no waiting for the disk, and nothing that no drill reads. Without its compiler,
# PostgreSQL says that it has no JIT and goes without; that is 130 MB.
_DPKG_SETTINGS = """\
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*/*
path-include=/usr/share/man/man*
path-exclude=/usr/lib/postgresql/*/lib/bitcode/*
path-exclude=/usr/lib/postgresql/*/lib/llvmjit*
path-exclude=/usr/lib/*/libLLVM*
path-exclude=/usr/lib/*/libz3*
path-exclude=/usr/lib/llvm-*
"""
_DEBIAN_DOCKERFILE = """\
FROM {base}
COPY {folder} /usr/local/lib/python{python}/dist-packages
RUN python3 -m compileall -q -j 0 /usr/local/lib/python{python}/dist-packages \\
 && useradd --uid {uid} --user-group --create-home --shell /bin/bash oncall \\
 && install -d -o postgres -g postgres -m 3777 /run/postgresql
ENV PATH=/usr/lib/postgresql/{postgres}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV LANG=C.UTF-8
LABEL {image}=debian {recipe}={hash} {bindir}=/usr/lib/postgresql/{postgres}/bin {faketime}={library}
CMD ["sleep", "infinity"]
"""


def machine(name: str | None = None) -> str:
    """The kind of processor, as Linux names it: this machine's, or the one called `name` elsewhere.

    Raises:
        StackError: no image is made for it.
    """
    name = name or platform.machine()
    name = _OTHER_NAMES.get(name, name)
    if name not in _MULTIARCH:
        raise StackError(f"no image is made for {name}", hint="name your own images in the plan")
    return name


def packages(release: Release) -> list[str]:
    """The packages of Debian that the set is made of."""
    return [name.format(postgres=release.postgres) for name in _DEBIAN_PACKAGES]


def dpkg_settings() -> str:
    """The settings of dpkg while the set is made."""
    return _DPKG_SETTINGS


def debian_dockerfile(release: Release, base: str) -> str:
    """The text of the Dockerfile that makes the set of `base`, a file system with `packages`."""
    return _DEBIAN_DOCKERFILE.format(
        base=base,
        folder=FOLDER,
        python=release.python,
        postgres=release.postgres,
        uid=ONCALL_UID,
        image=labels.IMAGE,
        recipe=labels.RECIPE,
        hash=debian_hash(release),
        bindir=labels.BINDIR,
        faketime=labels.FAKETIME,
        library=f"/usr/lib/{_MULTIARCH[machine()]}/faketime/libfaketime.so.1",
    )


def base_hash(release: Release) -> str:
    """The hash of all that makes the set's file system what it is, but for the versions of its packages."""
    script = bootstrap_script().read_text("utf-8")
    return _hash([release.codename, machine(), *packages(release), _DPKG_SETTINGS, script])


def debian_hash(release: Release) -> str:
    """The hash of all that makes the Debian set what it is, but for the versions of Debian's packages."""
    python = (f"{name} {version}" for name, version in python_packages(release).items())
    return _hash([base_hash(release), _DEBIAN_DOCKERFILE, *python])


def base_reference(release: Release) -> str:
    """The reference of the image that is the set's file system and nothing else."""
    return f"drillbook/debian-base:{release.codename}-{base_hash(release)}"


def debian_images(release: Release) -> Images:
    """The references of the Debian set."""
    mark = debian_hash(release)
    return Images(
        postgres=f"drillbook/debian-postgres:{release.postgres}-{mark}",
        redis=f"drillbook/debian-redis:{release.redis}-{mark}",
        app=f"drillbook/debian-app:{release.python}-{mark}",
        operator=f"drillbook/debian-operator:{release.codename}-{mark}",
    )


def bootstrap_script() -> Path:
    """The script that makes the file system of the Debian set."""
    return Path(__file__).with_name("bootstrap.sh")


def python_packages(release: Release) -> dict[str, str]:
    """The Python packages that are copied into the Debian set, and their versions.

    Raises:
        StackError: one that is needed is not installed here.
    """
    names = list(_PYTHON)
    # The compiled part is for the very same Python; without it psycopg runs on Debian's libpq.
    suffix = f".cpython-{release.python.replace('.', '')}-{_MULTIARCH[machine()]}.so"
    if sysconfig.get_config_var("EXT_SUFFIX") == suffix:
        names.append("psycopg-binary")
    found = {name: version for name in names if (version := _version(name)) is not None}
    lacking = sorted(set(_PYTHON) - set(found))
    if lacking:
        raise StackError(f"not installed: {', '.join(lacking)}", hint="pip install --upgrade drillbook")
    for name in _OPTIONAL_PYTHON:
        version = _version(name)
        if version is not None:
            found[name] = version
    return found


def _version(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:_HASH_LENGTH]


# --------------------------------------------------------------------------- the official set

POSTGRES_TAG = "postgres:17.6-bookworm"
REDIS_TAG = "redis:7.4.5-bookworm"
_PYTHON_TAG = "python:3.12.11-slim-bookworm"
_OFFICIAL_APP = """\
FROM {python}
RUN pip install --no-cache-dir --disable-pip-version-check {requirements}
LABEL {image}=official
CMD ["sleep", "infinity"]
"""
_OFFICIAL_OPERATOR = """\
FROM {postgres}
RUN apt-get update \\
 && apt-get install -y --no-install-recommends {packages} \\
 && rm -rf /var/lib/apt/lists/* \\
 && useradd --uid {uid} --user-group --create-home --shell /bin/bash oncall
LABEL {image}=official
ENTRYPOINT []
CMD ["sleep", "infinity"]
"""
_OPERATOR_PACKAGES = (
    "redis-tools",
    "python3",
    "ca-certificates",
    "curl",
    "gawk",
    "iproute2",
    "jq",
    "less",
    "netcat-openbsd",
    "procps",
)


def official_app_dockerfile() -> str:
    """The text of the Dockerfile of the app's image: an official Python, and the packages by version."""
    requirements = [f"{name}=={version}" for name, version in sorted(_official_python().items())]
    return _OFFICIAL_APP.format(python=_PYTHON_TAG, requirements=" ".join(requirements), image=labels.IMAGE)


def official_operator_dockerfile() -> str:
    """The text of the Dockerfile of the operator's image: the official server's, for its psql, and tools."""
    return _OFFICIAL_OPERATOR.format(
        postgres=POSTGRES_TAG, packages=" ".join(_OPERATOR_PACKAGES), uid=ONCALL_UID, image=labels.IMAGE
    )


def _official_python() -> dict[str, str]:
    found = {name: version for name in _PYTHON if (version := _version(name)) is not None}
    found["psycopg[binary]"] = found.pop("psycopg")
    return found


def official_images() -> Images:
    """The references of the official set. The app's and the operator's are made on first use."""
    return Images(
        postgres=POSTGRES_TAG,
        redis=REDIS_TAG,
        app=f"drillbook/official-app:3.12-{_hash([official_app_dockerfile()])}",
        operator=f"drillbook/official-operator:17-{_hash([official_operator_dockerfile()])}",
    )


def official_dockerfiles() -> dict[str, str]:
    """The Dockerfiles of the images of the official set that are made here, by reference."""
    images = official_images()
    return {images.app: official_app_dockerfile(), images.operator: official_operator_dockerfile()}
