"""Take the surfaces of CLIs from their own help, for harness/drillbook/lint/surfaces/. See docs/surfaces.md.

    .ci/surfaces.py kubectl PROGRAM            .ci/surfaces.py curl PROGRAM
    .ci/surfaces.py docker PROGRAM COMPOSE     .ci/surfaces.py psql PROGRAM
    .ci/surfaces.py docker-compose COMPOSE     .ci/surfaces.py redis-cli PROGRAM SERVER [SERVER]
    .ci/surfaces.py heroku PACKAGE_DIRECTORY

PROGRAM is the CLI, COMPOSE docker-compose, SERVER a redis-server or valkey-server (a newer one adds its
commands), PACKAGE_DIRECTORY the unpacked npm package. The file is printed. railway.yaml and vercel.yaml are
not made here: Railway's CLI comes as a binary from outside of any registry, so its file is kept by hand from
the CLI's source.
"""

from __future__ import annotations

import json
import os
import re
import string
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_WIDTH = 110
_DEADLINE_S = 20.0


@dataclass
class Node:
    """A command as its help has it; `flags` None are not listed."""

    flags: dict[str, str] | None = None
    commands: dict[str, Node] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    keys: dict[str, object] = field(default_factory=dict)


def run(*argv: str) -> tuple[int, str]:
    """The exit code of a program and what it printed."""
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        timeout=_DEADLINE_S,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "500", "KUBECONFIG": os.devnull, "DOCKER_HOST": "tcp://127.0.0.1:9"},
    )
    return done.returncode, done.stdout + done.stderr


# kubectl

# Hidden from its help, and taken all the same (tried: `kubectl COMMAND --help --FLAG`).
_KUBECTL_HIDDEN = (
    "record export generator show-all grace-period force wait include-uninitialized validate sort-by "
    "delete-local-data pod-running-timeout heapster-namespace short replicas requests limits serviceaccount "
    "container previous all-namespaces field-manager server-print use-openapi-print-columns service-generator"
).split()


def kubectl(program: str) -> str:
    """The surface of kubectl."""
    _, options = run(program, "options")
    root = Node(flags={}, keys={"needs-subcommand": False})
    root.commands = _kubectl_commands(program, ())
    for name in ("options", "plugin", "version", "help"):
        root.commands.setdefault(name, Node())
    version = json.loads(run(program, "version", "--client", "-o", "json")[1])["clientVersion"]["gitVersion"]
    head = {
        "program": "kubectl",
        "names": ["kubectl"],
        "version": version.removeprefix("v"),
        "source": "its --help and `kubectl options`, taken by .ci/surfaces.py, and hidden flags",
        "plugins": True,
        "grammar": {"anywhere": True},
        "says": {
            "command": 'error: unknown command "{word}" for "kubectl", exit code 1',
            "subcommand": 'error: unknown command "{word}", exit code 1',
            "flag": "error: unknown flag: {word}, exit code 1",
            "short-flag": "error: unknown shorthand flag: '{letter}', exit code 1",
            "bare": "it prints its help",
        },
        "instead": {
            "rolling-update": "kubectl rollout",
            "run-container": "kubectl run",
            "get-all": "kubectl get all",
        },
    }
    inherited = {**_kubectl_flags(program, (), options), "-h": "", "--help": ""}
    return write(head, root, inherited)


def _kubectl_commands(program: str, path: tuple[str, ...]) -> dict[str, Node]:
    _, text = run(program, *path, "--help")
    found: dict[str, Node] = {}
    for heading in re.finditer(r"^[A-Z][\w ()]*[Cc]ommands[\w ()]*:\n((?:  \S.*\n)+)", text, re.MULTILINE):
        for name in re.findall(r"^  ([a-z][\w-]*) ", heading[1], re.MULTILINE):
            found[name] = _kubectl_command(program, (*path, name))
    return found


def _kubectl_command(program: str, path: tuple[str, ...]) -> Node:
    _, text = run(program, *path, "--help")
    node = Node(commands=_kubectl_commands(program, path))
    node.flags = _kubectl_flags(program, path, text)
    for name in _KUBECTL_HIDDEN:
        if f"--{name}" not in node.flags and not node.commands:
            value = _pflag_value(program, path, f"--{name}")
            if value is not None:
                node.flags[f"--{name}"] = value
    aliases = re.search(r"^Aliases:\n(.*)\n", text, re.MULTILINE)
    if aliases:
        node.aliases = [name.strip() for name in aliases[1].split(",") if name.strip() != path[-1]]
    if node.commands:
        # `kubectl create -f`, `kubectl expose` and the like do something of their own beside subcommands.
        own = "-f" in node.flags
        node.keys = {"arguments": True} if own else {"needs-subcommand": "cluster-info" not in path}
    return node


def _kubectl_flags(program: str, path: tuple[str, ...], text: str) -> dict[str, str]:
    flags: dict[str, str] = {}
    for short, long, default in re.findall(
        r"^    (?:(-\w), )?(--[\w-]+)=(.*):$", text.partition("\nOptions:")[2] or text, re.MULTILINE
    ):
        value = "" if default in ("false", "true") else "="
        if value and path:
            value = _pflag_value(program, path, long) or ""
        for name in (short, long):
            if name:
                flags[name] = value
    return flags


def _pflag_value(program: str, path: tuple[str, ...], flag: str) -> str | None:
    """Whether a flag takes the next word; None if there is no such flag."""
    code, text = run(program, *path, "--help", flag)
    if "unknown flag" in text or "unknown shorthand" in text:
        return None
    if "flag needs an argument" in text:
        return "="
    return "" if code == 0 and "invalid argument" in run(program, *path, f"{flag}=?", "--help")[1] else "[=]"


# docker

_DOCKER_HIDDEN = (
    "net",
    "net-alias",
    "network-alias",
    "dns-opt",
    "since",
    "before",
    "email",
    "rotate",
    "kernel-memory",
)
_COMPOSE_HIDDEN = (
    "all compress force-rm no-rm parallel no-parallel verbose workdir version no-ansi interactive tty "
    "no-color no-tty index memory"
).split()
_DOCKER_PLUGINS = (
    "ai app bake buildx cloud compose debug desktop dev extension feedback harmonia init mcp model offload "
    "pass sandbox sbom scan scout slim"
).split()
_DOCKER_VERBATIM = ("run", "exec", "create")


def docker(program: str, compose: str) -> str:
    """Docker's surface, with Compose's. What other plugins add (buildx …) is known by name only."""
    root = _docker_command(program, ())
    root.commands["compose"] = _compose(compose)
    root.commands["compose"].keys["needs-subcommand"] = True
    for name in _DOCKER_PLUGINS:
        root.commands.setdefault(name, Node())
    root.commands.setdefault("checkpoint", Node())
    for owner in (root, root.commands["image"], root.commands["builder"]):
        if "build" in owner.commands:  # buildx, where it is installed, gives it more of them
            owner.commands["build"].flags = None
    _, text = run(program, "--version")
    head = {
        "program": "docker",
        "names": ["docker"],
        "version": re.search(r"version ([\d.]+)", text)[1],  # type: ignore[index]
        "source": "its --help, taken by .ci/surfaces.py, and hidden flags",
        "plugins": True,
        "says": {
            "command": "docker: unknown command: docker {word}, exit code 1",
            "subcommand": "docker: unknown command: {path} {word}, exit code 1",
            "flag": "unknown flag: {word}, exit code 125",
            "short-flag": "unknown shorthand flag: '{letter}', exit code 125",
            "bare": "it prints its help, exit code 0",
        },
    }
    return write(head, root, {})


def docker_compose(program: str) -> str:
    """The surface of Compose by its older name."""
    _, text = run(program, "version", "--short")
    head = {
        "program": "docker-compose",
        "version": text.strip().removeprefix("v"),
        "source": "its --help, taken by .ci/surfaces.py, and hidden flags",
        "says": {
            "command": 'unknown docker command: "compose {word}", exit code 1',
            "flag": "unknown flag: {word}, exit code 1",
            "short-flag": "unknown shorthand flag: '{letter}', exit code 1",
        },
    }
    return write(head, _compose(program), {})


def _compose(program: str) -> Node:
    root = _docker_command(program, ())
    for path, node in ((), root), *(((name,), node) for name, node in root.commands.items()):
        hidden = [f"--{name}" for name in _COMPOSE_HIDDEN] + [f"-{letter}" for letter in string.ascii_letters]
        for flag in hidden if not node.commands or not path else ():
            value = None if flag in (node.flags or {}) else _pflag_value(program, path, flag)
            if value is not None and node.flags is not None:
                node.flags[flag] = value
        if path in (("exec",), ("run",)):
            node.keys["verbatim"] = True
    root.commands["help"] = Node()
    return root


def _docker_command(program: str, path: tuple[str, ...]) -> Node:
    _, text = run(program, *path, "--help")
    node = Node(flags=_docker_flags(program, path, text), aliases=_docker_aliases(path, text))
    for block in re.findall(r"^(?:[A-Z][\w ]*)?Commands:\n((?:  \S.*\n)+)", text, re.MULTILINE):
        for name in re.findall(r"^  ([a-z][\w-]*)\*? ", block, re.MULTILINE):
            node.commands.setdefault(name, _docker_command(program, (*path, name)))
    if path and node.commands:
        node.keys["needs-subcommand"] = True
    if path and path[-1] in _DOCKER_VERBATIM and path[0] in (*_DOCKER_VERBATIM, "container"):
        node.keys["verbatim"] = True
    return node


def _docker_flags(program: str, path: tuple[str, ...], text: str) -> dict[str, str]:
    flags = {"-h": "", "--help": ""}
    line = re.compile(r"^ {2,6}(?:(-\w), )?(--[\w-]+)(?: ([\w-]+))?(?: {2,}|$)", re.MULTILINE)
    for block in re.findall(r"^(?:Options|Global Options):\n((?:.+\n)+)", text, re.MULTILINE):
        for short, long, kind in line.findall(block):
            value = "=" if kind else ""
            if kind and path:
                value = _pflag_value(program, path, long) or value
            flags |= {name: value for name in (short, long) if name}
    if "Commands:" not in text:
        for name in _DOCKER_HIDDEN:
            found = None if f"--{name}" in flags else _pflag_value(program, path, f"--{name}")
            if found is not None:
                flags[f"--{name}"] = found
    return flags


def _docker_aliases(path: tuple[str, ...], text: str) -> list[str]:
    aliases = re.search(r"^Aliases:\n  (.*)\n", text, re.MULTILINE)
    if aliases is None or not path:
        return []
    owner = " ".join(["docker", *path[:-1]]) + " "
    names = [each.strip() for each in aliases[1].split(",")]
    names = [each.removeprefix(owner) for each in names if each.startswith(owner)]
    return [name for name in names if name != path[-1] and " " not in name]


# curl, psql


def curl(program: str) -> str:
    """The surface of curl. It has no subcommands."""
    _, text = run(program, "--help", "all")
    flags: dict[str, str] = {}
    for short, long, value in re.findall(r"^ *(?:(-\S), )? *(--[\w.-]+)( [<\[])?", text, re.MULTILINE):
        for name in (short, long):
            if name:
                flags[name] = "=" if value else ""
    # A later release has these as well; its documentation lists them, one file a flag.
    later = (
        "ca-native dump-ca-embed= ech= expand-*= follow haproxy-clientip= http3-only ip-tos= ipfs-gateway= "
        "keepalive-cnt= knownhosts= mptcp out-null parallel-max-host= proxy-ca-native proxy-http2 "
        "request-mode= show-headers sigalgs= skip-existing ssl-sessions= tls-earlydata trace-config= "
        "trace-ids upload-flags= url-query= variable= vlan-priority="
    )
    for word in later.split():
        flags.setdefault("--" + word.rstrip("="), "=" if word.endswith("=") else "")
    flags["--no-*"] = ""
    flags["--help"] = flags["-h"] = "=?"
    flags["-:"] = ""
    version = run(program, "--version")[1].split()[1]
    head = {
        "program": "curl",
        "version": version,
        "source": "`curl --help all`, taken by .ci/surfaces.py, with the flags of later releases up to 8.17",
        "grammar": {"prefixes": True, "no-equals": True},
        "says": {
            "flag": "curl: option {word}: is unknown, exit code 2",
            "short-flag": "curl: option {word}: is unknown, exit code 2",
        },
    }
    return write(head, Node(flags=flags, keys={}), {})


def psql(program: str) -> str:
    """The surface of psql. It has no subcommands."""
    _, text = run(program, "--help")
    flags: dict[str, str] = {}
    for line in re.findall(r"^ {2,6}(-.*)$", text, re.MULTILINE):
        names, *_ = re.split(r" {2,}", line)
        value = "[=]" if "[=" in names and "--pset" not in names else "=" if "=" in names else ""
        flags |= dict.fromkeys(re.findall(r"(?:^|(?<= ))--?[\w?-]+", names), value)
    flags |= {"-?": "", "--help": "[=]"}
    flags["--cluster"] = "="  # Debian's psql, which picks one of the installed versions
    version = run(program, "--version")[1].split()[2]
    head = {
        "program": "psql",
        "version": version,
        "source": "`psql --help`, taken by .ci/surfaces.py, with --cluster of Debian's psql",
        "grammar": {"prefixes": True},
        "says": {
            "flag": "psql: unrecognized option '{word}', exit code 1",
            "short-flag": "psql: invalid option -- '{letter}', exit code 1",
        },
    }
    return write(head, Node(flags=flags), {})


# redis-cli

_REDIS_ENDS = ("--cluster", "--eval", "--help", "--version")
_REDIS_LATER_FLAGS = "-4 -6 --count= --cursor= --keystats --keystats-samples= --mptcp --rdma --top=".split()
_REDIS_LATER = (
    "delex digest hexpire hexpireat hexpiretime hgetdel hgetex hpersist hpexpire hpexpireat hpexpiretime "
    "hpttl hsetex httl hotkeys msetex vadd vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember "
    "vrange vrem vsetattr vsim waitaof xackdel xdelex"
).split()
_REDIS_LATER_SUBCOMMANDS = {
    "client": ("no-touch", "setinfo", "capa", "import-source"),
    "cluster": ("myshardid", "slot-stats", "migration"),
}


def redis_cli(program: str, *servers: str) -> str:
    """The surface of redis-cli: its flags, and the commands that servers carry out."""
    _, text = run(program, "--help")
    flags: dict[str, str] = {}
    for name, value in re.findall(r"^ {1,2}(--?[\w-]+)( <)?", text, re.MULTILINE):
        flags[name] = ("=" if value else "") + ("!" if name in _REDIS_ENDS else "")
    flags |= {"-t": "=", "-X": "="}
    flags["--slave"] = flags["-v"] = ""
    for word in _REDIS_LATER_FLAGS:
        flags.setdefault(word.rstrip("="), "=" if word.endswith("=") else "")
    root = Node(flags=flags, keys={"verbatim": True})
    for server in servers:
        for mode in ((), ("--sentinel",)):
            for name, subcommands in _redis_commands(program, server, mode).items():
                node = root.commands.setdefault(name, Node())
                for subcommand in subcommands:
                    node.commands.setdefault(subcommand, Node())
    for name in _REDIS_LATER:
        root.commands.setdefault(name, Node())
    for name, subcommands in _REDIS_LATER_SUBCOMMANDS.items():
        for subcommand in subcommands:
            root.commands[name].commands.setdefault(subcommand, Node())
    # At its prompt `HELP` works too; here it is a call of its own.
    root.commands.setdefault("help", Node())
    versions = [" ".join(run(server, "--version")[1].split()[:3]) for server in servers]
    head = {
        "program": "redis-cli",
        "names": ["redis-cli", "valkey-cli"],
        "version": run(program, "--version")[1].split()[1],
        "source": "`redis-cli --help` and the COMMAND of "
        + ", ".join(versions)
        + " (sentinels too), taken by "
        ".ci/surfaces.py, with the commands of later releases up to Redis 8",
        "grammar": {"exact": True, "any-case": True},
        "help": "redis-cli COMMAND LIST",
        "says": {
            "command": "(error) ERR unknown command '{word}', exit code 0",
            "subcommand": "(error) ERR unknown subcommand '{word}', exit code 0",
            "flag": "Unrecognized option or bad number of args for: '{word}', exit code 1",
            "bare": "(error) ERR wrong number of arguments, exit code 0",
        },
        "instead": {
            "flush": "FLUSHDB empties one database, FLUSHALL all of them",
            "clear": "FLUSHDB empties one database, FLUSHALL all of them",
            "delete": "DEL, or UNLINK, which does not block",
            "list": "--scan lists the keys without blocking",
            "status": "INFO",
        },
    }
    return write(head, root, {})


def _redis_commands(program: str, server: str, mode: tuple[str, ...]) -> dict[str, list[str]]:
    """The commands and subcommands of a server, in small letters."""
    with tempfile.TemporaryDirectory() as folder:
        socket = str(Path(folder) / "s")
        config = Path(folder) / "c.conf"
        config.write_text(f"port {26399 if mode else 0}\nunixsocket {socket}\ndir {folder}\n", "utf-8")
        process = subprocess.Popen([server, str(config), *mode], stdout=subprocess.DEVNULL)
        where = ("-p", "26399") if mode else ("-s", socket)
        try:
            deadline = time.monotonic() + _DEADLINE_S
            while "PONG" not in run(program, *where, "ping")[1]:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{server} does not answer")
                time.sleep(0.05)
            found: dict[str, list[str]] = {}
            for name, *rest in json.loads(run(program, *where, "-2", "--json", "COMMAND")[1]):
                subcommands = rest[8] if len(rest) > 8 else []  # noqa: PLR2004 - its place in the answer
                found[name.lower()] = sorted(each[0].lower().partition("|")[2] for each in subcommands)
            return found
        finally:
            process.terminate()
            process.wait(_DEADLINE_S)


# heroku


def heroku(package: str) -> str:
    """Heroku's surface, from the manifest in its npm package."""
    manifest = json.loads((Path(package) / "oclif.manifest.json").read_text("utf-8"))
    root = Node(flags=None, keys={})
    for name, command in manifest["commands"].items():
        flags: dict[str, str] = {"-h": "", "--help": ""}
        for flag, about in command["flags"].items():
            value = "=" if about["type"] == "option" else ""
            names = [f"--{flag}", *([f"-{about['char']}"] if about.get("char") else [])]
            names += [f"--{alias}" if len(alias) > 1 else f"-{alias}" for alias in about.get("aliases", [])]
            if about.get("allowNo"):
                names.append(f"--no-{flag}")
            flags.update(dict.fromkeys(names, value))
        ids = [name, *command.get("aliases", []), *command.get("hiddenAliases", [])]
        for each in ids:
            node = root
            for part in each.split(":"):
                node = node.commands.setdefault(part, Node())
            if node.flags is None:
                node.flags = flags
            node.keys["arguments"] = True
            if name in ("run", "run:detached", "run:inside", "ps:exec", "local:run", "rake", "console"):
                node.keys["verbatim"] = True
    for name in ("autocomplete", "commands", "help", "plugins", "search", "update", "version", "which"):
        root.commands.setdefault(name, Node())
    _simplify(root)
    head = {
        "program": "heroku",
        "version": manifest["version"],
        "source": "oclif.manifest.json of the npm package, taken by .ci/surfaces.py",
        "plugins": True,
        "grammar": {"separator": ":"},
        "says": _HEROKU_SAYS,
    }
    return write(head, root, {})


_HEROKU_SAYS = {
    "command": "{word} is not a heroku command, exit code 127",
    "subcommand": "it is not a heroku command, exit code 127",
    "flag": "Nonexistent flag: {word}, exit code 2",
    "short-flag": "Nonexistent flag: {word}, exit code 2",
}


def _simplify(node: Node) -> None:
    """Leave out of commands without subcommands that they take arguments: every one may."""
    for child in node.commands.values():
        if not child.commands:
            child.keys.pop("arguments", None)
        _simplify(child)


# The file


def write(head: Mapping[str, object], root: Node, inherited: Mapping[str, str]) -> str:
    """The YAML of a surface."""
    lines = [f"# The surface of {head['program']} {head['version']}. See docs/surfaces.md."]
    for key, value in head.items():
        lines += _entry(key, value, 0)
    lines += _node(root, 0)
    if inherited:
        lines += _flags("inherited", inherited, 0)
    if root.commands:
        lines.append("commands:")
        lines += _commands(root.commands, 1)
    return "\n".join(lines) + "\n"


def _commands(commands: Mapping[str, Node], depth: int) -> Iterable[str]:
    for name, node in sorted(commands.items()):
        pad = "  " * depth
        inner = _node(node, depth + 1)
        if not inner and not node.commands:
            yield f"{pad}{_quoted(name)}:"
            continue
        yield f"{pad}{_quoted(name)}:"
        yield from inner
        if node.commands and not any(_node(each, 0) or each.commands for each in node.commands.values()):
            names = ", ".join(f"{_quoted(each)}: " for each in sorted(node.commands))
            yield from _wrapped("commands: {", names.replace(": ", "").strip() + "}", depth + 1)
        elif node.commands:
            yield f"{pad}  commands:"
            yield from _commands(node.commands, depth + 2)


def _node(node: Node, depth: int) -> list[str]:
    lines: list[str] = []
    if node.aliases:
        lines += _entry("aliases", node.aliases, depth)
    for key, value in node.keys.items():
        if value:
            lines += _entry(key, value, depth)
    if node.flags is not None:
        lines += _flags("flags", node.flags, depth)
    return lines


def _flags(key: str, flags: Mapping[str, str], depth: int) -> list[str]:
    words = sorted(flags.items(), key=lambda each: (each[0].lstrip("-").lower(), each[0]))
    text = " ".join(name + value for name, value in words)
    pad = "  " * depth
    if len(text) + len(pad) + len(key) + 4 <= _WIDTH:
        return [f'{pad}{key}: "{text}"']
    return [f"{pad}{key}: >-", *_wrap(text, depth + 1)]


def _wrap(text: str, depth: int) -> list[str]:
    pad = "  " * depth
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=pad,
        subsequent_indent=pad,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _wrapped(start: str, text: str, depth: int) -> list[str]:
    return _wrap(start + text, depth)[:1] + [("  " + line) for line in _wrap(start + text, depth)[1:]]


def _entry(key: str, value: object, depth: int) -> list[str]:
    pad = "  " * depth
    if isinstance(value, bool):
        return [f"{pad}{key}: {str(value).lower()}"]
    if isinstance(value, Mapping):
        if not value:
            return []
        inner = [line for name, each in value.items() for line in _entry(_quoted(name), each, depth + 1)]
        return [f"{pad}{key}:", *inner]
    if isinstance(value, list):
        return [f"{pad}{key}: [{', '.join(_quoted(each) for each in value)}]"]
    text = json.dumps(str(value), ensure_ascii=False)
    if len(text) + len(pad) + len(key) + 2 <= _WIDTH:
        return [f"{pad}{key}: {text}"]
    return [f"{pad}{key}: >-", *_wrap(str(value), depth + 1)]


_OTHER_THAN_TEXT = ("true", "false", "null", "yes", "no", "on", "off")


def _quoted(name: object) -> str:
    text = str(name)
    plain = re.fullmatch(r"[a-z][\w-]*", text) and text not in _OTHER_THAN_TEXT
    return text if plain else json.dumps(text)


_MAKERS: Mapping[str, Callable[..., str]] = {
    "kubectl": kubectl,
    "docker": docker,
    "docker-compose": docker_compose,
    "curl": curl,
    "psql": psql,
    "redis-cli": redis_cli,
    "heroku": heroku,
}


def main() -> int:
    """Print the surface that the command line asks for."""
    if len(sys.argv) < 3 or sys.argv[1] not in _MAKERS:  # noqa: PLR2004 - a CLI and where it is
        sys.stderr.write(__doc__ or "")
        return 4
    sys.stdout.write(_MAKERS[sys.argv[1]](*sys.argv[2:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
