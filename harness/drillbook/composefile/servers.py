"""The servers of a compose file: what a PostgreSQL and a Redis of a drill must have to be taken for them."""

from __future__ import annotations

import contextlib
import gzip
import re
import shlex
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from drillbook.composed import ComposeCache, ComposeDatabase
from drillbook.composefile.services import Services, variables, words
from drillbook.errors import InputError

_SCRIPTS = "/docker-entrypoint-initdb.d"
# The drill's own business on each server: where it listens, whom it lets in, and what it keeps.
_POSTGRES_OWN = re.compile(
    r"listen_addresses|port|unix_socket.*|data_directory|config_file|hba_file|ident_file|external_pid_file"
    r"|ssl.*|log.*|fsync|full_page_writes|synchronous_commit|wal_level|max_wal_senders|archive.*|jit"
    r"|primary_.*|restore_command|cluster_name|huge_pages|shared_buffers|timezone"
)
_REDIS_OWN = re.compile(
    r"port|bind|dir|dbfilename|protected-mode|requirepass|masterauth|logfile|loglevel|daemonize|pidfile"
    r"|supervised|save|append.*|unixsocket.*|tls-.*|syslog-.*"
)
_REDIS_REFUSED = re.compile(r"user|aclfile|loadmodule|include|replicaof|slaveof|cluster-.*")
_ALPINE = re.compile(r"(?::|-)alpine[0-9.]*$")
_OFFICIAL = ("postgres", "library/postgres", "docker.io/postgres", "docker.io/library/postgres")


@dataclass(frozen=True, slots=True)
class _Server:
    """A service that a server of the drill's is to be taken for, and what its container would find."""

    services: Services
    name: str

    @property
    def command(self) -> tuple[str, ...]:
        """Its command line, as far as the file has it."""
        service = self.services.known[self.name]
        return (*(words(service.get("entrypoint")) or ()), *(words(service.get("command")) or ()))

    def places(self) -> dict[str, Path]:
        """The files and folders of the repository in it, by where they are there."""
        mounts = self.services.mounts(self.name)
        return {mount.target: Path(mount.source) for mount in mounts if mount.source}

    def variables(self) -> dict[str, str]:
        """Its variables, with what stands in files that they name, as official images do it."""
        found, places = variables(self.services.known[self.name]), self.places()
        for key, value in list(found.items()):
            if key.endswith("_FILE") and value in places:
                found.setdefault(key.removesuffix("_FILE"), _text(places[value]).strip())
        return found

    def leave(self, what: str, key: str) -> None:
        """Note that something of it is left out."""
        self.services.leave(f"of the service {self.name!r} is not taken: {what}", self.name, key)

    def image(self, usable: Callable[[str], str]) -> tuple[str, bool]:
        """Its image, empty where a drill can use none, and whether the file builds it."""
        image, built = self.services.image(self.name)
        found = image if built else usable(image)
        if not found:
            self.leave(f"{image}, for another image plays it", "image")
        return found, built


def database(services: Services, name: str, app: str) -> ComposeDatabase:
    """The service `name` as the database of the service `app`.

    Raises:
        InputError: a drill's database can't be taken for it.
    """
    server = _Server(services, name)
    given = server.variables()
    user = _first(given, "POSTGRES_USER", "POSTGRESQL_USERNAME", "POSTGRESQL_USER") or "postgres"
    password = _first(given, "POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD")
    trusts = given.get("POSTGRES_HOST_AUTH_METHOD") == "trust"
    if not password and not trusts:
        raise services.error(
            f"the service {name!r} says no password of its user",
            *(name, "environment"),
            hint="give it POSTGRES_PASSWORD, which the image asks for as well",
        )
    image, built = server.image(usable_database)
    return ComposeDatabase(
        services.names(name, app),
        user,
        password,
        _first(given, "POSTGRES_DB", "POSTGRESQL_DATABASE", "POSTGRESQL_DB") or user,
        trusts,
        _kept(_postgres_settings(server.command), _POSTGRES_OWN),
        tuple(map(str, _scripts(server))),
        image,
        built,
    )


def cache(services: Services, name: str, app: str) -> ComposeCache:
    """The service `name` as the cache of the service `app`."""
    server = _Server(services, name)
    given = server.variables()
    settings = _redis_settings(server, given)
    for key in settings:
        if _REDIS_REFUSED.fullmatch(key):
            server.leave(key, "command")
    image, built = server.image(usable_cache)
    return ComposeCache(
        services.names(name, app),
        settings.get("requirepass") or _first(given, "REDIS_PASSWORD", "VALKEY_PASSWORD"),
        _kept(_kept(settings, _REDIS_OWN), _REDIS_REFUSED),
        image,
        built,
    )


def _scripts(server: _Server) -> Iterable[Path]:
    """The files that the official image runs when the database is made, in its order."""
    found: dict[str, Path] = {}
    for place, source in server.places().items():
        target = PurePosixPath(place)
        if place == _SCRIPTS and source.is_dir():
            found |= {each.name: each for each in source.iterdir() if each.is_file()}
        elif str(target.parent) == _SCRIPTS and source.is_file():
            found[target.name] = source
    for file in (found[key] for key in sorted(found)):
        if file.name.endswith((".sql", ".sql.gz", ".sh")):
            yield file
        else:
            server.leave(f"{file.name}, which is no script", "volumes")


def _redis_settings(server: _Server, given: Mapping[str, str]) -> dict[str, str]:
    """The settings in Redis's command line, and in the file of the repository that it names."""
    line: Sequence[str] = server.command
    if len(line) > 1 and line[-2] in ("-c", "-ec"):
        with contextlib.suppress(ValueError):
            line = shlex.split(line[-1])
    line = [string.Template(word).safe_substitute(given) for word in line]
    places = server.places()
    found: dict[str, str] = {}
    key = ""
    for word in line:
        if word.startswith("--"):
            key = word.removeprefix("--")
            found[key] = ""
        elif key:
            found[key] = f"{found[key]} {word}".strip()
        elif word in places:
            found |= _redis_file(places[word])
        elif word.endswith(".conf"):
            server.leave(word, "command")
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", path=file) from error


def _redis_file(path: Path) -> dict[str, str]:
    lines = [line for line in _text(path).splitlines() if not line.lstrip().startswith("#")]
    pairs = [line.split(None, 1) for line in lines]
    return {pair[0]: pair[1].strip().strip('"') for pair in pairs if len(pair) > 1}


def _postgres_settings(words: Sequence[str]) -> dict[str, str]:
    found = {}
    for before, word in zip(("", *words), words, strict=False):
        if before == "-c":
            name, _, value = word.partition("=")
        elif word.startswith(("--", "-c")) and "=" in word:
            name, _, value = word[2:].partition("=")
        else:
            continue
        found[name.strip().replace("-", "_")] = value.strip()
    return found


def _kept(settings: Mapping[str, str], without: re.Pattern[str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if not without.fullmatch(name)}


def _first(variables: Mapping[str, str], *names: str) -> str:
    return next((variables[name] for name in names if variables.get(name)), "")


def usable_database(image: str) -> str:
    """The image that a drill's PostgreSQL can be started from where a team has `image`; empty for none.

    Alpine's C library can't load libfaketime, so the official image on Debian stands for the one on Alpine.
    Bitnami's images are laid out in another way.
    """
    if "bitnami" in image:
        return ""
    if not _ALPINE.search(image):
        return image
    base = _ALPINE.sub("", image)
    return base if base.partition(":")[0] in _OFFICIAL else ""


def usable_cache(image: str) -> str:
    """The image that a drill's Redis can be started from where a team has `image`; empty for none."""
    return image if re.search(r"redis|valkey", image) and "bitnami" not in image else ""


def script_text(file: Path) -> bytes:
    """What stands in a script of the database's, which may be compressed.

    Raises:
        InputError: it can't be read.
    """
    try:
        return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"can't be read: {error}", path=file) from error
