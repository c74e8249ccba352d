"""What a plan adds to a runbook's text so that it can be carried out: bindings and placeholder rules.

A binding gives a manual step a command; a placeholder rule says what stands for a placeholder in commands.
Neither can change a command that the runbook has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drillbook.model import Runbook, Section, Step, StepKind
from drillbook.suggest import suggestion
from drillbook.yamlfile import Item

_BRACKETS = "<>[]{} "


@dataclass(frozen=True, slots=True)
class Binding:
    """The command `run` for the manual step on line `step_line` of the runbook.

    `section` and `step` are the title and the text that the plan gives; `line` is its line in the plan.
    """

    section: str
    step_line: int
    step: str
    run: str
    line: int


@dataclass(frozen=True, slots=True)
class PlaceholderRule:
    """What stands for a placeholder, such as `<deployment-id>`.

    `value` is put in its place as it is, or else the output of the command `run`. `line` is its line in the
    plan.
    """

    name: str
    value: str | None
    run: str | None
    line: int

    @property
    def text(self) -> str:
        """The shell text that stands in the placeholder's place."""
        return self.value if self.value is not None else f"$({self.run})"


def fill(step: Step, rules: Mapping[str, PlaceholderRule]) -> tuple[str, tuple[str, ...]]:
    """The command of `step` with its placeholders filled by `rules`, and the placeholders without a rule."""
    command = step.command or ""
    if step.command is None:
        return "", ()
    for name in step.placeholders:
        if name in rules:
            command = command.replace(name, rules[name].text)
    return command, tuple(name for name in step.placeholders if name not in rules)


def find_section(title: str, runbook: Runbook, item: Item) -> Section:
    """The section of `runbook` with that title; `item` is what of the plan asks for it.

    Raises:
        InputError: there is none.
    """
    from drillbook.runbook.sections import find  # noqa: PLC0415  the runbook layer is slow to import

    section = find(runbook, title)
    if section is None:
        titles = [section.title for section in runbook.sections]
        raise item.error(f"{runbook.path} has no section {title!r}", suggestion(title, titles))
    return section


def read_bindings(item: Item | None, runbook: Runbook) -> tuple[Binding, ...]:
    """The bindings that `item` lists.

    Raises:
        InputError: one is malformed, matches no manual step or several, or binds what another has bound.
    """
    found: dict[int, Binding] = {}
    for entry in item.items() if item is not None else []:
        binding = _read_binding(entry, runbook)
        other = found.setdefault(binding.step_line, binding)
        if other is not binding:
            raise entry.error(f"the step {binding.step!r} is bound twice", f"first on line {other.line}")
    return tuple(found.values())


def _read_binding(entry: Item, runbook: Runbook) -> Binding:
    from drillbook.runbook.sections import steps_of  # noqa: PLC0415  see above

    keys = ("section", "step", "run")
    table = entry.table(keys, keys)
    section = find_section(table["section"].text(), runbook, table["section"])
    step = _match(table["step"], section, steps_of(runbook, section))
    return Binding(section.title, step.line, step.text, table["run"].text(), entry.line)


def _match(item: Item, section: Section, steps: Sequence[Step]) -> Step:
    """The manual step that `item` names by its text, or by how that begins; case does not matter."""
    wanted = _plain(item.text())
    matches = [step for step in steps if _plain(step.text) == wanted]
    matches = matches or [step for step in steps if _plain(step.text).startswith(wanted)]
    if not matches:
        manual = [step.text for step in steps if step.kind is StepKind.MANUAL]
        hint = suggestion(item.text(), manual) or "that section has no manual step"
        raise item.error(f"the section {section.title!r} has no step {item.text()!r}", hint)
    if len(matches) > 1:
        lines = ", ".join(str(step.line) for step in matches)
        raise item.error(f"{item.text()!r} matches several steps", f"they are on the lines {lines}")
    if matches[0].kind is not StepKind.MANUAL:
        raise item.error(f"the step {matches[0].text!r} has a command of its own", "remove the binding")
    return matches[0]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def read_placeholders(item: Item | None, runbook: Runbook) -> dict[str, PlaceholderRule]:
    """The placeholder rules that `item` holds, by the placeholder as the runbook writes it.

    Raises:
        InputError: one is malformed, or no command of the runbook has such a placeholder.
    """
    written = dict.fromkeys(name for step in runbook.steps for name in step.placeholders)
    rules: dict[str, PlaceholderRule] = {}
    for text, (key, value) in (item.entries() if item is not None else {}).items():
        names = [name for name in written if text in (name, name.strip(_BRACKETS))]
        if not names:
            raise key.error(
                f"no command of {runbook.path} has the placeholder {text!r}", suggestion(text, written)
            )
        for name in names:
            if name in rules:
                raise key.error(
                    f"the placeholder {name!r} has two rules", f"first on line {rules[name].line}"
                )
            rules[name] = _read_rule(name, key, value)
    return rules


def _read_rule(name: str, key: Item, value: Item) -> PlaceholderRule:
    """A rule is `{run: COMMAND}`, or else the value itself; numbers need no quotes."""
    if value.is_table():
        return PlaceholderRule(name, None, value.table(["run"], ["run"])["run"].text(), key.line)
    return PlaceholderRule(name, value.scalar(), None, key.line)
