"""The file system of the Debian set: made of packages by debootstrap and apt, kept as a tar in the cache.

It needs root, and takes packages from wherever this machine's own apt takes them. It asks no engine.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drillbook.docker import recipe
from drillbook.docker.recipe import Release
from drillbook.errors import StackError

Say = Callable[[str], None]
"""Tells whoever waits what is being done."""

DEADLINE_S = 900.0
_ASK_S = 60.0
_MEMORY_MB = 4096  # what must be free for the file system to be made in memory, three times what it takes
_MB = 1 << 20
_NEEDED = {"debootstrap": "debootstrap", "unshare": "util-linux", "chroot": "coreutils", "tar": "tar"}
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Of the settings of this machine's apt those that say how to reach a mirror; its hooks are for its programs.
_REACHING = re.compile(r"Acquire::(http|https|Check-|Retries|ForceIPv|Proxy)")
_NAME_FIELDS = "$(SITE)|$(CODENAME)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"


@dataclass(frozen=True, slots=True)
class Source:
    """A place that packages of Debian come from, as this machine's apt knows it."""

    uri: str
    suite: str
    codename: str


def cache_dir() -> Path:
    """Where file systems are kept between builds."""
    import platformdirs  # noqa: PLC0415  not needed before

    return Path(platformdirs.user_cache_dir("drillbook")) / "images"


def cached(release: Release) -> Path:
    """Where the file system made of `release` is kept, whether or not it is there."""
    return cache_dir() / f"debian-{release.codename}-{recipe.machine()}-{recipe.base_hash(release)}.tar"


def reason_against() -> tuple[str, str] | None:
    """Why no file system can be made here, and what to do about it; None if one can."""
    if sys.platform != "linux":
        return "it is made on Linux", f"make it on a Debian machine, and copy its file into {cache_dir()}"
    if os.geteuid() != 0:
        return "it is made by root", "sudo -E drillbook images build"
    lacking = [package for program, package in _NEEDED.items() if shutil.which(program) is None]
    if lacking:
        return f"there is no {', '.join(lacking)}", f"apt-get install {' '.join(lacking)}"
    if not _KEYRING.exists():
        return f"there is no {_KEYRING}", "apt-get install debian-archive-keyring"
    return None


def make(release: Release, say: Say) -> Path:
    """Make the file system of `release`, put it into the cache and return where it is.

    Raises:
        StackError: it can't be made here, or its making failed; the message has the log's last word.
    """
    reason = reason_against()
    if reason is not None:
        problem, hint = reason
        raise StackError(f"the Debian set can't be made: {problem}", hint=hint)
    found = sources(release)
    place = cached(release)
    place.parent.mkdir(parents=True, exist_ok=True)
    log = place.parent / "build.log"
    with tempfile.TemporaryDirectory(prefix="drillbook-images-") as folder:
        settings, root = Path(folder) / "settings", Path(folder) / "root"
        settings.mkdir(mode=0o700)
        root.mkdir()
        _write_settings(settings, found)
        mirror = next((source.uri for source in found if source.codename == release.codename), "")
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", str(recipe.bootstrap_script())]
        argv += [str(root), release.codename, str(settings), mirror, *recipe.packages(release)]
        with _new(place) as output, log.open("wb") as errors:
            _run(argv, output.fileno(), errors.fileno(), log, say)
    _forget_older(place)
    return place


def sources(release: Release) -> list[Source]:
    """Where this machine's apt takes the packages of `release` from; nothing where it has none of it.

    Raises:
        StackError: apt has no lists yet, or does not say.
    """
    if shutil.which("apt-get") is None:
        return []
    argv = ["apt-get", "indextargets", "--format", _NAME_FIELDS, "Created-By: Packages"]
    lines = {tuple(line.split("|")) for line in _ask(argv).splitlines()}
    if not lines:
        raise StackError("this machine's apt has no lists of packages", hint="apt-get update")
    wanted = (release.codename, f"{release.codename}-updates", f"{release.codename}-security")
    return sorted(
        {
            Source(site.rstrip("/"), suite, codename)
            for site, codename, suite, component, origin in lines
            if codename in wanted and component == "main" and origin == "Debian"
        },
        key=lambda source: (source.codename, source.uri),
    )


def sources_list(found: list[Source]) -> str:
    """`found` as a sources.list."""
    return "".join(f"deb [signed-by={_KEYRING}] {source.uri} {source.suite} main\n" for source in found)


def _write_settings(folder: Path, found: list[Source]) -> None:
    """Write into `folder` what bootstrap.sh lays over the file system."""
    (folder / "dpkg.cfg").write_text(recipe.dpkg_settings(), "utf-8")
    if _memory_mb() >= _MEMORY_MB:
        (folder / "in-memory").touch()
    apt = folder / "apt"
    (apt / "apt.conf.d").mkdir(parents=True)
    own = ['Acquire::Languages "none";']
    if not found:
        (apt / "apt.conf.d/99drillbook").write_text("\n".join(own) + "\n", "utf-8")
        return  # debootstrap's own mirror
    (apt / "sources.list").write_text(sources_list(found), "utf-8")
    lines = [line for line in _ask(["apt-config", "dump"]).splitlines() if _REACHING.match(line)]
    if any(source.uri.startswith("https:") for source in found) and _CERTIFICATES.exists():
        shutil.copy(_CERTIFICATES, apt / "drillbook-ca.crt")
        own.append('Acquire::https::CaInfo "/etc/apt/drillbook-ca.crt";')
    (apt / "apt.conf.d/99drillbook").write_text("\n".join([*lines, *own]) + "\n", "utf-8")
    if Path("/etc/apt/auth.conf").exists():
        shutil.copy("/etc/apt/auth.conf", apt / "auth.conf")
    if Path("/etc/apt/auth.conf.d").is_dir():
        shutil.copytree("/etc/apt/auth.conf.d", apt / "auth.conf.d")


def _memory_mb() -> int:
    import psutil  # noqa: PLC0415  not needed before

    return int(psutil.virtual_memory().available) // _MB


def _ask(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_ASK_S, check=True)
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
        raise StackError(f"{argv[0]} failed: {said}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"{argv[0]} failed: {error}") from error
    return done.stdout


@contextmanager
def _new(place: Path) -> Iterator[tempfile._TemporaryFileWrapper[bytes]]:
    """A file that becomes `place` if all goes well, and is gone if not."""
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".making-", delete=False) as file:
        try:
            yield file
            Path(file.name).replace(place)
        finally:
            Path(file.name).unlink(missing_ok=True)


def _run(argv: list[str], output: int, errors: int, log: Path, say: Say) -> None:
    """Run `argv` to its end, or end it at the deadline; tell from its log what it is at."""
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
        )
    except OSError as error:
        raise StackError(f"can't start {argv[0]}: {error.strerror}") from error
    try:
        said = 0
        for _ in range(int(DEADLINE_S)):
            try:
                process.wait(1.0)
            except subprocess.TimeoutExpired:
                said = _tell(log, said, say)
                continue
            _tell(log, said, say)
            break
        else:
            raise StackError(f"the Debian set was not made within {DEADLINE_S:g} s", path=log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # unshare takes everything in its namespaces along
            process.wait(10.0)
    if process.returncode != 0:
        lines = log.read_text("utf-8", "replace").strip().splitlines()
        bad = [line for line in lines if line.startswith(("E:", "dpkg: error"))]
        last = (bad or lines or [f"exit code {process.returncode}"])[-1]
        raise StackError(f"the Debian set can't be made: {last}", hint=f"see {log}")


def _tell(log: Path, told: int, say: Say) -> int:
    """Tell the stages in `log` after the first `told`; how many there are now."""
    text = log.read_text("utf-8", "replace")
    stages = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("drillbook: ")]
    for stage in stages[told:]:
        say(stage)
    return len(stages)


def _forget_older(place: Path) -> None:
    """Take away what earlier recipes left in the cache, of the same release and machine."""
    stem = place.name.rpartition("-")[0]
    for other in place.parent.glob(f"{stem}-*.tar"):
        if other != place:
            other.unlink(missing_ok=True)
