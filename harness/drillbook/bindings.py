"""What a plan adds to a runbook's text so that it can be carried out: bindings and placeholder rules.

A binding gives a manual step a command, or says which section it leads to, or why only a human can do it; a
placeholder rule says what stands for a placeholder in commands. None can change a command of the runbook.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drillbook.errors import InputError
from drillbook.model import Runbook, Section, Step, StepKind
from drillbook.suggest import suggestion
from drillbook.yamlfile import Item

_BRACKETS = "<>[]{} "
_WHAT = ("run", "follow", "manual")


@dataclass(frozen=True, slots=True)
class Binding:
    """What the manual step on line `step_line` of the runbook comes to: exactly one of three things.

    `run` is its command; `follow` the section whose steps it leads to; `manual` why only a human can do it.
    `expect` is a regular expression that must be found in what `run` prints for the step to be answered, or
    empty. `section` and `step` are the titles in the runbook; `line` is the binding's line in the plan.
    """

    section: str
    step_line: int
    step: str
    line: int
    run: str = ""
    follow: Section | None = None
    manual: str = ""
    expect: str = ""


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


def read_bindings(
    item: Item | None, runbook: Runbook, *, left_out: list[InputError] | None = None
) -> tuple[Binding, ...]:
    """The bindings that `item` lists.

    Args:
        item: the list, if the plan has one.
        runbook: whose steps are bound.
        left_out: takes the error of each binding that matches nothing, and that is then left out; for a
            runbook that the plan was not written for.

    Raises:
        InputError: one is malformed, matches no manual step or several, or binds what another has bound.
    """
    found: dict[int, Binding] = {}
    for entry in item.items() if item is not None else []:
        table = _check_form(entry)
        try:
            binding = _match_binding(entry, table, runbook)
        except _Unmatched as unmatched:
            if left_out is None:
                raise unmatched.error from None
            left_out.append(unmatched.error)
            continue
        other = found.setdefault(binding.step_line, binding)
        if other is not binding:
            raise entry.error(f"the step {binding.step!r} is bound twice", f"first on line {other.line}")
    return tuple(found.values())


class _Unmatched(Exception):  # noqa: N818  it carries an error and is none
    """Raised when a binding matches nothing in the runbook."""

    def __init__(self, error: InputError) -> None:
        super().__init__(error.message)
        self.error = error


def _check_form(entry: Item) -> dict[str, Item]:
    """The binding as a table, with what does not depend on any runbook checked."""
    table = entry.table(("section", "step", *_WHAT, "expect"), ("section", "step"))
    given = [key for key in _WHAT if key in table]
    if len(given) != 1:
        raise entry.error(
            "a binding needs exactly one of run, follow and manual",
            "give the command, the section that the step leads to, or why only a human can do it",
        )
    if "expect" in table:
        if "run" not in table:
            raise table["expect"].error("expect is for what a command prints", "give run as well")
        try:
            re.compile(table["expect"].text())
        except re.error as error:
            raise table["expect"].error(f"expect is not a regular expression: {error}") from error
    return table


def _match_binding(entry: Item, table: Mapping[str, Item], runbook: Runbook) -> Binding:
    from drillbook.runbook.sections import steps_of  # noqa: PLC0415  see above

    try:
        section = find_section(table["section"].text(), runbook, table["section"])
        follow = None
        if "follow" in table:
            follow = find_section(table["follow"].text(), runbook, table["follow"])
    except InputError as error:
        raise _Unmatched(error) from error
    step = _match(table["step"], section, steps_of(runbook, section))
    return Binding(
        section.title,
        step.line,
        step.text,
        entry.line,
        run=table["run"].text() if "run" in table else "",
        follow=follow,
        manual=table["manual"].text() if "manual" in table else "",
        expect=table["expect"].text() if "expect" in table else "",
    )


def _match(item: Item, section: Section, steps: Sequence[Step]) -> Step:
    """The manual step that `item` names, in one wording or in the first of several that matches."""
    wordings = [item] if not item.is_list() else item.items()
    if not wordings:
        raise item.mismatch("a step's text, or a list of wordings")
    matched = [(wording, matches) for wording in wordings if (matches := _matches(wording.text(), steps))]
    if not matched:
        manual = [step.text for step in steps if step.kind is StepKind.MANUAL]
        first = wordings[0].text()
        hint = suggestion(first, manual) or "that section has no manual step"
        raise _Unmatched(item.error(f"the section {section.title!r} has no step {first!r}", hint))
    wording, matches = matched[0]
    if len(matches) > 1:
        lines = ", ".join(str(step.line) for step in matches)
        raise wording.error(f"{wording.text()!r} matches several steps", f"they are on the lines {lines}")
    if matches[0].kind is not StepKind.MANUAL:
        raise wording.error(f"the step {matches[0].text!r} has a command of its own", "remove the binding")
    return matches[0]


def _matches(text: str, steps: Sequence[Step]) -> list[Step]:
    """The steps of that text, or else those that begin with it; case does not matter."""
    wanted = _plain(text)
    exact = [step for step in steps if _plain(step.text) == wanted]
    return exact or [step for step in steps if _plain(step.text).startswith(wanted)]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def read_placeholders(
    item: Item | None, runbook: Runbook, *, left_out: list[InputError] | None = None
) -> dict[str, PlaceholderRule]:
    """The placeholder rules that `item` holds, by the placeholder as the runbook writes it.

    `left_out` is as in `read_bindings`.

    Raises:
        InputError: one is malformed, or no command of the runbook has such a placeholder.
    """
    written = dict.fromkeys(name for step in runbook.steps for name in step.placeholders)
    rules: dict[str, PlaceholderRule] = {}
    for text, (key, value) in (item.entries() if item is not None else {}).items():
        names = [name for name in written if text in (name, name.strip(_BRACKETS))]
        if not names:
            error = key.error(
                f"no command of {runbook.path} has the placeholder {text!r}", suggestion(text, written)
            )
            if left_out is None:
                raise error
            left_out.append(error)
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
