"""Programs that run another: where in their words the other one begins, and what they do to its environment.

It knows their options and nothing of what they run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wrapper:
    """How a program runs another.

    `path` are the subcommands that lead to it. `valued` are the options that take a value. `skip` is how many
    words come before the other program, such as a container's name. `dashes` says that it comes behind `--`
    only. `script` says that what follows is one text for a shell. `injects` says that it gives the other
    program variables that the caller does not have.
    """

    path: tuple[str, ...] = ()
    valued: frozenset[str] = frozenset()
    skip: int = 0
    dashes: bool = False
    script: bool = False
    injects: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    """The program that a call runs: the place of its first word; `script` and `injects` as in `Wrapper`."""

    first: int
    script: bool
    injects: bool


def _valued(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RAILWAY = _valued("-s --service -e --environment -p --project")
_DOCKER = _valued("-e --env --env-file -u --user -w --workdir --detach-keys --index")
_KUBECTL = _valued("-n --namespace -c --container --context --kubeconfig -f --filename --cluster --user")
_SSH = _valued("-B -b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w")
_SUDO = _valued("-u --user -g --group -h --host -p --prompt -C -D -R -T -U -r -t")
_XARGS = _valued("-a --arg-file -d --delimiter -E -I -L -n --max-args -P --max-procs -s --max-chars")

_WRAPPERS: Mapping[str, tuple[Wrapper, ...]] = {
    "sudo": (Wrapper(valued=_SUDO),),
    "env": (Wrapper(valued=_valued("-u --unset -C --chdir")),),
    "nice": (Wrapper(valued=_valued("-n --adjustment")),),
    "nohup": (Wrapper(),),
    "time": (Wrapper(),),
    "exec": (Wrapper(valued=_valued("-a")),),
    "timeout": (Wrapper(valued=_valued("-s --signal -k --kill-after"), skip=1),),
    "xargs": (Wrapper(valued=_XARGS),),
    "watch": (Wrapper(valued=_valued("-n --interval")),),
    "railway": (
        Wrapper(("run",), _RAILWAY, injects=True),
        Wrapper(("local",), _RAILWAY, injects=True),
    ),
    "heroku": (Wrapper(("run",), _valued("-a --app -s --size -r --remote -e --env"), injects=True),),
    "doppler": (Wrapper(("run",), dashes=True, injects=True),),
    "infisical": (Wrapper(("run",), dashes=True, injects=True),),
    "op": (Wrapper(("run",), dashes=True, injects=True),),
    "chamber": (Wrapper(("exec",), dashes=True, injects=True),),
    "aws-vault": (Wrapper(("exec",), dashes=True, injects=True),),
    "docker": (Wrapper(("exec",), _DOCKER, skip=1), Wrapper(("compose", "exec"), _DOCKER, skip=1)),
    "docker-compose": (Wrapper(("exec",), _DOCKER, skip=1),),
    "kubectl": (Wrapper(("exec",), _KUBECTL, dashes=True),),
    "oc": (Wrapper(("exec",), _KUBECTL, dashes=True),),
    "ssh": (Wrapper(valued=_SSH, skip=1, script=True),),
}
_SHELLS = ("sh", "bash", "zsh", "dash", "ash")


def child_of(argv: Sequence[str]) -> Child | None:
    """Where the program begins that the call `argv` runs; None where it runs none."""
    program = argv[0].rpartition("/")[2] if argv else ""
    if program in _SHELLS:
        return _script_of(argv)
    for wrapper in _WRAPPERS.get(program, ()):
        first = _first(wrapper, argv)
        if first is not None:
            return Child(first, wrapper.script, wrapper.injects)
    return None


def _script_of(argv: Sequence[str]) -> Child | None:
    for index, word in enumerate(argv[1:-1], start=1):
        if not word.startswith("-"):
            return None
        if not word.startswith("--") and word.endswith("c"):
            return Child(index + 1, script=True, injects=False)
    return None


def _first(wrapper: Wrapper, argv: Sequence[str]) -> int | None:
    index = 1
    for wanted in wrapper.path:
        index = _behind_options(wrapper, argv, index)
        if index >= len(argv) or argv[index] != wanted:
            return None
        index += 1
    if wrapper.dashes:
        first = argv.index("--", index) + 1 if "--" in argv[index:] else len(argv)
        return first if first < len(argv) else None
    index = _behind_options(wrapper, argv, index)
    index = _behind_options(wrapper, argv, index + wrapper.skip) if wrapper.skip else index
    while index < len(argv) and _is_assignment(argv[index]):
        index += 1
    return index if index < len(argv) else None


def _behind_options(wrapper: Wrapper, argv: Sequence[str], index: int) -> int:
    while index < len(argv) and argv[index].startswith("-"):
        if argv[index] == "--":
            return index + 1
        index += 2 if argv[index] in wrapper.valued else 1
    return index


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()
