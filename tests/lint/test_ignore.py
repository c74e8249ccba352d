"""Comments that quieten a rule, and how far they reach."""

from __future__ import annotations

import pytest
from tests.lint.look import findings, lines

RULE = "unfilled-placeholder"
BLOCK = "```bash\nkill <pid>\n```\n"


def test_a_comment_covers_the_block_right_below_and_no_other() -> None:
    text = f"# A\n\n<!-- drillbook: ignore {RULE} -->\n\n{BLOCK}\n```bash\nkill <other>\n```\n"
    assert lines(text, RULE) == [10]


def test_a_comment_with_a_sign_and_a_reason_is_one_too() -> None:
    text = f"# A\n\n<!-- # drillbook: ignore dead-link, {RULE} the pid is on the screen -->\n{BLOCK}"
    assert findings(text, RULE, "unknown-ignore") == ()


def test_a_shell_comment_covers_the_statement_below() -> None:
    text = f"# A\n\n```bash\n# drillbook: ignore {RULE}\nkill <pid>\nkill <other>\n```\n"
    assert lines(text, RULE) == [6]


def test_a_comment_before_a_heading_covers_its_line() -> None:
    rule = "section-without-command"
    text = f"# A\n\n<!-- drillbook: ignore {rule} -->\n## Slow\n\n1. Check it\n\n## Slower\n\n1. Check it\n"
    assert lines(text, rule) == [8]


def test_a_comment_can_cover_the_whole_file() -> None:
    assert lines(f"# A\n\n{BLOCK}\n<!-- drillbook: ignore-file {RULE} -->\n", RULE) == []


@pytest.mark.parametrize(("named", "said"), [("unfiled-placeholder", RULE), ("", "--list")])
def test_a_comment_that_names_no_rule_is_itself_found(named: str, said: str) -> None:
    (found,) = findings(f"# A\n\n<!-- drillbook: ignore {named} -->\n", "unknown-ignore")
    assert found.line == 3
    assert said in found.fix


def test_a_comment_that_is_quoted_in_prose_ignores_nothing_else() -> None:
    text = f"# A\n\nWrite `drillbook: ignore {RULE}` to quieten it.\n\n{BLOCK}"
    assert lines(text, RULE) == [6]


def test_a_comment_behind_text_covers_its_own_line_and_nothing_below() -> None:
    anchors = "[a](#gone) <!-- drillbook: ignore dead-anchor -->\n\n[b](#gone)\n"
    assert lines(f"# A\n\n{anchors}", "dead-anchor") == [5]
