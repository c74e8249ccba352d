"""A CLI's surface as a YAML file: the packaged ones, and a team's own (docs/surfaces.md).

It reads and checks the file; what a call lacks is for `surface`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import yaml

from drillbook.lint.surface import Command, Flag, Grammar, Surface, Value
from drillbook.yamlfile import Item, read

_FOLDER = Path(__file__).resolve().parent / "surfaces"
# Programs that have the surface of another one, whose file they need not be looked for in.
_OTHER_NAMES = {"valkey-cli": "redis-cli", "vc": "vercel"}
_FLAG = re.compile(r"(?P<name>--?[\w#:?*][\w.*-]*)(?P<value>=\?|\[=\]|=)?(?P<ends>!)?")
_SAYS = ("command", "subcommand", "flag", "short-flag", "bare")
_TOP = ("program", "names", "version", "source", "grammar", "plugins", "says", "instead", "help")
_COMMAND = ("aliases", "flags", "inherited", "commands", "arguments", "needs-subcommand", "verbatim")
_GRAMMAR = ("exact", "no-equals", "prefixes", "anywhere", "any-case", "separator")


def packaged() -> tuple[str, ...]:
    """The programs that have a packaged surface."""
    return tuple(sorted([*(path.stem for path in _FOLDER.glob("*.yaml")), *_OTHER_NAMES]))


@lru_cache(maxsize=32)
def packaged_surface(program: str) -> Surface | None:
    """The packaged surface of a program; None if there is none."""
    if program not in packaged():
        return None
    path = _FOLDER / f"{_OTHER_NAMES.get(program, program)}.yaml"
    # libyaml, where it is built in, is ten times as fast, and says less well what is wrong with a file.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    node = yaml.compose(path.read_text("utf-8"), Loader=loader)
    return None if node is None else _surface(Item(path, node, "the surface"))


def read_surface(path: Path) -> Surface:
    """The surface in the file at `path`.

    Raises:
        InputError: there is no such file, or it is not one of a surface.
    """
    return _surface(read(path, "the surface"))


def _surface(item: Item) -> Surface:
    table = item.table((*_TOP, *_COMMAND), needed=("program", "version", "source"))
    program = table["program"].text()
    others = [each.text() for each in table["names"].items()] if "names" in table else []
    says = table["says"].table(_SAYS) if "says" in table else {}
    instead = table["instead"].entries() if "instead" in table else {}
    return Surface(
        names=tuple(dict.fromkeys([program, *others])),
        version=table["version"].scalar(),
        source=table["source"].text(),
        root=_command(table, ()),
        grammar=_grammar(table["grammar"]) if "grammar" in table else Grammar(),
        plugins=_yes(table, "plugins"),
        says={name: value.text() for name, value in says.items()},
        instead={name: value.text() for name, (_, value) in instead.items()},
        help=table["help"].text() if "help" in table else "{path} --help",
    )


def _grammar(item: Item) -> Grammar:
    table = item.table(_GRAMMAR)
    return Grammar(
        exact=_yes(table, "exact"),
        equals=not _yes(table, "no-equals"),
        prefixes=_yes(table, "prefixes"),
        anywhere=_yes(table, "anywhere"),
        any_case=_yes(table, "any-case"),
        separator=table["separator"].text() if "separator" in table else "",
    )


def _command(table: Mapping[str, Item], path: Sequence[str]) -> Command:
    commands = _commands(table["commands"], path) if "commands" in table else {}
    inherited = _flags(table["inherited"]) if "inherited" in table else {}
    return Command(
        flags=_flags(table["flags"]) if "flags" in table else None,
        inherited=inherited,
        commands=commands,
        arguments=_yes(table, "arguments"),
        needs_command=_yes(table, "needs-subcommand"),
        verbatim=_yes(table, "verbatim"),
    )


def _commands(item: Item, path: Sequence[str]) -> dict[str, Command]:
    found: dict[str, Command] = {}
    for name, (key, value) in item.entries().items():
        table = {} if value.is_nothing() else value.table(_COMMAND)
        command = _command(table, (*path, name))
        aliases = [each.text() for each in table["aliases"].items()] if "aliases" in table else []
        for each in (name, *aliases):
            if each in found:
                raise key.error(f"{' '.join((*path, each))!r} is there twice")
            found[each] = command
    return found


def _flags(item: Item) -> dict[str, Flag]:
    found: dict[str, Flag] = {}
    if item.is_nothing() or item.is_empty_text():
        return found
    for word in item.text().split():
        match = _FLAG.fullmatch(word)
        if match is None:
            raise item.error(
                f"{word!r} is not a flag", "write -x or --name; --name= takes a value, --name[=] may take one"
            )
        found[match["name"]] = Flag(match["name"], Value(match["value"] or ""), ends=bool(match["ends"]))
    return found


def _yes(table: Mapping[str, Item], key: str) -> bool:
    """Whether the key is there and says true; `false` is the same as leaving it out."""
    if key not in table:
        return False
    value = table[key]
    if value.scalar() not in ("true", "false"):
        raise value.mismatch("true or false")
    return value.scalar() == "true"
