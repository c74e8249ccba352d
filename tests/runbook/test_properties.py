"""Any text parses; every line number is true; every line of code has one class and at most one command."""

from __future__ import annotations

import time
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.model import LineClass, Runbook, Step, StepKind, to_json
from drillbook.runbook.parse import parse_text
from drillbook.runbook.reading import Reading
from drillbook.runbook.schema import to_contract
from drillbook.runbook.source import normalise

# Derandomized, so that a run in CI says the same as a run here.
FEW = settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
LINES = [
    *("# Title", "## Section", "### Down (SEV1)", "Setext", "===", "---", "", "", "   ", "plain words"),
    *(
        "```",
        "```bash",
        "```console",
        "```yaml",
        "~~~",
        "    ls -l",
        "\tls -l",
        "> words",
        "> ```",
        "> ls -l",
    ),
    *(
        "- item",
        "  - Run `kubectl get pods`",
        "1. Restart the app",
        "   2. Check `redis-cli PING`",
        "- [ ] Do it",
    ),
    *("$ kubectl get pods", "# systemctl restart app", "root@host:~# ls", "> config get x", "% ls", ">>> 1"),
    *(
        "cat <<EOF",
        "EOF",
        "cat <<-'A' <<B",
        "\tA",
        "B",
        "ls \\",
        "ls |",
        "ls &&",
        "echo 'open",
        'x "',
        "it's",
    ),
    *("$(", ")", "{", "}", "if true; then", "fi", "for x in a; do", "done", "case x in", "esac", "f() {"),
    *(
        "#!/bin/bash",
        "# comment (caution!)",
        "platform rollback <id> # if needed",
        "A=1",
        "A=$(date)",
        "PONG",
    ),
    *(
        "NAME   READY   STATUS",
        '{"a": 1}',
        "0 2 * * * /x.sh",
        "https://x.y",
        "`",
        "``",
        "`kubectl",
        "get pods`",
    ),
    *(
        "| Level | Response Time |",
        "|---|---|",
        "| SEV1 | 15 min |",
        "| Role | Contact |",
        "| Dev | `ls -l` |",
    ),
    *(
        "[INCIDENT] x",
        "Status: [x]",
        "Impact: [y]",
        "## Communication",
        "## Contacts",
        "- Dev: @dev",
        "Steps:",
    ),
    *(
        "## Post-Mortem Template",
        "1. **Summary**: What?",
        "Every 30 minutes",
        "<pre>",
        "</pre>",
        "<!-- c",
        "-->",
    ),
    *("\x0b", "\x0c", "\x85", "\u2028", "\ufeff", "\x00", "\r", "é✅", "&amp;", "\\`ls\\`", "[a](b)", "\\"),
]
PREFIXES = ["", "", "", "", "  ", "    ", "> ", "- ", "     "]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Markdown of the pieces that runbooks are made of, put together without sense."""
    pieces = draw(st.lists(st.tuples(st.sampled_from(PREFIXES), st.sampled_from(LINES)), max_size=30))
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(prefix + line for prefix, line in pieces)


def check(text: str) -> Runbook:
    """Parse `text` and hold the result against it."""
    runbook = parse_text(text)
    source = normalise(text).split("\n")
    check_lines(runbook, len(source))
    in_blocks = check_blocks(runbook, source)
    for step in runbook.steps:
        if step.kind is StepKind.COMMAND and step.line not in in_blocks:
            check_prose_command(step, source)
    return runbook


def check_lines(runbook: Runbook, last: int) -> None:
    """Every line number lies in the text, and steps come in order."""
    steps = runbook.steps
    assert [step.line for step in steps] == sorted(step.line for step in steps)
    assert all(step.line <= step.end_line <= last for step in steps)
    lines = [
        *(section.line for section in runbook.sections),
        *(level.line for level in runbook.severities),
        *(step.line for step in steps),
        *(item.line for item in runbook.checklist),
        *(contact.line for contact in runbook.contacts),
        *(cadence.line for cadence in runbook.cadences),
        *(heading.line for heading in runbook.templates.post_mortem),
        *(notice.line for notice in runbook.notices),
    ]
    assert all(1 <= line <= last for line in lines)


def check_blocks(runbook: Runbook, source: list[str]) -> set[int]:
    """Each line of code is listed once, and is part of one command or of none; gives the blocks' lines."""
    steps = {step.line: step for step in runbook.steps if step.kind is StepKind.COMMAND}
    listed: list[int] = []
    for block in runbook.blocks:
        numbers = [line.line for line in block.lines]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
        assert all(block.line <= number <= block.end_line <= len(source) for number in numbers)
        listed += numbers
        blank = [line.line for line in block.lines if line.kind is LineClass.BLANK]
        assert not any(source[number - 1].lstrip("> -\t").strip() for number in blank)
        for owner, group in groupby(block.lines, key=lambda line: line.step_line):
            lines = list(group)
            assert all((line.kind is LineClass.COMMAND) == (owner is not None) for line in lines)
            if owner is not None:
                check_block_command(steps[owner], [line.line for line in lines], source)
    assert len(listed) == len(set(listed))
    return set(listed)


def check_block_command(step: Step, lines: list[int], source: list[str]) -> None:
    """A command in a block has its lines to itself, and each shows what is run."""
    assert lines == list(range(step.line, step.end_line + 1))
    assert step.command
    for number, part in zip(lines, step.command.split("\n"), strict=False):
        assert part.strip() in source[number - 1]


def check_prose_command(step: Step, source: list[str]) -> None:
    """A command in prose can be read on its lines, Markdown's own signs aside."""
    assert step.command
    shown = " ".join(" ".join(source[step.line - 1 : step.end_line]).replace("> ", " ").split())
    assert " ".join(step.command.split()).replace("\\", "") in shown.replace("\\", "")


@FEW
@given(st.text())
def test_any_text_parses(text: str) -> None:
    check(text)


@FEW
@given(st.text(alphabet="`~#-*+>|[](){}<>$\\'\"&=_!: \t\n\rab1.", max_size=200))
def test_any_run_of_signs_parses(text: str) -> None:
    check(text)


@settings(FEW, max_examples=500)
@given(documents())
def test_any_runbook_parses_and_its_lines_are_true(text: str) -> None:
    to_json(to_contract(check(text)))


@settings(FEW, max_examples=300)
@given(st.lists(st.sampled_from(LINES), max_size=20), st.sampled_from(["", "bash", "console", "sh", "text"]))
def test_every_line_of_a_block_is_classed_once(lines: list[str], language: str) -> None:
    code = [line.replace("`", "").replace("~~~", "") for line in lines]
    runbook = check("\n".join(["# T", f"````{language}", *code, "````"]))
    count = normalise("\n".join([*code, ""])).count("\n")
    assert [line.line for block in runbook.blocks for line in block.lines] == list(range(3, 3 + count))


WORDS = st.text(alphabet="abcdefgxyz", min_size=2, max_size=8)


@FEW
@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=8, unique_by=lambda words: words[0]))
def test_what_is_written_is_what_is_read(parts: list[tuple[str, str, str]]) -> None:
    text, expected, number = "", [], 1
    for title, comment, word in parts:
        text += f"## {title}\n\n```bash\n# {comment}\nkubectl {word} \\\n  --now\n```\n\n1. Check {word}\n\n"
        expected += [
            (number + 4, number + 5, (title,), comment, f"kubectl {word} \\\n  --now"),
            (number + 8, number + 8, (title,), None, None),
        ]
        number += 10
    runbook = check(text)
    assert [(s.line, s.end_line, s.section, s.comment, s.command) for s in runbook.steps] == expected


@FEW
@given(st.lists(st.sampled_from([*"'\"`()#\\$<a ", "<<A ", "<<-'A'", "$(", "((", "))"]), max_size=40))
def test_reading_never_fails_and_a_document_once_closed_stays_closed(marks: list[str]) -> None:
    reading = Reading()
    for line in "".join(marks).split("a"):
        reading.take(line)
    for word in ["A"] * 50:
        if reading.in_document:
            reading.take(word)
    assert not reading.in_document


HOSTILE = {
    "a list": "- Restart the app\n",
    "inline code": "Run `kubectl get\npods` and `ls -l`\n",
    "bare commands": "kubectl get pods -w\n",
    "open bare commands": "kubectl get pods -l $(\n",
    "table rows": "| a | `kubectl get pods -w` |\n",
    "links": "[a](b) ",
    "emphasis": "**a*_b_",
    "backticks": "`a``b",
    "fences": "```bash\nls -l\n```\n",
}
HOSTILE_CODE = {
    "commands": "# c\nkubectl get pods\n",
    "open quotations": 'echo "open\n',
    "open substitutions": "A=$(\n",
    "here-documents": "cat <<EOF\nx\nEOF\n",
    "open here-documents": "cat <<EOF\n",
    "open conditions": "if true; then\n",
    "backslashes": "a \\\n",
    "prompts": "$ ls\n> a\n",
    "sharps": "# ls -l\nx\n",
}


@pytest.mark.parametrize(
    ("head", "unit"),
    [*(("", unit) for unit in HOSTILE.values()), *(("```bash\n", unit) for unit in HOSTILE_CODE.values())],
    ids=[*HOSTILE, *HOSTILE_CODE],
)
def test_the_time_grows_with_the_size_and_not_with_its_square(head: str, unit: str) -> None:
    def took_s(size: int) -> float:
        text = head + unit * (size // len(unit))
        begun = time.process_time()
        parse_text(text)
        return time.process_time() - begun

    took_s(1_000)  # imports and caches aside
    # Ten times the size may take up to thirty times as long, where a square would take a hundred.
    assert took_s(100_000) < 30 * max(took_s(10_000), 0.01)
