"""Sections, fences, lists and tables: every element is where the line numbers say that it is."""

from __future__ import annotations

import pytest
from tests.runbook.look import classes, commands, parse, typed

SHAPES = {
    "a fence of tildes": ("~~~sh\nkubectl get pods\n~~~", 2),
    "a longer fence": ("`````bash\nkubectl get pods\n`````", 2),
    "a fence with attributes": ('```bash title="look"\nkubectl get pods\n```', 2),
    "a fence that never closes": ("```bash\nkubectl get pods", 2),
    "four spaces": ("    kubectl get pods", 1),
    "a tab": ("\tkubectl get pods", 1),
    "a fence in a list": ("- Look\n\n  ```bash\n  kubectl get pods\n  ```", 4),
    "a fence in a numbered list": ("1. Look\n   ```\n   kubectl get pods\n   ```", 3),
    "a fence in a nested list": (
        "- a\n  1. b\n     - c\n\n       ```sh\n       kubectl get pods\n       ```",
        6,
    ),
    "six spaces in a list": ("- Look\n\n      kubectl get pods", 3),
    "a tab in a list": ("- Look\n\n\t\tkubectl get pods", 3),
    "a quotation": ("> Look:\n>\n> ```bash\n> kubectl get pods\n> ```", 4),
    "details": ("<details>\n<summary>x</summary>\n\n```bash\nkubectl get pods\n```\n\n</details>", 5),
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("shape", "line"), SHAPES.values(), ids=SHAPES)
def test_a_code_block_in_any_shape_gives_its_command_and_its_line(shape: str, line: int, end: str) -> None:
    runbook = parse(f"# T\n\n{shape}\n".replace("\n", end))
    assert typed(runbook) == ["kubectl get pods"]
    assert commands(runbook)[0].line == line + 2
    assert classes(runbook) == ["command"]


def test_a_step_has_the_path_of_its_section() -> None:
    runbook = parse(
        "# T\n\nTop\n===\n\nMid `x`\n-------\n\n### Low\n\n    ls -l\n\n## Next ##\n\n1. Check it\n"
    )
    assert [(s.title, s.level, s.line) for s in runbook.sections] == [
        ("T", 1, 1),
        ("Top", 1, 3),
        ("Mid x", 2, 6),
        ("Low", 3, 9),
        ("Next", 2, 13),
    ]
    assert [s.section for s in runbook.steps] == [("Top", "Mid x", "Low"), ("Top", "Next")]


def test_front_matter_gives_the_title_and_takes_no_line_away() -> None:
    runbook = parse("---\ntitle: Orders\nowner: team\n---\n\n## S\n\n    ls -l\n")
    assert runbook.title == "Orders"
    assert [s.line for s in runbook.sections] == [6]
    assert [s.line for s in runbook.steps] == [8]


def test_a_byte_order_mark_is_no_part_of_the_title() -> None:
    assert parse("\ufeff# Orders\n").title == "Orders"


def test_a_heading_in_a_quotation_or_code_begins_no_section() -> None:
    runbook = parse("# T\n\n> # Q\n\n```bash\n# C\nls -l\n```\n")
    assert [s.title for s in runbook.sections] == ["T"]


def test_a_step_of_several_lines_knows_its_last() -> None:
    (step,) = parse("1. Check\n   the\n   logs\n").steps
    assert (step.line, step.end_line, step.text) == (1, 3, "Check the logs")


def test_a_code_span_knows_the_lines_that_it_lies_on() -> None:
    first, second = commands(
        parse("First words,\nthen run `kubectl get\npods -w`\nand run `redis-cli PING`.\n")
    )
    assert (first.line, first.end_line, first.command) == (2, 3, "kubectl get pods -w")
    assert (second.line, second.end_line) == (4, 4)


def test_html_that_holds_code_is_said_not_read() -> None:
    runbook = parse("# T\n\n<pre><code>kubectl get pods\n</code></pre>\n")
    assert not runbook.steps
    assert [(n.line, n.message) for n in runbook.notices] == [(3, "HTML that holds code is not looked into")]


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b", "\x0c"])
def test_only_line_ends_count_as_lines(mark: str) -> None:
    runbook = parse(f"# T\n\nword{mark}word\n\n    ls -l\n")
    assert [s.line for s in runbook.steps] == [5]


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("bash", "bash"),
        ("bash{1,3}", "bash"),
        ("bash:run.sh", "bash"),
        ("{.bash .numbers}", "bash"),
        ("sh,copy", "sh"),
        ("c++", "c++"),
        ('title="x"', None),
        ("", None),
    ],
)
def test_a_language_is_the_first_word_of_a_fence_without_its_attributes(
    info: str, language: str | None
) -> None:
    (block,) = parse(f"```{info}\nls -l\n```\n").blocks
    assert block.language == language
