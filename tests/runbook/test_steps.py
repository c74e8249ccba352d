"""Steps that no code block holds, the last resorts among the steps, and what is no step at all."""

from __future__ import annotations

import pytest
from tests.runbook.look import commands, manual, notices, parse, typed


def test_a_numbered_list_under_steps_gives_manual_steps_with_their_lines() -> None:
    runbook = parse("## High Latency\n\n**Symptoms**: slow\n\n**Steps**:\n1. Check logs\n2. Scale up\n")
    assert [(s.line, s.text, s.command) for s in runbook.steps] == [
        (6, "Check logs", None),
        (7, "Scale up", None),
    ]


def test_nested_items_are_steps_of_their_own() -> None:
    runbook = parse("Steps:\n\n- Restart\n  - Drain the node\n    1. Ask the lead\n- Verify it\n")
    assert [(s.line, s.text) for s in runbook.steps] == [
        (3, "Restart"),
        (4, "Drain the node"),
        (5, "Ask the lead"),
        (6, "Verify it"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "## Symptoms\n\n- Check engine light is on\n",
        "Outages are caused by:\n\n- bad code\n- bad luck\n",
        "Possible causes:\n\n- Release of bad code\n- Change of a key\n",
        "## References\n\n- [One](http://x)\n- [Two](http://y)\n",
        "## Overview\n\n- Three replicas\n- One database\n",
        "The service takes orders.\n",
    ],
)
def test_what_describes_is_no_step(text: str) -> None:
    assert not parse(text).steps


def test_a_manual_step_gives_its_name_to_the_block_below_it() -> None:
    runbook = parse(
        "1. Restart the app:\n\n   ```bash\n   # gently\n   platform restart\n   uptime\n   ```\n2. Wait\n"
    )
    assert [(s.kind, s.line, s.text, s.comment) for s in runbook.steps] == [
        ("command", 5, "Restart the app", "gently"),
        ("command", 6, "uptime", "gently"),
        ("manual", 8, "Wait", None),
    ]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("1. Run `redis-cli PING` and look.\n", "redis-cli PING"),
        ("1. Restart it (`systemctl restart app`).\n", "systemctl restart app"),
        ("- `kubectl get pods -w`\n", "kubectl get pods -w"),
        ("`gitlab-ctl restart redis`\n", "gitlab-ctl restart redis"),
        ("To see more, run `docker ps`.\n", "docker ps"),
        ("- [ ] Run `make smoke-test`\n", "make smoke-test"),
        ("| Step | Command |\n|---|---|\n| Ping | `redis-cli PING` |\n", "redis-cli PING"),
        ('1. ``psql -c "SELECT `x`"``\n', 'psql -c "SELECT `x`"'),
    ],
)
def test_a_command_set_as_code_in_a_sentence_is_a_step(text: str, command: str) -> None:
    assert typed(parse(text)) == [command]


def test_a_command_in_a_checkbox_is_named_without_its_box() -> None:
    runbook = parse("- [ ] Run `make smoke-test` twice\n")
    assert [s.text for s in runbook.steps] == ["Run make smoke-test twice"]
    assert [i.line for i in runbook.checklist] == [1]


def test_two_commands_of_one_sentence_are_two_steps_in_order() -> None:
    runbook = parse("1. Use `systemctl restart app`, then `curl -fs http://localhost/`.\n")
    assert typed(runbook) == ["systemctl restart app", "curl -fs http://localhost/"]
    assert not manual(runbook)


@pytest.mark.parametrize(
    "text",
    [
        "1. Do not run `redis-cli FLUSHALL`.\n",
        "1. Never use `rm -rf /data`.\n",
        "1. Check `/var/log/app.log`\n",
        "1. Set `MAX_CONN=20`\n",
        "1. See [`kubectl get pods -w`](http://x)\n",
        "The output of `kubectl get pods -w` is long.\n",
    ],
)
def test_code_that_is_only_named_or_forbidden_is_not_run(text: str) -> None:
    assert not commands(parse(text))


def test_commands_need_no_fence() -> None:
    runbook = parse("Run:\n\ncurl -i http://localhost/\ngit push origin main\n\nsudo systemctl restart app\n")
    assert [(s.line, s.command) for s in runbook.steps] == [
        (3, "curl -i http://localhost/"),
        (4, "git push origin main"),
        (6, "sudo systemctl restart app"),
    ]


def test_a_command_without_a_fence_has_its_comment_and_its_further_lines() -> None:
    runbook = parse(
        'kubectl get pods \\\n  -n shop\npsql -c "SELECT 1;\nSELECT 2"\n\nsystemctl restart app # if needed\n'
    )
    assert [(s.line, s.end_line, s.command, s.comment, s.caution) for s in runbook.steps] == [
        (1, 2, "kubectl get pods \\\n-n shop", None, False),
        (3, 4, 'psql -c "SELECT 1;\nSELECT 2"', None, False),
        (6, 6, "systemctl restart app", "if needed", True),
    ]


def test_a_command_amid_prose_is_said() -> None:
    runbook = parse("First look\nkubectl get pods -n shop\nand then wait.\n")
    assert not runbook.steps
    assert notices(runbook) == [(2, "looks like a command amid prose: set it as code to make it a step")]


def test_a_backtick_without_its_partner_is_said() -> None:
    runbook = parse("1. Stop it with `systemctl stop app'\n")
    assert manual(runbook) == ["Stop it with `systemctl stop app'"]
    assert notices(runbook) == [(1, "a backtick without its partner: code not seen")]


@pytest.mark.parametrize(
    "words",
    [
        "(caution!)",
        "if needed",
        "(if necessary)",
        "(the last resort)",
        "WARNING: it is irreversible",
        "if all else fails",
        "⚠️",
        "with care",
    ],
)
def test_words_that_mark_a_last_resort_mark_the_step(words: str) -> None:
    runbook = parse(
        f"```bash\n# Flush {words}\nredis-cli FLUSHDB\n\n# Look\nuptime\n```\n\n"
        f"1. Restart {words}\n2. Check\n"
    )
    assert [s.caution for s in runbook.steps] == [True, False, True, False]


def test_a_warning_before_a_block_or_over_a_section_marks_all_of_it() -> None:
    runbook = parse(
        "> [!CAUTION]\n> A last resort.\n\n```bash\nredis-cli FLUSHDB\n```\n\n```bash\nuptime\n```\n\n"
        "## Drop it (destructive)\n\n1. Run `dropdb app`\n"
    )
    assert [(s.command, s.caution) for s in runbook.steps] == [
        ("redis-cli FLUSHDB", True),
        ("uptime", False),
        ("dropdb app", True),
    ]
