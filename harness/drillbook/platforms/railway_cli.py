"""The `railway` command of a drill: a thin client of the platform, which reads and answers the call.

Run as a script, by `python -I -S railway_cli.py SOCKET ARGUMENTS…`; it imports nothing outside the standard
library, and little of that, because every step of a runbook pays for its start. It carries out one thing
itself: the child of `railway run`, which belongs to the caller's terminal, directory and process group.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

TYPE_CHECKING = False  # in place of `typing`, whose import would cost as much as the rest of the start
if TYPE_CHECKING:
    from typing import Any

_CONNECT_S = 5.0
_ANSWER_S = 600.0


def main() -> int:
    """Pass the call on, print the answer, and run the child if the answer says so."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that leaves early, as in `railway logs | head`
    path, argv = sys.argv[1], sys.argv[2:]
    try:
        answer = ask(path, {"argv": argv, "stdin": value_from_stdin(argv)})
    except (OSError, ValueError) as error:
        write(2, f"Failed to reach the platform: {error}\n")
        return 1
    write(1, answer["stdout"])
    write(2, answer["stderr"])
    if answer["child"] is None:
        return int(answer["code"])
    return run(argv[answer["child"] :], answer["variables"])


def ask(path: str, request: dict[str, Any]) -> Any:
    """The platform's answer to `request`; `path` is a socket's, or HOST:PORT."""
    family = socket.AF_UNIX if path.startswith("/") else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(_CONNECT_S)
        host, _, port = path.rpartition(":")
        connection.connect(path if family == socket.AF_UNIX else (host, int(port)))
        connection.settimeout(_ANSWER_S)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            return json.loads(lines.readline() or b"the platform went away")


def value_from_stdin(argv: list[str]) -> str | None:
    """What a variable is set to from standard input; None where the call asks for no such thing."""
    names = ("variable", "variables", "vars", "var")
    wanted = any(word == "--stdin" or word.startswith("--set-from-stdin") for word in argv)
    if not wanted or argv[0] not in names or sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def run(command: list[str], variables: dict[str, str]) -> int:
    """Run `command` as a child with `variables` in its environment; what the real CLI exits with then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the child
    os.environ.update(variables)
    default = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)
    try:
        child = os.posix_spawnp(command[0], command, os.environ, setsigdef=default)
    except OSError as error:
        write(2, f"{error.strerror} (os error {error.errno})\n")
        return 1
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return max(status, 0)  # killed by a signal is 0, as with the real CLI


def write(descriptor: int, text: str) -> None:
    """Write all of `text`, in UTF-8 whatever the locale."""
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    sys.exit(main())
