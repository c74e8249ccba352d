"""The text of a runbook file, checked and with uniform line ends.

It reads and never interprets: what the text means is the business of the other modules.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from drillbook.errors import InputError

MAX_BYTES = 5_000_000


def read_source(path: Path) -> tuple[str, str]:
    """The text of the runbook at `path`, and the SHA-256 of the file's bytes.

    Raises:
        InputError: the file is missing, not a regular file, unreadable, empty, larger than `MAX_BYTES`,
            binary, or not UTF-8.
    """
    if path.is_dir():
        raise InputError("is a directory, not a runbook", path=path, hint="name the Markdown file in it")
    if path.exists() and not path.is_file():
        raise InputError("is not a regular file", path=path, hint="name a Markdown file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError("no such runbook", path=path, hint="check the path") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"can't read the runbook: {reason}", path=path) from error
    return _decode(data, path), hashlib.sha256(data).hexdigest()


def _decode(data: bytes, path: Path) -> str:
    if len(data) > MAX_BYTES:
        limit = f"{MAX_BYTES // 1_000_000} MB"
        raise InputError(f"is larger than {limit}", path=path, hint="split the runbook")
    if b"\0" in data:
        raise InputError("is a binary file, not Markdown", path=path, hint="save it as UTF-8 text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError("is not UTF-8", path=path, line=line, hint="save it as UTF-8") from error
    if not text.strip():
        raise InputError("is empty", path=path, hint="write the first step")
    return text


def normalise(text: str) -> str:
    """`text` as the Markdown parser counts it: no byte-order mark, line feeds between lines, no NUL."""
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
