"""The draft of a plan: what could be bound to a runbook and its app, and comments for what could not.

What it writes is a plan that runs as it is; whatever is not certain stands in it as a comment.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from drillbook.app import AT_A_REPLICA, PLACEHOLDERS, used
from drillbook.composefile.outline import ROLES
from drillbook.model import Section, Step, StepKind
from drillbook.plan import EXPORTS
from drillbook.protocols import Scenario
from drillbook.runbook.command import first_program
from drillbook.runbook.sections import steps_of
from drillbook.scaffold.candidates import Candidate
from drillbook.scaffold.hints import Hints

_VARIABLE = re.compile(r"\$\{?([A-Z][A-Z0-9_]+)")
_PLAIN = re.compile(r"[A-Za-z][\w ./()-]*[\w.)]|[A-Za-z]", re.ASCII)
_GIVEN = {"railway", "psql", "redis-cli"}
_MOST_STEPS = 12


class Draft:
    """Drafts the plan in the file `path`.

    Args:
        path: where it is to be; what it names is relative to that.
        candidate: the runbook.
        topics: the section for each scenario.
        scenarios: what is known of those.
        hints: what the repository says of its app.
        tools: the programs that an on-call shell has anyway.
    """

    def __init__(
        self,
        path: Path,
        candidate: Candidate,
        topics: dict[str, Section],
        *,
        scenarios: dict[str, Scenario],
        hints: Hints,
        tools: Iterable[str],
    ) -> None:
        self._path = path
        self._runbook = candidate.runbook
        self._runbook_path = candidate.path
        self._topics = topics
        self._scenarios = scenarios
        self._hints = hints
        self._tools = {*tools, *_GIVEN}
        sections = list({section.line: section for section in topics.values()}.values())
        self._steps = {step.line: step for section in sections for step in steps_of(self._runbook, section)}

    @property
    def binds_app(self) -> bool:
        """Whether the team's app can be started as far as can be told; else the shop stands in for it."""
        command = self._hints.command
        text = " ".join(command)
        if not command or not self._hints.health or "{port}" not in text or self._needs_shell:
            return False
        program = self._path.parent / command[0] if "/" in command[0] else shutil.which(command[0])
        return program is not None and Path(program).is_file()

    @property
    def binds_compose(self) -> bool:
        """Whether containers can have the team's own stack, as far as can be told."""
        hints = self._hints
        servers = [role for role in ("database", "cache") if role in hints.services]
        return bool(hints.compose and "app" in hints.services and servers and hints.health and hints.port)

    @property
    def _needs_shell(self) -> bool:
        known = {*PLACEHOLDERS, *AT_A_REPLICA}
        command = self._hints.command
        return any("$" in word or not known.issuperset(used(word)) for word in command)

    @property
    def arguments(self) -> str:
        """What follows `drillbook run` for a first try."""
        contained = self.binds_compose and not self.binds_app
        return os.path.relpath(self._path) + (" --backend docker" if contained else "")

    def text(self) -> str:
        """The plan."""
        runbook = Path(os.path.relpath(self._runbook_path.resolve(), self._path.parent.resolve())).as_posix()
        parts = [
            "# Written by `drillbook init`. Try it: drillbook run " + self.arguments,
            "# What each key means: `docs/plans.md` and `docs/own-app.md` of Drillbook.",
            f"runbook: {_quoted(runbook)}",
            *self._operator(),
            *self._tool_lines(),
            *self._stack(),
            *self._placeholders(),
            *self._bindings(),
            *self._drills(),
        ]
        return "\n".join(parts) + "\n"

    def _commands(self) -> list[Step]:
        return [step for step in self._steps.values() if step.kind is StepKind.COMMAND]

    def _operator(self) -> list[str]:
        wanted = dict.fromkeys(
            name for step in self._commands() for name in _VARIABLE.findall(step.command or "")
        )
        exports = [name for name in EXPORTS if name in wanted] or list(EXPORTS[:2])
        lines = [f"operator: {{role: superuser, exports: [{', '.join(exports)}]}}"]
        others = [name for name in wanted if name not in EXPORTS]
        if others:
            lines.append(f"# Empty in a drill, for nothing here says what they are: {', '.join(others)}.")
        return lines

    def _tool_lines(self) -> list[str]:
        programs = dict.fromkeys(
            name for step in self._commands() if (name := first_program(step.command or ""))
        )
        others = [name for name in programs if name not in self._tools and re.fullmatch(r"[\w.+-]+", name)]
        here = [name for name in others if shutil.which(name)]
        absent = [name for name in others if name not in here]
        lines = [f"tools: [{', '.join(map(_quoted, here))}]"] if here else []
        if absent:
            lines.append(
                f"# Steps with these can't run as written, since they are not here: {', '.join(absent)}."
            )
        return lines

    def _stack(self) -> list[str]:
        hints = self._hints
        lines = ["", "# The app. Without `stack`, the shop that comes with Drillbook stands in for it."]
        if hints.files:
            lines.append(f"# From {', '.join(file.name for file in hints.files)}:")
        lines += [f"#   {role} is the service {name!r}" for role, name in hints.services.items()]
        block = self._block()
        if self.binds_app:
            return [*lines, *self._head(), *block, *self._compose()]
        if self.binds_compose:
            lines.append("# With --backend docker all of it comes from there:")
            lines += [*self._head(), *self._compose()]
            lines.append(f"  # For the local backend: {self._why_unbound()}")
            lines += [f"  # {line[2:]}" for line in block]
            gentle = (
                "# Until it is known what the app can stand: fewer looks at it, and longer to show a cure."
            )
            return [*lines, gentle, "timing: {probe_interval: 200ms, settle: 4s}"]
        lines.append(f"# {self._why_unbound()} Then take the # away:")
        return [*lines, *(f"# {line}" for line in [*self._head(), *block])]

    def _head(self) -> list[str]:
        name = re.sub(r"[^\w.-]", "-", self._hints.services.get("app", "app"))
        health = self._hints.health or "/health"
        return ["stack:", f"  name: {_quoted(name)}", f"  health: {_quoted(health)}"]

    def _compose(self) -> list[str]:
        """The lines that have containers take the app from the compose file."""
        hints = self._hints
        if not self.binds_compose or hints.compose is None:
            return []
        file = os.path.relpath(hints.compose.file.resolve(), self._path.parent.resolve())
        roles = [f"  {role}: {_quoted(hints.services[role])}" for role in ROLES if role in hints.services]
        return [f"  compose: {_quoted(Path(file).as_posix())}", *roles, f"  port: {hints.port}"]

    def _why_unbound(self) -> str:
        hints = self._hints
        if not hints.command:
            return "No command that starts the app was found: say how it is started on this machine."
        if "{port}" not in " ".join(hints.command):
            return "Where the command says on which port the app listens, write {port}."
        if self._needs_shell:
            return "The command has variables, which only a shell fills in: write [sh, -c, …]."
        if not hints.health:
            return "Say which path answers 2xx when the app is ready."
        return f"The program {hints.command[0]!r} is not here: install the app, or say where it is."

    def _block(self) -> list[str]:
        hints = self._hints
        command = hints.command or ["./serve", "--port", "{port}"]
        lines = [f"  command: [{', '.join(map(_quoted, command))}]"]
        environment = {name: value for name, value in hints.environment.items() if not _unknown(value)} or (
            {} if hints.files else {"DATABASE_URL": "{database_url}", "REDIS_URL": "{cache_url}"}
        )
        if environment:
            lines.append("  env:")
            lines += [f"    {name}: {_quoted(value)}" for name, value in environment.items()]
        lines += [f"    # {name}: its value is not repeated here" for name in hints.unsaid]
        return lines

    def _placeholders(self) -> list[str]:
        names = dict.fromkeys(name for step in self._commands() for name in step.placeholders)
        if not names:
            return []
        lines = ["", "# Commands with these placeholders are not run until it is said what stands for them:"]
        return [*lines, "# placeholders:", *(f"#   {json.dumps(name)}: {{run: …}}" for name in names)]

    def _bindings(self) -> list[str]:
        manual = [step for step in self._steps.values() if step.kind is StepKind.MANUAL][:_MOST_STEPS]
        if not manual:
            return []
        lines = [
            "",
            "# These steps are prose. Say what each comes to, or why only a human can do it:",
        ]
        lines.append("# bindings:")
        for step in manual:
            text = _quoted(" ".join(step.text.split())[:80])
            lines.append(f"#   - {{section: {_quoted(step.section[-1])}, step: {text}, run: …}}")
        return lines

    def _drills(self) -> list[str]:
        lines = ["", "# `drillbook list` has the variants of each; --all-variants runs them all.", "drills:"]
        for name in self._scenarios:
            if name in self._topics:
                lines.append(f"  - scenario: {name}")
                lines.append(f"    section: {_quoted(self._topics[name].title)}")
        absent = [name for name in self._scenarios if name not in self._topics]
        if absent:
            lines.append("# The runbook has no section for these:")
            lines += [f"#  - {{scenario: {name}, section: …}}" for name in absent]
        return lines


def _unknown(value: str) -> bool:
    """Whether something in braces in `value` would be taken for something to fill in."""
    return any(name not in PLACEHOLDERS for name in used(value))


def _quoted(text: str) -> str:
    """`text` as YAML: plain where it is plain, else in double quotes."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in ("true", "false", "yes", "no", "null", "on", "off")
    return text if plain else json.dumps(text, ensure_ascii=False)


def listed(names: Sequence[str]) -> str:
    """Names as an end of a sentence."""
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1] if names else "nothing"
