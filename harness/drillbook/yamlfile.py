"""A YAML file read strictly: every value knows its line, and what is wrong is said with file and line.

It knows the forms of values (text, durations, tables) and nothing of what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from drillbook.errors import InputError
from drillbook.suggest import suggestion

_UNITS_S = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|s|m|h)?", re.ASCII)
_INTEGER = re.compile(r"[0-9]{1,9}", re.ASCII)
_LONGEST_S = 86400.0


@dataclass(frozen=True, slots=True)
class Item:
    """A value in a YAML file, and where it is. `name` says in an error what it is."""

    path: Path
    node: yaml.Node
    name: str

    @property
    def line(self) -> int:
        """Its line, from 1 on."""
        return int(self.node.start_mark.line) + 1

    def error(self, message: str, hint: str | None = None) -> InputError:
        """An error about this value."""
        return InputError(message, path=self.path, line=self.line, hint=hint)

    def mismatch(self, wanted: str, hint: str | None = None) -> InputError:
        """The error that this value is not `wanted`."""
        return self.error(f"{self.name} must be {wanted}, not {self._shown()}", hint)

    def text(self) -> str:
        """It, as text that is not empty."""
        if not self._is("str"):
            scalar = isinstance(self.node, yaml.ScalarNode) and not self._is("null")
            raise self.mismatch("text", "put it in quotes" if scalar else None)
        text = str(self.node.value).strip()
        if not text:
            raise self.mismatch("text")
        return text

    def scalar(self) -> str:
        """It, as the text of a single value of any kind."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value:
            raise self.mismatch("a value")
        return str(self.node.value)

    def choice(self, known: Sequence[str]) -> str:
        """It, as one of `known`."""
        text = self.text()
        if text not in known:
            raise self.error(f"{self.name} can't be {text!r}", suggestion(text, known))
        return text

    def duration_s(self, least: float = 0.001, most: float = _LONGEST_S) -> float:
        """It in seconds: `5s`, `200ms`, `2m`, `1h` or a plain number of seconds, from `least` to `most`."""
        match = _DURATION.fullmatch(str(self.node.value)) if isinstance(self.node, yaml.ScalarNode) else None
        if match is None:
            raise self.mismatch("a duration", "write 5s, 200ms, 2m or 1h")
        seconds = float(match[1]) * _UNITS_S[match[2] or ""]
        if not least <= seconds <= most:
            raise self.mismatch(f"from {least:g} s to {most:g} s")
        return seconds

    def integer(self, least: int, most: int) -> int:
        """It, as a whole number from `least` to `most`."""
        number = str(self.node.value)
        if not self._is("int") or not _INTEGER.fullmatch(number) or not least <= int(number) <= most:
            raise self.mismatch(f"a whole number from {least} to {most}")
        return int(number)

    def items(self) -> list[Item]:
        """Its values, as a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.mismatch("a list")
        return [Item(self.path, node, f"an entry of {self.name}") for node in self.node.value]

    def entries(self) -> dict[str, tuple[Item, Item]]:
        """Its keys and values, as a table: each key as text, then the key's own item and the value's."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.mismatch("a table")
        found: dict[str, tuple[Item, Item]] = {}
        for key_node, value_node in self.node.value:
            key = Item(self.path, key_node, f"a key of {self.name}")
            text = key.text()
            if text in found:
                raise key.error(f"{text!r} is there twice", f"the first is on line {found[text][0].line}")
            found[text] = key, Item(self.path, value_node, text)
        return found

    def table(self, known: Sequence[str], needed: Sequence[str] = ()) -> dict[str, Item]:
        """Its values by key, as a table that has only keys in `known` and every one in `needed`."""
        entries = self.entries()
        for text, (key, _) in entries.items():
            if text not in known:
                raise key.error(f"{self.name} has no key {text!r}", suggestion(text, known))
        for text in needed:
            if text not in entries:
                raise self.error(f"{self.name} lacks the key {text!r}")
        return {text: value for text, (_, value) in entries.items()}

    def is_table(self) -> bool:
        """Whether it is a table."""
        return isinstance(self.node, yaml.MappingNode)

    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    def is_empty_text(self) -> bool:
        """Whether it is a text without a character, as in quotes."""
        return self._is("str") and not self.node.value

    def is_nothing(self) -> bool:
        """Whether no value was given."""
        return self._is("null")

    def _is(self, kind: str) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == f"tag:yaml.org,2002:{kind}"

    def _shown(self) -> str:
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        if isinstance(self.node, yaml.MappingNode):
            return "a table"
        if self.is_nothing() or not self.node.value:
            return "nothing"
        return repr(str(self.node.value)[:40])


def read(path: Path, name: str) -> Item:
    """The one document of the YAML file at `path`; `name` says in errors what it is.

    Raises:
        InputError: there is no such file, it can't be read, or it is not one YAML document in UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"can't read {name}: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name} is not text in UTF-8", path=path, line=line) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _marked(error, path) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{name} has a character that YAML forbids", path=path, line=line) from error
    except RecursionError as error:
        raise InputError(f"{name} is nested too deeply", path=path) from error
    if node is None:
        raise InputError(f"{name} is empty", path=path)
    return Item(path, node, name)


def _marked(error: yaml.MarkedYAMLError, path: Path) -> InputError:
    mark: Any = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else None
    return InputError(f"not YAML: {error.problem or error.context}", path=path, line=line)
