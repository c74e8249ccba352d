"""All rules, in the order in which they are listed, and the choice of some of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drillbook import library
from drillbook.errors import InputError
from drillbook.lint.ignore import read_ignores
from drillbook.lint.rule import Found, Rule, Subject
from drillbook.lint.rules import (
    destruction,
    failures,
    hanging,
    links,
    markup,
    placeholders,
    references,
    secrets,
    sections,
    severities,
    shells,
    statements,
    surfaces,
    symptoms,
    variables,
)
from drillbook.model import Level
from drillbook.suggest import suggestion


def _unknown_ignores(subject: Subject) -> Iterator[Found]:
    known = [rule.id for rule in RULES]
    for ignore in read_ignores(subject):
        for name in ignore.rules or ("",):
            if name not in known:
                what = (
                    f"there is no rule `{name}` to ignore" if name else "this comment names no rule to ignore"
                )
                hint = suggestion(name, known) if name else None
                yield Found(ignore.line, what, hint or "name one that `drillbook lint --list` shows")


RULES: tuple[Rule, ...] = (
    *shells.RULES,
    *surfaces.RULES,
    *variables.RULES,
    *placeholders.RULES,
    *destruction.RULES,
    *failures.RULES,
    *hanging.RULES,
    *secrets.RULES,
    *statements.RULES,
    *severities.RULES,
    *sections.RULES,
    *symptoms.RULES,
    *links.RULES,
    *references.RULES,
    *markup.RULES,
    Rule(
        "unknown-ignore",
        "Ignore comment without a rule",
        Level.WARNING,
        "A comment that is to quieten lint names a rule that there is not, so it quietens nothing.",
        _unknown_ignores,
    ),
)


def find(rule_id: str) -> Rule:
    """The rule of that id.

    Raises:
        InputError: there is none.
    """
    rule = next((rule for rule in RULES if rule.id == rule_id), None)
    if rule is None:
        known = [rule.id for rule in RULES]
        raise InputError(f"there is no lint rule {rule_id!r}", hint=suggestion(rule_id, known))
    return rule


def page_of(rule: Rule) -> str:
    """The page of `rule`, as Markdown.

    Raises:
        StackError: the library has lost its pages.
    """
    return (library.rules_dir() / f"{rule.id}.md").read_text("utf-8")


def choose(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """The rules whose ids are in `select` (all where that is empty) and not in `ignore`.

    Raises:
        InputError: one of the ids is no rule's.
    """
    wanted = {find(name).id for name in select} or {rule.id for rule in RULES}
    unwanted = {find(name).id for name in ignore}
    return tuple(rule for rule in RULES if rule.id in wanted - unwanted)
