"""The rules that read the document: placeholders, severities, sections, symptoms, links, references."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lint.look import findings, lines, shell, subject

from drillbook.lint.check import lint
from drillbook.lint.registry import choose


def test_a_placeholder_is_reported_once_with_all_its_lines() -> None:
    text = shell(
        "platform rollback <deployment-id>", "platform logs <deployment-id>", "platform logs [RUN_ID]"
    )
    first, second = findings(text, "unfilled-placeholder")
    assert (first.line, second.line) == (6, 8)
    assert "`<deployment-id>`" in first.message
    assert "also on line 7" in first.message
    assert "deployment-id" in first.fix


@pytest.mark.parametrize(
    "prose",
    ["\n`<deployment-id>` is the first column.\n", "\n- take <deployment-id> from the dashboard\n"],
)
def test_a_placeholder_that_the_prose_explains_is_not_reported(prose: str) -> None:
    text = shell("platform rollback <deployment-id>")
    assert lines(text, "unfilled-placeholder") == [6]
    assert lines(text + prose, "unfilled-placeholder") == []


def test_a_template_in_a_block_of_shell_is_no_command() -> None:
    text = shell(
        '"""', "INCIDENT - [brief description]", '"""', "Assigned to: [on-call engineer]", "kill <pid>"
    )
    assert lines(text, "unfilled-placeholder") == [10]


def test_a_placeholder_that_its_comment_explains_is_not_reported() -> None:
    text = shell("# <id>: the first column of the list", "platform rollback <id>")
    assert lines(text, "unfilled-placeholder") == []


def test_a_severity_without_a_response_time_is_found_in_each_form() -> None:
    table = (
        "# A\n\n## Severity\n\n| Level | Meaning | Response |\n|---|---|---|\n"
        "| SEV1 | out | 5 min |\n| SEV2 | bad | TBD |\n"
    )
    assert lines(table, "severity-without-response-time") == [8]
    bare = "# A\n\n## Severity levels\n\n| Level | Meaning |\n|---|---|\n| SEV1 | out |\n"
    assert lines(bare, "severity-without-response-time") == [7]
    headings = "# A\n\n## Severities\n\n### SEV1\n\nResponse time: 5 min\n\n### SEV2\n\nSome is down.\n"
    assert lines(headings, "severity-without-response-time") == [9]


def test_a_response_time_in_words_is_one() -> None:
    text = "# A\n\n## Severities\n\n### SEV3\n\nResponse time: Next working window\n"
    assert lines(text, "severity-without-response-time") == []


def test_a_section_whose_steps_are_all_by_hand_is_found_at_its_heading() -> None:
    text = (
        "# A\n\n## High latency\n\n1. Check the database\n2. Check Redis\n\n## Down\n\n```bash\nuptime\n```\n"
    )
    (found,) = findings(text, "section-without-command")
    assert found.line == 3
    assert "2 steps" in found.message


def test_a_block_of_comments_is_no_command() -> None:
    text = "# A\n\n## Roll back\n\n```bash\n# 1. Open the dashboard\n# 2. Click\n```\n"
    (found,) = findings(text, "section-without-command")
    assert (found.line, "line 5" in found.message) == (3, True)


@pytest.mark.parametrize("title", ["Escalation path", "Communication", "Post-Mortem", "Best practices"])
def test_a_section_for_humans_needs_no_command(title: str) -> None:
    assert (
        lines(f"# A\n\n## {title}\n\n1. Call the owner\n2. Write it down\n", "section-without-command") == []
    )


def test_a_symptom_without_steps_is_found_under_a_heading_and_in_prose() -> None:
    assert lines("# A\n\n## Slow\n\n**Symptoms**: pages take 2 s\n", "symptom-without-steps") == [5]
    assert lines("# A\n\n## Slow\n\n### Symptoms\n\n- pages take 2 s\n", "symptom-without-steps") == [5]


@pytest.mark.parametrize(
    "rest",
    [
        "\n1. Check the database\n",
        "\n```\nuptime\n```\n",
        "\nSee [the other page](x.md).\n",
        "\n### Fix\n\n- [ ] restart it\n",
    ],
)
def test_a_symptom_with_anything_to_do_is_not_reported(rest: str) -> None:
    assert lines(f"# A\n\n## Slow\n\n**Symptoms**: pages take 2 s\n{rest}", "symptom-without-steps") == []


def test_a_link_to_no_heading_is_found_on_its_line() -> None:
    text = "# A\n\n## Redis is down\n\nsee [this](#redis-is-down),\nor [that](#redis-was-down)\n"
    assert lines(text, "dead-anchor") == [6]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Redis: is it up?", "redis-is-it-up"),
        ("--bigkeys (find big keys)", "--bigkeys-find-big-keys"),
        ("🚨 Rollback & Co", "-rollback--co"),
        ("Überlast", "%C3%BCberlast"),
        ('<a name="here"></a>Elsewhere', "here"),
        ("Named {#its-name}", "its-name"),
    ],
)
def test_an_anchor_is_found_however_a_site_writes_it(heading: str, anchor: str) -> None:
    assert lines(f"# A\n\n## {heading}\n\n[x](#{anchor})\n", "dead-anchor") == []


def test_the_second_heading_of_a_title_has_an_anchor_of_its_own() -> None:
    text = "# A\n\n## Grafana\n\n## Grafana\n\n[x](#grafana-1) [y](#grafana-2)\n"
    (found,) = findings(text, "dead-anchor")
    assert "#grafana-2" in found.message


def test_a_link_to_no_file_is_found_where_another_one_leads_somewhere(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# There\n")
    text = "# A\n\n[a](there.md) [b](gone.md#x)\n\n[c](https://a.example/x.md) [d](/x.md) [e](mailto:a@b)\n"
    found = lint(subject(text, tmp_path / "runbook.md"), choose(["dead-link"], ()))
    assert [(one.line, "gone.md" in one.message) for one in found] == [(3, True)]


def test_links_of_a_runbook_that_was_copied_alone_are_not_judged(tmp_path: Path) -> None:
    text = "# A\n\n[b](gone.md)\n"
    assert lint(subject(text, tmp_path / "runbook.md"), choose(["dead-link"], ())) == ()
    (tmp_path / ".git").mkdir()
    assert len(lint(subject(text, tmp_path / "runbook.md"), choose(["dead-link"], ()))) == 1


def test_what_looks_like_a_link_and_is_defined_nowhere_is_found() -> None:
    text = "# A\n\nsee [replication.md].\n\nand [that][ref], [this][1]\n\n[1]: https://example.org\n"
    assert lines(text, "dead-link") == [3, 5]


def test_a_reference_to_a_section_that_is_not_there_is_found() -> None:
    prose = ['see the "Failover" section', 'see the "Rollback" section', "Follow Database Restore below."]
    text = "\n\n".join(["# A", "## Rollback", *prose, ""])
    assert lines(text, "missing-section") == [5, 9]


@pytest.mark.parametrize(
    "prose",
    [
        'see the "Failover" section of the [handbook](https://example.org)',
        "see the logs section of the dashboard",
        'in the "errors" panel below',
        "See railway/DATABASE.md or section below",
    ],
)
def test_a_reference_to_something_else_is_not_reported(prose: str) -> None:
    assert lines(f"# A\n\n## Rollback\n\n{prose}\n", "missing-section") == []


def test_a_backtick_without_its_partner_is_found_on_its_line() -> None:
    text = "# A\n\nRun `uptime`, then\n`systemctl stop web' now\n\nOr `a` and ``b ` c`` and \\` too.\n"
    assert lines(text, "unpaired-backtick") == [4]


def test_a_section_with_a_query_to_run_has_something_to_carry_out() -> None:
    text = "# A\n\n## Slow\n\n1. Kill what is stuck:\n\n```sql\nSELECT 1;\n```\n"
    assert lines(text, "section-without-command") == []


@pytest.mark.parametrize(
    "steps",
    [
        "The system will:\n\n1. Stop the traffic\n2. Tell the team\n",
        "- Check that the alert clears\n- Check the dashboard\n",
        "1. Check the limit:\n\n```\n> config get maxmemory\n```\n",
    ],
)
def test_what_is_no_step_for_a_shell_is_not_missed_there(steps: str) -> None:
    assert lines(f"# A\n\n## Slow\n\n{steps}", "section-without-command") == []


def test_a_section_whose_sentences_hold_a_command_has_one() -> None:
    text = "# A\n\n## Slow\n\n1. Look at what `clusterctl list` prints\n2. Wait\n"
    assert lines(text, "section-without-command") == []


def test_a_response_time_may_stand_in_a_list_of_its_own() -> None:
    text = (
        "# A\n\n## Severity levels\n\n- P0: all is down\n- P1: half\n\nResponse times:\n\n- P0: 5 minutes\n"
    )
    assert lines(text, "severity-without-response-time") == [6]
