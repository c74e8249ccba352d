"""Which commands the `railway` stand-in has: as runbooks suppose them, and as the real CLI has them.

It says what a call means, and carries out none.
"""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.errors import InputError
from drillbook.platforms.arguments import Command, Option, Parsed, Parser, Unparsed

DOCUMENTED = "documented"
REAL = "railway-5.43.1"
SURFACES = (DOCUMENTED, REAL)
VERSION = REAL.removeprefix("railway-")
REGIONS = ("us-west", "us-east", "eu-west", "southeast-asia")

_SERVICE = Option(("service", "s"), "Service name or id (defaults to the linked service)", "SERVICE")
_ENVIRONMENT = Option(("environment", "e"), "Environment (defaults to the linked environment)", "ENVIRONMENT")
_PROJECT = Option(("project", "p"), "Project id (defaults to the linked project)", "PROJECT")
_JSON = Option(("json",), "Output in JSON format")
_YES = Option(("yes", "y"), "Skip the confirmation")
_KV = Option(("kv", "k"), "Show variables as KEY=VALUE lines")
_SKIP = Option(("skip-deploys",), "Do not deploy after the change")
_STDIN = Option(("stdin",), "Read the value from standard input")
_SET = Option(("set",), "Set a variable (older form)", "KEY=VALUE")
_SET_STDIN = Option(("set-from-stdin",), "Set a variable to what standard input holds (older form)", "KEY")
_LINES = Option(("lines", "n", "tail"), "Show this many of the latest lines", "LINES", number=True)
_LIMIT = Option(("limit",), "Show at most this many deployments", "LIMIT", number=True)
_FORCE = Option(("force", "f"), "Skip the confirmation")
_WHERE = (_SERVICE, _ENVIRONMENT, _PROJECT)

_UP_OPTIONS = (
    *_WHERE,
    _JSON,
    _YES,
    Option(("detach", "d"), "Do not follow the logs"),
    Option(("ci", "c"), "Stream the build logs only"),
    Option(("message", "m"), "Message of the deployment", "MESSAGE"),
)
_LOGS = Command(
    "logs",
    "View a deployment's logs",
    (
        *_WHERE,
        _JSON,
        _LINES,
        Option(("latest",), "Of the latest deployment, even if it failed"),
        Option(("deployment", "d"), "Show deployment logs"),
        Option(("build", "b"), "Show build logs"),
        Option(("http",), "Show HTTP logs"),
        Option(("filter", "f"), "Show lines that hold this text only", "FILTER"),
        Option(("since", "S"), "Show lines from this time on", "TIME"),
        Option(("until", "U"), "Show lines up to this time", "TIME"),
    ),
    arguments="[DEPLOYMENT_ID]",
    most=1,
)
_RUN = Command(
    "run",
    "Run a local command with the service's variables",
    _WHERE,
    arguments="[ARGS]...",
    most=None,
    verbatim=True,
    aliases=("local",),
)
_VARIABLE = Command(
    "variable",
    "Manage the variables of a service",
    (*_WHERE, _KV, _JSON, _SET, _SET_STDIN, _SKIP),
    bare=True,
    aliases=("variables", "vars", "var"),
    commands=(
        Command("list", "List variables", (*_WHERE, _KV, _JSON), aliases=("ls",)),
        Command(
            "set",
            "Set variables",
            (*_WHERE, _STDIN, _SKIP, _JSON),
            arguments="<VARIABLES>...",
            least=1,
            most=None,
        ),
        Command("delete", "Delete a variable", (*_WHERE, _JSON), "<KEY>", 1, 1, aliases=("rm", "remove")),
    ),
)
_REDEPLOY = Command("redeploy", "Redeploy the latest deployment", (*_WHERE, _YES, _JSON))
_RESTART = Command("restart", "Restart the latest deployment", (*_WHERE, _YES, _JSON))
_SCALE = Command(
    "scale", "Set the number of replicas", (*_WHERE, _JSON), arguments="[REGION=REPLICAS]...", most=None
)
_UP = Command("up", "Upload and deploy the current directory", _UP_OPTIONS, arguments="[PATH]", most=1)
_DOWN = Command("down", "Remove the latest successful deployment", (*_WHERE, _YES))
_METRICS = Command(
    "metrics",
    "Show what the service uses",
    (
        *_WHERE,
        _JSON,
        Option(("cpu",), "Show processor use only"),
        Option(("memory",), "Show memory use only"),
        Option(("network",), "Show network traffic only"),
        Option(("volume",), "Show volumes only"),
        Option(("http",), "Show HTTP requests only"),
        Option(("all", "a"), "Show every service of the project"),
        Option(("raw",), "Show single values"),
        Option(("watch", "w"), "Show a live view"),
        Option(("since", "S"), "Show what was used from this time on", "TIME"),
        Option(("until", "U"), "Show what was used up to this time", "TIME"),
    ),
    aliases=("metric",),
)
_LIST = Command("list", "List deployments", (*_WHERE, _LIMIT, _JSON), aliases=("ls",))
_ROLLBACK = Command(
    "rollback",
    "Bring back an earlier deployment",
    (*_WHERE, _YES, _FORCE, _JSON),
    arguments="[DEPLOYMENT_ID]",
    most=1,
)
# Commands of the real CLI that a drill has no use for. They parse, so that an error says just that.
_OTHERS = tuple(
    Command(name, "", verbatim=True, most=None)
    for name in (
        *(
            "add",
            "connect",
            "delete",
            "deploy",
            "docs",
            "domain",
            "init",
            "link",
            "login",
            "logout",
        ),
        *("open", "project", "service", "shell", "ssh", "unlink", "upgrade", "volume", "whoami"),
    )
)


def _deployment(*, documented: bool) -> Command:
    options = (*_WHERE, _LIMIT, _JSON) if documented else ()
    commands = (_LIST, _UP, _REDEPLOY)
    about = "Manage deployments"
    return Command("deployment", about, options, bare=documented, aliases=("deployments",), commands=commands)


def _program(*, documented: bool) -> Command:
    commands = (
        Command(
            "status", "Show the state of the project", (_PROJECT, _ENVIRONMENT, _JSON, *_only(documented))
        ),
        _LOGS,
        _deployment(documented=documented),
        *((_ROLLBACK,) if documented else ()),
        _RUN,
        _VARIABLE,
        _RESTART,
        _REDEPLOY,
        _SCALE,
        _METRICS,
        _UP,
        _DOWN,
        *_OTHERS,
        Command("environment", "", verbatim=True, most=None, aliases=("env",)),
        Command("list", "", verbatim=True, most=None),
    )
    return Command("railway", "Interact with Railway via CLI", commands=commands)


def _only(documented: bool) -> tuple[Option, ...]:  # noqa: FBT001 - read at its one call
    return (_SERVICE,) if documented else ()


_PARSERS = {
    DOCUMENTED: Parser(_program(documented=True), VERSION),
    REAL: Parser(_program(documented=False), VERSION),
}
_READ_ONLY = frozenset(
    ("status", "logs", "metrics", "deployment", "deployment list", "variable", "variable list", "list")
)
_READ_ONLY_OTHERS = frozenset(("docs", "whoami", "open", "login", "logout"))


_ENVIRONMENT_READS = frozenset(("config", "show", "info", "list", "ls"))


def check(surface: str) -> str:
    """`surface`, if there is one of that name.

    Raises:
        InputError: there is none.
    """
    if surface not in SURFACES:
        raise InputError(f"there is no platform surface {surface!r}", hint=f"use {' or '.join(SURFACES)}")
    return surface


def parse(argv: Sequence[str], surface: str) -> Parsed:
    """What a call with `argv` (without the program's name) asks for.

    Raises:
        Unparsed: help or the version, or a call that the surface doesn't have.
    """
    return _PARSERS[surface].parse(argv)


def documented_only(argv: Sequence[str], call: Parsed) -> str | None:
    """Why the real CLI refuses a call that the documented surface takes; None if it doesn't refuse it."""
    try:
        parse(argv, REAL)
    except Unparsed as error:
        first = error.text.splitlines()[0].removeprefix("error: ")
        return f"{first}, exit code 2" if error.text.startswith("error: ") else "help is printed, exit code 2"
    if call.path == ("environment",) and call.arguments[:1] in (["edit"], ["update"]):
        return (
            "outside a terminal it reads its changes from standard input and passes over --service-config; "
            "nothing is changed, exit code 0"
        )
    if call.path[-1] in ("restart", "redeploy") and not call.has("yes"):
        return "confirmation can't be asked for outside a terminal and needs --yes, exit code 1"
    if call.path[-1] == "scale":
        for argument in call.arguments:
            region, equals, _ = argument.partition("=")
            if not equals:
                return f"'{argument}' is not of the form REGION=REPLICAS"
            if region not in REGIONS:
                return f"there is no region '{region}'"
    return None


def is_state_changing(argv: Sequence[str]) -> bool | None:
    """Whether `railway` called with `argv` can change the state of the system.

    `argv` may begin with the program's name. None is for `run CMD`: that is for its child to say, which
    `child_command` gives. A call that no surface takes changes nothing.
    """
    try:
        call = parse(_arguments(argv), DOCUMENTED)
    except Unparsed:
        return False
    if call.path == ("run",):
        return None if call.arguments else False
    if call.path == ("variable",):
        return call.has("set") or call.has("set-from-stdin")
    if call.path[0] in _READ_ONLY_OTHERS:
        return False
    if call.path == ("environment",) and call.arguments:
        return call.arguments[0] not in _ENVIRONMENT_READS
    return " ".join(call.path) not in _READ_ONLY


def child_command(argv: Sequence[str]) -> tuple[str, ...]:
    """The command that `railway run …` starts; empty for any other call. `argv` as above."""
    try:
        call = parse(_arguments(argv), DOCUMENTED)
    except Unparsed:
        return ()
    return tuple(call.arguments) if call.path == ("run",) else ()


def _arguments(argv: Sequence[str]) -> Sequence[str]:
    """`argv` without the program's name; no command of it is called so too."""
    return argv[1:] if argv and argv[0].rpartition("/")[2] == "railway" else argv
