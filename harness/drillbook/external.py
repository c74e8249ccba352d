"""What may be broken: what Drillbook started, and beyond that only what was allowed and confirmed by name.

It decides from names and opens nothing. See "What may be broken" in docs/backends.md.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from drillbook.errors import InputError

_WORDS = frozenset({"prod", "production", "prd", "live"})
_PRIVATE = (".localhost", ".test")  # RFC 6761: nobody's names on the Internet
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[^a-z]+")


@dataclass(frozen=True, slots=True)
class Target:
    """Something that is running and that Drillbook did not start.

    `name` is what a user types to confirm it, `kind` what it is, such as `the compose project`; `hosts` are
    where it is reached. `known` says that it is the stack of Drillbook's own compose file.
    """

    name: str
    kind: str
    hosts: tuple[str, ...] = ()
    known: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


def permit(
    target: Target, *, allowed: bool, named: str | None, ask: Callable[[str], str] | None = None
) -> None:
    """Return if `target` may be broken.

    Args:
        target: what is to be broken.
        allowed: whether a plan says `allow_external: true`.
        named: what was given by `--yes-break`, if anything.
        ask: shows a question on a terminal and returns what was typed; None where there is none.

    Raises:
        InputError: it may not be; the hint says what it takes.
    """
    flag = f"--yes-break {target.name}"
    why = suspicion(target)
    if not allowed and not (target.known and why is None):
        because = f" and {why}" if why else ""
        raise InputError(
            f"{target} was not started by drillbook{because}, so it is left alone",
            hint=f"to break it all the same: a plan with allow_external: true (--plan), and {flag}",
        )
    if named is not None:
        if named != target.name:
            raise InputError(f"--yes-break names {named!r}, and this is {target}")
        return
    if why is not None:
        raise InputError(f"{target} {why}, so it is broken only by its name as a flag", hint=flag)
    if ask is None:
        raise InputError(f"{target} was not started by drillbook, and there is no terminal to ask", hint=flag)
    if ask(f"This breaks {target}. Type its name to go on") != target.name:
        raise InputError(f"that is not the name of {target}, so nothing was broken")


def suspicion(target: Target) -> str | None:
    """Why `target` might be what customers use, in words after its name; None where it looks harmless."""
    word = next((word for name in (target.name, *target.hosts) for word in _words(name)), None)
    if word is not None:
        return f"looks like production ({word!r})"
    host = next((host for host in target.hosts if not is_near(host)), None)
    return None if host is None else f"is reached at {host!r}, which is not this machine"


def is_near(host: str) -> bool:
    """Whether `host` is this machine's loopback, or a name that is reserved for tests."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(_PRIVATE):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _words(name: str) -> list[str]:
    """The words in `name` that say production."""
    return [word for word in _BETWEEN.split(_CAMEL.sub("-", name).lower()) if word in _WORDS]
