"""The log of one deployment: what its replicas wrote, line by line, each with the time of its arrival.

It never interprets a line.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

KEPT_LINES = 10_000
LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line and the UTC time at which it came, ISO 8601 with milliseconds."""

    at: str
    text: str


class DeploymentLog:
    """Writes a deployment's log file and keeps its latest lines at hand.

    Args:
        path: the file, appended to; its directory is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def add(self, text: str) -> None:
        """Append one line. After `close` the line is kept, but no longer on file."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._lines.append(LogLine(at, text))
        if not self._file.closed:
            self._file.write(f"{at} {text}\n")

    def tail(self, count: int) -> list[LogLine]:
        """The last `count` lines, oldest first."""
        return list(self._lines)[-count:] if count > 0 else []

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        self._file.close()


class LineSplitter:
    """Cuts one stream of bytes into the lines of a log, and overlong lines at `LONGEST_LINE` bytes."""

    def __init__(self, log: DeploymentLog) -> None:
        self._log = log
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self._add(line)
        while len(self._rest) > LONGEST_LINE:
            self._add(self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]

    def end(self) -> None:
        """The stream is at its end: what is left is a line too."""
        if self._rest:
            self._add(self._rest)
            self._rest = b""

    def _add(self, line: bytes) -> None:
        self._log.add(line.decode("utf-8", "replace").rstrip("\r"))
