"""What ShellCheck finds, and what of it is reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lint.look import findings, lines, shell

from drillbook.lint import shellcheck
from drillbook.lint.registry import RULES
from drillbook.model import Json


def test_a_command_that_does_not_parse_is_reported_with_the_reason() -> None:
    (one,) = findings(shell("uptime", "psql -c 'SELECT 1", "for x in a b; do echo"), "shell-does-not-parse")[
        :1
    ]
    assert one.line == 7
    assert "(SC1" in one.message


def test_sql_in_a_block_of_shell_is_called_by_its_name() -> None:
    (one,) = findings(shell("SELECT count(*) FROM orders;"), "shell-does-not-parse")
    assert "SQL" in one.message


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("sudo echo 1 > /proc/sys/vm/drop_caches", "SC2024"),
        ("echo $((6.5 / 2))", "SC2079"),
        ('rm -rf "$dir/"*', "SC2115"),
        ("make 2>&1 > log", "SC2069"),
        ("cat list | rm", "SC2216"),
        ("cp “a b” c", "SC11"),
        ("[ $x \N{EN DASH}eq 1 ]", "SC1100"),
        ("kubectl logs \N{EN DASH}f web", "no minus"),
        ("TARGET = db-1", "SC2283"),
        ("cat log | awk '{ print $5 } | sort -n | uniq -c'", "too late"),
    ],
)
def test_what_goes_wrong_however_it_is_typed_is_reported(command: str, code: str) -> None:
    found = findings(shell(command), "shell-mistake")
    assert [one.line for one in found] == [6] * len(found)
    assert any(code in one.message for one in found)
    assert all(one.fix for one in found)


@pytest.mark.parametrize(
    "command",
    [
        "railway run psql $DATABASE_URL > backup-$(date +%Y%m%d).sql",
        "cd /var/log",
        "platform rollback <deployment-id>",
        "psql < backup-YYYYMMDD.sql",
        "grep -v x log | awk '{ print $5 }' | sort -n",
        "ssh $host 'sudo cat /etc/hosts'",
    ],
)
def test_style_is_not_reported(command: str) -> None:
    assert lines(shell(command), "shell-mistake") == []
    assert lines(shell(command), "shell-does-not-parse") == []


def test_a_flag_on_a_line_of_its_own_is_reported_below_a_command_only() -> None:
    assert lines(shell("kubectl get pods", "  --namespace shop"), "shell-mistake") == [7]
    assert lines(shell("# options:", "  --namespace shop"), "shell-mistake") == []


def test_a_block_of_which_hardly_anything_parses_is_no_shell() -> None:
    text = shell("echo one)", "echo two)", "echo three)")
    assert lines(text, "shell-does-not-parse") == []
    assert lines(shell("echo one)", "uptime"), "shell-does-not-parse") == [6]


def test_every_rule_that_needs_an_extra_says_so() -> None:
    needy = {rule.id: rule.needs for rule in RULES if rule.needs}
    assert {need for needs in needy.values() for need in needs} == {"shellcheck", "pglast"}
    assert all(rule.startswith(("sql-", "shell-")) for rule in needy)


def test_shellcheck_is_started_once_for_all_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[list[str]] = []
    real = shellcheck._run

    def counted(program: Path, folder: Path, names: list[str]) -> dict[str, Json]:
        runs.append(names)
        return real(program, folder, names)

    monkeypatch.setattr(shellcheck, "_run", counted)
    findings(shell("echo once", "echo twice", "echo three times"))
    assert [len(names) for names in runs] == [3]


@pytest.mark.parametrize("language", ["", "js", "mjs"])
def test_what_may_be_another_language_is_not_judged(language: str) -> None:
    code = "if (x) {\n  exit(1)\n}\nusage: web [-f] <name>\n  -f --force   force it"
    text = f"# A\n\n```{language}\n{code}\n```\n"
    assert lines(text, "shell-does-not-parse") == []
    assert lines(text, "shell-mistake") == []
