"""The services of a compose file as Compose reads them, and each as a container of a drill is made of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from drillbook.composed import ComposeService, Mount
from drillbook.composefile.outline import Outline
from drillbook.errors import InputError

# What would give a container more of this machine than a drill's may have, or joins it to something else.
_REFUSED = (
    *("privileged", "cap_add", "devices", "device_cgroup_rules", "network_mode", "pid", "ipc", "uts"),
    *("userns_mode", "cgroup", "cgroup_parent", "security_opt", "sysctls", "runtime", "gpus", "extra_hosts"),
    *("external_links", "volumes_from", "provider", "models"),
)


class Services:
    """The services of one compose file.

    Args:
        outline: the same as they are written, for their lines.
        config: what Compose says of it.
    """

    def __init__(self, outline: Outline, config: Mapping[str, Any]) -> None:
        self.known: Mapping[str, Any] = config.get("services") or {}
        self._outline = outline
        self._config = config
        self._folder = outline.file.resolve().parent
        self._repository = _repository(self._folder)
        self._left: dict[str, InputError] = {}

    @property
    def left_out(self) -> tuple[InputError, ...]:
        """What a drill does not take, in the file's order."""
        return tuple(sorted(self._left.values(), key=lambda each: each.line or 0))

    def error(self, message: str, *keys: str, hint: str | None = None) -> InputError:
        """An error about a service, or a key in it."""
        return self._outline.error(message, *keys, hint=hint)

    def leave(self, message: str, *keys: str) -> None:
        """Note that something is left out."""
        error = self.error(message, *keys)
        self._left[error.render()] = error

    def jobs(self, name: str, before: tuple[str, ...] = ()) -> tuple[ComposeService, ...]:
        """The services that must complete before the service `name`, each after those of its own."""
        found: dict[str, ComposeService] = {}
        for other, how in (self.known[name].get("depends_on") or {}).items():
            if how.get("condition") != "service_completed_successfully" or other in before:
                continue
            for job in self.jobs(other, (*before, name)):
                found.setdefault(job.name, job)
            found.setdefault(other, self.service(other))
        return tuple(found.values())

    def service(self, name: str) -> ComposeService:
        """A service, as a container is made of it."""
        service = self.known[name]
        for key in _REFUSED:
            if service.get(key):
                self.leave(f"of the service {name!r} is not taken: {key}", name, key)
        image, built = self.image(name)
        return ComposeService(
            name,
            image,
            words(service.get("entrypoint")),
            words(service.get("command")),
            variables(service),
            str(service.get("user") or ""),
            str(service.get("working_dir") or ""),
            tuple(self.mounts(name)),
            bool(service.get("init")),
            built,
        )

    def image(self, name: str) -> tuple[str, bool]:
        """The image of a service, and whether it is made by its `build`."""
        service = self.known[name]
        if not service.get("build"):
            return str(service.get("image") or ""), False
        mark = hashlib.sha256(str(self._folder).encode()).hexdigest()[:8]
        words = re.sub(r"[^a-z0-9]+", "-", f"{self._config.get('name', '')}-{name}".lower()).strip("-")
        return f"drillbook-compose/{words}:{mark}", True

    def mounts(self, name: str) -> Iterable[Mount]:
        """The places of a service's container; what can't be had is left out."""
        service = self.known[name]
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
                self.leave(
                    f"of the service {name!r} is not taken: {source}, for it is not in the repository",
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
            self.leave(f"of the service {name!r} is not taken: {key}, but for files beside it", name, key)

    def _is_ours(self, source: Path) -> bool:
        """Whether `source` is a file or a folder of the repository; a socket is neither."""
        real = source.resolve()
        return real.is_relative_to(self._repository) and (real.is_file() or real.is_dir())

    def names(self, name: str, app: str) -> tuple[str, ...]:
        """The hosts by which others, and the service `app`, know a service."""
        service = self.known[name]
        names = [name, service.get("container_name"), service.get("hostname")]
        for network in (service.get("networks") or {}).values():
            names += (network or {}).get("aliases") or ()
        for link in self.known[app].get("links") or ():
            linked, _, alias = str(link).partition(":")
            names += [alias] if linked == name else []
        return tuple(dict.fromkeys(str(each) for each in names if each))


def _repository(folder: Path) -> Path:
    """The folder of the repository that `folder` is in, or `folder` where it is in none."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def words(value: Any) -> tuple[str, ...] | None:
    """A command as Compose gives it; None where it is the image's."""
    return None if value is None else tuple(map(str, [value] if isinstance(value, str) else value))


def variables(service: Mapping[str, Any]) -> dict[str, str]:
    """A service's variables; those without a value are of whoever starts it, and unset in a drill."""
    given = service.get("environment") or {}
    return {str(name): str(value) for name, value in given.items() if value is not None}
