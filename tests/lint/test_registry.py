"""The rules as a list: each has its page, and can be chosen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drillbook.errors import InputError
from drillbook.lint.registry import RULES, choose
from drillbook.lint.rule import Rule

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "rules"
PARTS = ["What", "Why", "Source", "Fix"]


def test_ids_are_unique_and_speak_for_themselves() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", name) for name in ids)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_has_a_page_that_says_what_why_source_and_fix(rule: Rule) -> None:
    text = (PAGES / f"{rule.id}.md").read_text("utf-8")
    assert text.partition("\n")[0].casefold() == f"# {rule.id}: {rule.title}".casefold()
    assert f"\nLevel: {rule.level}.\n" in text
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == PARTS


def test_no_page_is_left_of_a_rule_that_there_is_not() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {rule.id for rule in RULES}


def test_the_document_on_lint_lists_every_rule_once() -> None:
    text = (ROOT / "docs" / "lint.md").read_text("utf-8")
    assert sorted(re.findall(r"\(rules/([a-z0-9-]+)\.md\) \|", text)) == sorted(rule.id for rule in RULES)


def test_rules_are_chosen_by_id_and_a_typing_error_is_refused() -> None:
    assert [rule.id for rule in choose(["dead-link"], [])] == ["dead-link"]
    assert len(choose([], ["dead-link"])) == len(RULES) - 1
    with pytest.raises(InputError, match="dead-lnk") as caught:
        choose([], ["dead-lnk"])
    assert caught.value.hint == "did you mean 'dead-link'?"
