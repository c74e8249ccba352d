"""Whether a step could not run *as written*, as against having run without success.

An unknown command, a usage error, an empty variable and a refused connection say that the runbook, or the
shell that it assumes, is wrong. Everything else is for the probes to judge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from drillbook.responders.shell import Completed

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
_USAGE = re.compile(
    r"unrecognized (?:subcommand|option|argument)|unexpected argument|unknown (?:command|option|flag)|"
    r"invalid option|illegal option|no such command|syntax error|requires? a (?:subcommand|value)|"
    r"^usage:|invalid uri scheme|invalid connection option",
    re.IGNORECASE | re.MULTILINE,
)
_REFUSED = re.compile(
    r"connection refused|could not connect|connection to server .* failed|name or service not known|"
    r"could not translate host name|network is unreachable",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_SINGLE_QUOTED = re.compile(r"'[^']*'")


def why_broken(command: str, completed: Completed, environment: Mapping[str, str]) -> str:
    """Why `command` could not run as written, as a phrase; empty where it could."""
    if completed.exit_code in (0, None):
        return ""
    output = f"{completed.stderr}\n{completed.stdout}"
    if completed.exit_code in (_NOT_FOUND, _NOT_EXECUTABLE):
        return _line_with(re.compile("not found|denied|No such file"), output) or "command not found"
    empty = [name for name in variables(command) if not environment.get(name)]
    if empty:
        return f"${empty[0]} is empty in the on-call shell: {_first(output)}"
    return _line_with(_USAGE, output) or _line_with(_REFUSED, output)


def variables(command: str) -> list[str]:
    """The variables that the shell would expand in `command` and that it does not itself set."""
    # Within double quotes an apostrophe quotes nothing: there the single-quoted part stays.
    text = command if '"' in command else _SINGLE_QUOTED.sub("", command)
    names = [braced or bare for braced, bare in _VARIABLE.findall(text)]
    return [name for name in dict.fromkeys(names) if not re.search(rf"\b{name}=", command)]


def _line_with(pattern: re.Pattern[str], output: str) -> str:
    return next((line.strip() for line in output.splitlines() if pattern.search(line)), "")


def _first(output: str) -> str:
    return next((line.strip() for line in output.splitlines() if line.strip()), "no output")
