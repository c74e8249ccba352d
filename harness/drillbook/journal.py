"""The journal: an append-only file of JSON lines, written as things happen.

Each line is `{"seq", "t", "wall", "kind", ...}`: a running number, seconds of the monotonic clock, the UTC
time, and the fields of an event. A line is written with one system call, so that a process that is killed
leaves every entry before the last one whole. Known secrets are masked before they reach the file.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from drillbook.errors import JournalError
from drillbook.events import EVENTS, Event
from drillbook.model import to_json

MASK = "***"
_SHORTEST_SECRET = 4  # masking less would mask ordinary words
_HEAD = 120  # bytes of a line in which its kind stands: before it come two numbers and a time

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal. `t` is in seconds of the monotonic clock, `wall` in UTC.

    `line` is where it stands in its file, counted from 1; 0 where it was not read from one.
    """

    seq: int
    t: float
    wall: datetime
    event: Event
    line: int = field(default=0, compare=False)


class Journal:
    """Writes a journal. It must not be shared between processes.

    Args:
        path: the file; made anew (`resume` goes on with one that is there).
        clock: seconds of the monotonic clock.

    Raises:
        JournalError: the file can't be made or, later, written.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._begin(path, clock)
        self._open(os.O_CREAT | os.O_EXCL)

    def _begin(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self._clock = clock
        self._seq = 0
        self._fd = -1
        self._secrets: list[str] = []
        self._listeners: list[Callable[[Entry], None]] = []

    def _open(self, flags: int) -> None:
        flags |= os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        try:
            self._fd = os.open(self.path, flags, 0o644)
        except OSError as error:
            raise JournalError(f"can't open the journal: {error.strerror}", path=self.path) from error

    @classmethod
    def resume(cls, path: Path, *, clock: Callable[[], float] = time.monotonic) -> Journal:
        """Go on with the journal at `path`, whose writer has ended; a torn last line is cut off.

        Raises:
            JournalError: it can't be read or written.
        """
        entries = read(path)
        journal = cls.__new__(cls)
        journal._begin(path, clock)  # noqa: SLF001  its own class
        journal._seq = entries[-1].seq if entries else 0  # noqa: SLF001
        _cut_torn_line(path)
        journal._open(0)  # noqa: SLF001
        return journal

    def hide(self, secret: str) -> None:
        """Mask `secret` in every later entry."""
        if len(secret) >= _SHORTEST_SECRET and secret not in self._secrets:
            self._secrets.append(secret)

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Call `listener` with each later entry, after it is on file."""
        self._listeners.append(listener)

    def write(self, event: Event) -> Entry:
        """Append `event` and return its entry.

        Raises:
            JournalError: the file system took no more (such as a full disk).
        """
        self._seq += 1
        entry = Entry(self._seq, self._clock(), datetime.now(UTC), event)
        head = {
            "seq": entry.seq,
            "t": round(entry.t, 6),
            "wall": entry.wall.isoformat(timespec="milliseconds"),
            "kind": event.kind,
        }
        body = cast("dict[str, Any]", to_json(event))
        line = json.dumps(head | body, ensure_ascii=False, separators=(",", ":"))
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        data = (line + "\n").encode("utf-8", "replace")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise JournalError(f"can't write the journal: {error.strerror}", path=self.path) from error
        for listener in self._listeners:
            listener(entry)
        return entry

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _cut_torn_line(path: Path) -> None:
    try:
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            os.truncate(path, whole)
    except OSError as error:
        raise JournalError(f"can't mend the journal: {error.strerror}", path=path) from error


def read(path: Path, *, most: int | None = None, without: Sequence[type[Event]] = ()) -> list[Entry]:
    """The entries of the journal at `path`, up to the last whole one.

    A torn last line (the writer was killed) and kinds or fields of a later version are passed over. With
    `most`, no more than that many lines are looked at; events of the kinds `without` are passed over unread,
    which is quick where they are many, such as samples.

    Raises:
        JournalError: the file can't be read, or a line before the last is not an entry.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise JournalError(f"can't read the journal: {error.strerror}", path=path) from error
    entries = []
    passed = [f'"kind":"{event.kind}"'.encode() for event in without]
    for number, line in enumerate(lines[:most], 1):
        if not line.strip() or any(mark in line[:_HEAD] for mark in passed):
            continue
        try:
            entry = decode(json.loads(line), line=number)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise JournalError(f"not a journal entry: {error}", path=path, line=number) from error
        if entry is not None:
            entries.append(entry)
    return entries


def decode(data: Mapping[str, Any], *, line: int = 0) -> Entry | None:
    """The entry that a decoded line holds, or None for a kind that this version does not know.

    `line` is the number of that line in its file, if it is of one.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or of the wrong form.
    """
    event_type = EVENTS.get(data["kind"])
    if event_type is None:
        return None
    event = build(event_type, data)
    return Entry(int(data["seq"]), float(data["t"]), datetime.fromisoformat(data["wall"]), event, line)


T = TypeVar("T")


@cache
def _hints(cls: Any) -> Mapping[str, Any]:
    return typing.get_type_hints(cls)


def build(cls: type[T], data: Mapping[str, Any]) -> T:
    """A dataclass from its JSON form, the reverse of `to_json`; unknown keys are passed over.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or of the wrong form.
    """
    hints = _hints(cast("Any", cls))
    names = [f.name for f in dataclasses.fields(cast("Any", cls)) if f.name in data]
    return cls(**{name: _convert(hints[name], data[name]) for name in names})


def _convert(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if value is None:
        return None
    if origin in (types.UnionType, typing.Union):
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        return _convert(inner[0], value) if len(inner) == 1 else value
    if origin is tuple:
        item = typing.get_args(hint)[0]
        return tuple(_convert(item, part) for part in value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if dataclasses.is_dataclass(hint):
        return build(cast("type[Any]", hint), value)
    return value


def events(entries: Iterable[Entry], kind: type[E]) -> list[tuple[Entry, E]]:
    """The entries whose event is of `kind`, each with that event."""
    return [(entry, entry.event) for entry in entries if isinstance(entry.event, kind)]
