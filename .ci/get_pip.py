"""Install pip into the environment of this Python from the package index, where nothing else can.

For a Python without ensurepip and a system without pip. A wheel of pip can run from its file, so it is
fetched, held against the index's checksum, and told to install itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

_INDEX = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
_FORM = "application/vnd.pypi.simple.v1+json"
_DEADLINE_S = 60.0
_INSTALL_DEADLINE_S = 300.0
_WHEEL = re.compile(r"pip-(\d+(?:\.\d+)+)-py3-none-any\.whl")


def newest_wheel() -> tuple[str, str]:
    """The address of the newest released wheel of pip, and its SHA-256."""
    page = f"{_INDEX}/pip/"
    files = json.loads(fetch(page, accept=_FORM))["files"]
    wheels = [(match.group(1), file) for file in files if (match := _WHEEL.fullmatch(file["filename"]))]
    _, file = max(wheels, key=lambda wheel: [int(part) for part in wheel[0].split(".")])
    return urljoin(page, file["url"]), file["hashes"]["sha256"]


def fetch(url: str, *, accept: str = "*/*") -> bytes:
    """What is at `url`, which must not be a local file.

    Raises:
        OSError: it can't be had.
        ValueError: it is not an address on the web.
    """
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"not an address of an index: {url}")
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310  checked above
    with urllib.request.urlopen(request, timeout=_DEADLINE_S) as answer:  # noqa: S310  checked above
        data: bytes = answer.read()
    return data


def main() -> int:
    """Fetch pip and have it install itself; an exit code."""
    try:
        url, checksum = newest_wheel()
        data = fetch(url)
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"drillbook: can't get pip from {_INDEX}: {error}\n")
        return 1
    if hashlib.sha256(data).hexdigest() != checksum:
        sys.stderr.write(f"drillbook: what came from {url} is not what the index promised\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder) / url.rpartition("/")[2]
        wheel.write_bytes(data)
        argv = [sys.executable, f"{wheel}/pip", "install", "--quiet", "pip"]
        return subprocess.run(argv, timeout=_INSTALL_DEADLINE_S, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
