"""The engine: a connection to it, where it is, and in one line why there is none.

It goes where the docker command would go: `DOCKER_HOST`, else `DOCKER_CONTEXT`, else the current context,
else the local socket. It starts no engine.
"""

from __future__ import annotations

import hashlib
import importlib.util
import ipaddress
import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from drillbook.errors import InputError, StackError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.tls import TLSConfig

LOCAL_SOCKET = "unix:///var/run/docker.sock"
TIMEOUT_S = 60.0
_FIRST_ANSWER_S = 10.0
_SCHEMES = ("unix", "tcp", "http", "https", "ssh", "npipe")
_ELSEWHERE = "see that DOCKER_HOST or the docker context is right, and that an engine runs there"

_addresses: WeakKeyDictionary[DockerClient, str] = WeakKeyDictionary()


class EngineError(StackError):
    """Raised when no engine can be had: none answers, none may be used, or it is too old or new."""


def connect() -> DockerClient:
    """A client of the engine, which has answered.

    Raises:
        EngineError: there is no docker-py, or no engine that answers; the hint says what to do.
        InputError: `DOCKER_HOST` or the context can't be used as given.
    """
    if importlib.util.find_spec("docker") is None:
        raise EngineError("docker-py is not installed", hint="pip install 'drillbook[docker]'")
    import docker  # noqa: PLC0415  an extra, and slow to import
    from docker.errors import DockerException  # noqa: PLC0415

    found = address()
    try:
        _knock(found)
        client = docker.DockerClient(
            base_url=found,
            version="auto",
            timeout=int(_FIRST_ANSWER_S),
            tls=_tls(),
            use_ssh_client=True,  # the user's own ssh, with its configuration and agent
        )
        client.ping()
    # docker-py lets out what the layers below it raise, too.
    except (DockerException, OSError, ValueError) as error:
        raise _explained(error, found) from error
    client.api.timeout = int(TIMEOUT_S)
    _addresses[client] = found
    return client


def _knock(where: str) -> None:
    """Let a socket or port be opened once: what that raises says more, and leaves nothing open.

    Raises:
        OSError: it can't be.
    """
    scheme, _, place = where.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(_FIRST_ANSWER_S)
            knocking.connect(place)
    elif scheme in ("tcp", "http", "https"):
        parts = urlsplit(where)
        port = parts.port or (443 if scheme == "https" else 2375)
        socket.create_connection((parts.hostname or "", port), _FIRST_ANSWER_S).close()


def address() -> str:
    """Where the engine is to be, such as `unix:///var/run/docker.sock` or `ssh://me@host`.

    Raises:
        InputError: `DOCKER_HOST` or the context can't be used as given.
    """
    host = os.environ.get("DOCKER_HOST", "").strip()
    if host:
        scheme, separator, rest = host.partition("://")
        if not separator or not rest or scheme not in _SCHEMES:
            hint = "write unix:///var/run/docker.sock, tcp://HOST:2376 or ssh://USER@HOST, or unset it"
            raise InputError(f"DOCKER_HOST can't be {host!r}", hint=hint)
        return host
    name = _context_name()
    return LOCAL_SOCKET if name in ("", "default") else _context_host(name)


def describe(client: DockerClient) -> str:
    """The engine in words: its version, that of its API, and where it is."""
    where = _addresses.get(client, client.api.base_url)
    version = client.version()
    place = "on this machine" if is_local(client) else "on another machine"
    return f"engine {version['Version']} (API {version['ApiVersion']}) at {where}, {place}"


def is_local(client: DockerClient) -> bool:
    """Whether the engine is on this machine, as far as its address tells."""
    return local_address(_addresses.get(client, client.api.base_url))


def require_near() -> None:
    """Return if the engine, by its address, is on this machine; nothing is connected to.

    Raises:
        InputError: it is elsewhere, or `DOCKER_HOST` or the context can't be used as given.
    """
    where = address()
    if not local_address(where):
        raise InputError(
            f"the Docker engine is at {where}, on another machine, and so are the ports of its containers",
            hint="run drillbook on that machine, or unset DOCKER_HOST and the docker context",
        )


def local_address(where: str) -> bool:
    """Whether `where` is this machine: a socket in the file system, or the loopback."""
    parts = urlsplit(where)
    if parts.scheme in ("unix", "npipe", "http+unix", "http+docker"):
        return parts.hostname != "ssh"  # docker-py's own name for it
    if parts.scheme == "ssh":
        return False
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --------------------------------------------------------------------------- the context


def _config_dir() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def _context_name() -> str:
    chosen = os.environ.get("DOCKER_CONTEXT", "").strip()
    if chosen:
        return chosen
    path = _config_dir() / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error}", path=path, hint="mend it, or set DOCKER_HOST") from error
    return str(config.get("currentContext", "")) if isinstance(config, dict) else ""


def _context_host(name: str) -> str:
    """Where the engine of the context `name` is, by docker's own file on it."""
    path = _config_dir() / "contexts" / "meta" / _digest(name) / "meta.json"
    hint = "see `docker context ls`, or set DOCKER_HOST"
    try:
        host = json.loads(path.read_text("utf-8"))["Endpoints"]["docker"]["Host"]
    except FileNotFoundError as error:
        raise InputError(f"there is no docker context {name!r}", hint=hint) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the docker context {name!r} can't be read: {error}", path=path, hint=hint
        ) from error
    return str(host)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _tls() -> TLSConfig | bool:
    """The keys for an engine behind TCP: those that the environment names, or the context's own."""
    folder = os.environ.get("DOCKER_CERT_PATH", "")
    verify = bool(os.environ.get("DOCKER_TLS_VERIFY", ""))
    place = Path(folder) if folder else _config_dir()
    if not folder and not verify:
        name = "" if os.environ.get("DOCKER_HOST", "").strip() else _context_name()
        place = _config_dir() / "contexts" / "tls" / _digest(name) / "docker"
        if not place.is_dir():
            return False
        verify = True
    from docker.tls import TLSConfig  # noqa: PLC0415  an extra, and slow to import

    return TLSConfig(
        client_cert=(str(place / "cert.pem"), str(place / "key.pem")),
        ca_cert=str(place / "ca.pem"),
        verify=verify,
    )


# --------------------------------------------------------------------------- why there is none


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and all that it holds or was raised from, outermost first."""
    pending: list[BaseException] = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        held = (*cause.args, cause.__cause__, cause.__context__, getattr(cause, "reason", None))
        pending += [inner for inner in held if isinstance(inner, BaseException)]


def _explained(error: Exception, where: str) -> EngineError:
    """`error` in one line that says what to do."""
    causes = list(_causes(error))
    hint = remedy() if where == LOCAL_SOCKET else _ELSEWHERE
    if any(isinstance(cause, PermissionError) for cause in causes):
        hint = "as root: usermod -aG docker $USER, and log in again"
        return EngineError(f"this user may not use the Docker engine at {where}", hint=hint)
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return EngineError(f"no Docker engine at {where}", hint=hint)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return EngineError(f"no Docker engine at {where}: there is no such host", hint=hint)
    if any(isinstance(cause, TimeoutError) or "timed out" in str(cause) for cause in causes):
        problem = f"the Docker engine at {where} does not answer within {_FIRST_ANSWER_S:g} s"
        return EngineError(problem, hint=hint)
    if where.startswith("ssh:"):
        hint = f"try: ssh {where.removeprefix('ssh://')} docker version"
        return EngineError(f"no Docker engine at {where}: ssh ended", hint=hint)
    return EngineError(f"the Docker engine at {where} can't be used: {error}", hint=hint)


def remedy() -> str:
    """How to get an engine on this machine."""
    if sys.platform == "darwin":
        return "start Docker Desktop, or whatever has the engine"
    if shutil.which("dockerd") is not None:
        return "as root: systemctl start docker, or run dockerd"
    return "install and start Docker (Debian, as root: apt-get install docker.io)"
