"""The plan's key `stack`: a team's own app, read and checked. What its programs are is looked up later.

It starts nothing, and fills in nothing that only a drill knows.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from drillbook.app import (
    AT_A_REPLICA,
    BUGS,
    LEAKS_MEMORY,
    PATIENCE_S,
    PLACEHOLDERS,
    App,
    Look,
    OwnApp,
    OwnInvariant,
    OwnRelease,
    lock_of,
    used,
    with_bug,
)
from drillbook.composefile.outline import (
    ROLES,
    Choice,
    Outline,
    health_of,
    port_of,
    read_outline,
    recognise,
)
from drillbook.composefile.stack import resolve
from drillbook.errors import InputError
from drillbook.model import Json
from drillbook.suggest import suggestion
from drillbook.yamlfile import Item

_KEYS = (
    *("name", "command", "folder", "health", "env", "probes", "table", "schema", "setup", "releases"),
    *("bad_variable", "boot", "memory", "reads", "invariants", "image"),
    *("compose", "app", "database", "cache", "port"),
)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_NAME = re.compile(r"[\w.-]+", re.ASCII)
_TABLE = re.compile(r'(?:\w+|"[^"]+")(?:\.(?:\w+|"[^"]+"))?')
_SIZE = re.compile(r"([0-9]{1,6}) ?(MB|GB)", re.ASCII)
_LONGEST_BOOT_S = 300.0
_FIRST = OwnRelease("v1", "What serves")


@dataclass(frozen=True, slots=True)
class OwnStack:
    """A team's own app as the plan at `path` has it.

    `lines` has the line of each program that it names. `contained` is the app as its image has it, with
    nothing of this machine, or None where the plan names no image. `choice` is its compose file, if it has
    one.
    """

    path: Path
    app: OwnApp
    lines: Mapping[str, int]
    contained: OwnApp | None = None
    choice: Choice | None = None

    @property
    def has_command(self) -> bool:
        """Whether it can be started as a process of this machine."""
        return bool(self.app.command)

    def in_containers(self) -> OwnApp | None:
        """The app as containers have it, or None where the plan names neither an image nor a compose file.

        Raises:
            InputError: the compose file can't be used.
        """
        if self.choice is None or self.contained is None:
            return self.contained
        compose, _ = resolve(self.choice)
        return replace(self.contained, image=compose.app.image, compose=compose)

    def left_out(self) -> tuple[InputError, ...]:
        """What of the compose file is not in a drill, each a line to be told.

        Raises:
            InputError: the compose file can't be used.
        """
        return () if self.choice is None else resolve(self.choice)[1]

    def settled(self) -> OwnApp:
        """The app with its programs looked up on this machine, and all that they must be able to read.

        Raises:
            InputError: a program is not there.
        """
        if not self.has_command:
            return self.app
        app, found = self.app, {}
        for program in self.lines:
            path = _find(program, Path(app.folder))
            if path is None:
                raise InputError(
                    f"there is no program {program!r} here",
                    path=self.path,
                    line=self.lines[program],
                    hint="install the app first; a program with a slash is looked for in the stack's folder",
                )
            found[program] = path
        places = [place for path in found.values() for place in _places(path)]
        first = found[app.command[0]].parent
        return replace(
            app,
            command=_with_program(app.command, found),
            setup=tuple(_with_program(command, found) for command in app.setup),
            releases=tuple(
                replace(release, command=_with_program(release.command, found)) for release in app.releases
            ),
            search=os.pathsep.join([str(first), os.environ.get("PATH", os.defpath)]),
            reads=tuple(dict.fromkeys([app.folder, *map(str, places), *app.reads])),
        )


def _find(program: str, folder: Path) -> Path | None:
    if "/" in program:
        path = folder / Path(program).expanduser()
        return path if path.is_file() and os.access(path, os.X_OK) else None
    found = shutil.which(program)
    return Path(found).absolute() if found else None


def _with_program(command: Sequence[str], found: Mapping[str, Path]) -> tuple[str, ...]:
    return (str(found[command[0]]), *command[1:]) if command else ()


def _places(program: Path) -> list[Path]:
    """What a program needs to be read: itself, and the virtual environment that it lies in, with its base."""
    places = [program.resolve()]
    for environment in {program.parent.parent, program.resolve().parent.parent}:
        if (environment / "pyvenv.cfg").is_file():
            python = (environment / "bin" / "python").resolve()
            places += [environment.resolve(), python.parent.parent]
    return places


def read_stack(item: Item | None) -> OwnStack | None:
    """The team's own app that `item` describes, or None where the plan has none.

    Raises:
        InputError: the description can't be used; with the file and line.
    """
    if item is None:
        return None
    table = item.table(_KEYS, () if "compose" in item.entries() else ("command", "health"))
    lines: dict[str, int] = {}
    folder = item.path.parent / (table["folder"].text() if "folder" in table else ".")
    if not folder.is_dir():
        raise table["folder"].error(f"there is no folder {table['folder'].text()!r} beside the plan")
    choice, said = _compose(table, folder)
    own = OwnApp(
        app=App(
            _name(table["name"]) if "name" in table else choice.app if choice is not None else "app", (), ()
        ),
        command=_command(table["command"], lines, replica=True) if "command" in table else (),
        folder=str(folder.resolve()),
        environment=_environment(table.get("env")),
        health=read_path(table["health"]) if "health" in table else said,
        releases=_releases(table.get("releases"), lines, has_memory="memory" in table),
        setup=_setup(table.get("setup"), lines),
        schema=str(_file(table["schema"], folder)) if "schema" in table else "",
        boot_s=table["boot"].duration_s(1.0, _LONGEST_BOOT_S) if "boot" in table else 20.0,
        reads=tuple(str(_place(each, folder)) for each in table["reads"].items()) if "reads" in table else (),
        memory_mb=_size_mb(table["memory"]) if "memory" in table else None,
        invariants=_invariants(table.get("invariants")),
    )
    app = App(
        name=own.app.name,
        looks=(Look("health", own.health), *_looks(table.get("probes"))),
        offers=(),
        table=_table(table.get("table")),
        lock=lock_of(_table(table["table"])) if "table" in table else "",
        releases={release.bug: release.name for release in own.releases if release.bug},
        bad_variable=_bad_variable(table.get("bad_variable")),
    )
    own = replace(own, app=replace(app, offers=_offers(own, app, choice)))
    if choice is not None:
        contained = replace(own, folder="", search="", reads=(), command=())
        return OwnStack(item.path, own, lines, contained, choice)
    return OwnStack(item.path, own, lines, _contained(own, table.get("image")))


def _compose(table: Mapping[str, Item], folder: Path) -> tuple[Choice | None, str]:
    """The compose file that the plan names, with its services, and the app's health path that is in it."""
    if "compose" not in table:
        for key in ("app", "database", "cache", "port"):
            if key in table:
                raise table[key].error(
                    f"{key} is a service of a compose file", "name the file: compose: FILE"
                )
        return None, ""
    if "image" in table:
        raise table["image"].error("image and compose are both there", "keep one of them")
    item = table["compose"]
    outline = read_outline(_file(item, folder))
    if "app" not in table:
        likely = recognise(outline).get("app", "SERVICE")
        raise item.error("which service is the app is not said", f"write app: {likely}")
    roles = {role: _role(table[role], outline) for role in ROLES if role in table}
    service = outline.services.get(roles["app"], {})
    if "port" not in table and not port_of(service).isdigit():
        raise table["app"].error(
            f"on which port {roles['app']!r} listens is not said",
            "write port: NUMBER, as it is in its container",
        )
    said = health_of(service)
    if "health" not in table and not said:
        hint = "write health: /PATH, which answers 2xx when the app is ready"
        raise table["app"].error(f"which path tells the health of {roles['app']!r} is not said", hint)
    port = table["port"].integer(1, 65535) if "port" in table else int(port_of(service))
    return Choice(outline.file, port=port, **roles), said


def _role(item: Item, outline: Outline) -> str:
    name = item.text()
    if outline.whole and name not in outline.services:
        raise item.error(f"{outline.file.name} has no service {name!r}", suggestion(name, outline.services))
    return name


def _contained(own: OwnApp, item: Item | None) -> OwnApp | None:
    """`own` as the image at `item` has it, whose commands may be others than this machine's."""
    if item is None:
        return None
    table = item.table(("name", "command", "setup"), ("name",)) if item.is_table() else {"name": item}
    lines: dict[str, int] = {}  # its programs are not this machine's
    contained = replace(own, image=table["name"].text(), folder="", search="", reads=())
    if "command" in table:
        contained = replace(contained, command=_command(table["command"], lines, replica=True))
    if "setup" in table:
        contained = replace(contained, setup=_setup(table["setup"], lines))
    return contained


def _offers(own: OwnApp, app: App, choice: Choice | None) -> tuple[str, ...]:
    """What the app meets of what scenarios need, as far as a plan can tell."""
    texts = [*own.command, *own.environment.values(), *(word for each in own.setup for word in each)]
    for release in own.releases:
        texts += [*release.command, *release.environment.values()]
    names = {name for text in texts for name in used(text)}
    has_database = bool(own.schema or app.table) or any(name.startswith("database_") for name in names)
    has_cache = any(name.startswith("cache_") for name in names)
    offers = ["database", "table"] if has_database or (choice is not None and choice.database) else []
    offers += ["cache"] if has_cache or (choice is not None and choice.cache) else []
    offers += ["bad variable"] if app.bad_variable else []
    return (*offers, *(with_bug(bug) for bug in app.releases))


def _name(item: Item) -> str:
    if not _NAME.fullmatch(item.text()):
        raise item.error(f"{item.text()!r} is not a name", "use letters, digits, dots and dashes")
    return item.text()


def _command(item: Item, lines: dict[str, int], *, replica: bool) -> tuple[str, ...]:
    """The words of a command; it is not given to a shell."""
    if item.is_list():
        words = [entry.scalar() for entry in item.items()]
    else:
        try:
            words = shlex.split(item.text())
        except ValueError as error:
            raise item.error(f"{item.name} can't be split into words: {error}") from error
    if not words:
        raise item.mismatch("a command")
    _check_placeholders(item, words, AT_A_REPLICA if replica else ())
    if used(words[0]):
        raise item.error("the program itself can't be a placeholder")
    lines.setdefault(words[0], item.line)
    return tuple(words)


def _check_placeholders(item: Item, texts: Iterable[str], more: Sequence[str] = ()) -> None:
    known = [*PLACEHOLDERS, *more]
    for name in (name for text in texts for name in used(text)):
        if name not in known:
            raise item.error(f"there is nothing to fill in for {{{name}}}", suggestion(name, known))


def _environment(item: Item | None) -> dict[str, str]:
    found = {}
    for text, (key, value) in (item.entries() if item is not None else {}).items():
        if not _VARIABLE.fullmatch(text):
            raise key.error(f"{text!r} can't be a variable's name")
        found[text] = "" if value.is_empty_text() else value.scalar()
        _check_placeholders(value, [found[text]])
    return found


def read_path(item: Item) -> str:
    """A path of the app.

    Raises:
        InputError: it does not begin with a slash.
    """
    text = item.text()
    if not text.startswith("/") or any(character.isspace() for character in text):
        raise item.error(f"{text!r} is not a path of the app", "begin it with a slash, as in /health")
    return text


def _looks(item: Item | None) -> tuple[Look, ...]:
    looks = []
    for text, (key, value) in (item.entries() if item is not None else {}).items():
        if not _NAME.fullmatch(text):
            raise key.error(f"{text!r} is not a name", "use letters, digits, dots and dashes")
        if text == "health":
            raise key.error("health is looked at anyway", "leave it out, or give it another name")
        looks.append(_look(text, value))
    return tuple(looks)


def _look(name: str, item: Item) -> Look:
    if not item.is_table():
        return Look(name, read_path(item))
    table = item.table(("path", "method", "body", "status", "slow"), ("path",))
    return Look(
        name,
        read_path(table["path"]),
        table["method"].choice(_METHODS) if "method" in table else "GET",
        _json(table["body"]) if "body" in table else None,
        table["status"].integer(100, 599) if "status" in table else None,
        table["slow"].duration_s(0.05, 10.0) if "slow" in table else PATIENCE_S,
    )


def _json(item: Item) -> Json:
    try:
        data: Any = yaml.safe_load(yaml.serialize(item.node, Dumper=yaml.SafeDumper))
        made: Json = json.loads(json.dumps(data, default=str, allow_nan=False))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise item.error(f"{item.name} can't be sent as JSON") from error
    return made


def _table(item: Item | None) -> str:
    if item is None:
        return ""
    if not _TABLE.fullmatch(item.text()):
        raise item.error(f"{item.text()!r} is not the name of a table", "write NAME or SCHEMA.NAME")
    return item.text()


def _setup(item: Item | None, lines: dict[str, int]) -> tuple[tuple[str, ...], ...]:
    if item is None:
        return ()
    entries = item.items() if item.is_list() else [item]
    return tuple(_command(entry, lines, replica=False) for entry in entries)


def _releases(item: Item | None, lines: dict[str, int], *, has_memory: bool) -> tuple[OwnRelease, ...]:
    if item is None:
        return (_FIRST,)
    found: dict[str, OwnRelease] = {}
    for text, (key, value) in item.entries().items():
        if not _NAME.fullmatch(text):
            raise key.error(f"{text!r} is not a release's name", "use letters, digits, dots and dashes")
        found[text] = release = _release(text, value, lines)
        if release.bug == LEAKS_MEMORY and not has_memory:
            raise value.error("a release leaks memory until a limit is reached", "give the stack's memory")
        if release.bug and [each.bug for each in found.values()].count(release.bug) > 1:
            raise value.error(f"another release has the bug {release.bug!r} already")
    if all(release.bug for release in found.values()):
        raise item.error("there is no release without a bug", "the first thing that serves must be sound")
    return tuple(found.values())


def _release(name: str, item: Item, lines: dict[str, int]) -> OwnRelease:
    if item.is_nothing():
        return OwnRelease(name, f"Release {name}")
    table = item.table(("message", "command", "env", "bug"))
    bug = table["bug"].choice(tuple(BUGS)) if "bug" in table else ""
    if bug and "command" not in table and "env" not in table:
        raise item.error(f"the release {name!r} does not differ from the others", "give its command or env")
    return OwnRelease(
        name,
        table["message"].text() if "message" in table else f"Release {name}",
        _command(table["command"], lines, replica=True) if "command" in table else (),
        _environment(table.get("env")),
        bug,
    )


def _bad_variable(item: Item | None) -> tuple[str, ...]:
    if item is None:
        return ()
    entries = _environment(item)
    if len(entries) != 1:
        raise item.mismatch("one variable and a value with which the app does not serve")
    return next(iter(entries.items()))


def _invariants(item: Item | None) -> tuple[OwnInvariant, ...]:
    entries = item.entries() if item is not None else {}
    return tuple(OwnInvariant(text, value.text()) for text, (_, value) in entries.items())


def _file(item: Item, folder: Path) -> Path:
    file = folder / item.text()
    if not file.is_file():
        raise item.error(f"there is no file {item.text()!r} in the stack's folder")
    return file.resolve()


def _place(item: Item, folder: Path) -> Path:
    place = folder / Path(item.text()).expanduser()
    if not place.exists():
        raise item.error(f"there is no {item.text()!r}")
    return place.resolve()


def _size_mb(item: Item) -> float:
    match = _SIZE.fullmatch(item.scalar())
    if match is None or int(match[1]) == 0:
        raise item.mismatch("a size", "write 256MB or 1GB")
    return float(match[1]) * (1000 if match[2] == "GB" else 1)
