"""What a runbook defines beside its steps: severities, templates, cadences, checklists, contacts."""

from __future__ import annotations

import pytest
from tests.runbook.look import classes, parse

from drillbook.runbook.durations import duration_s, interval_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15 min", 900.0),
        ("1 hour", 3600.0),
        ("4 hours", 14400.0),
        ("24 hours", 86400.0),
        ("< 5 min", 300.0),
        ("15-30 minutes", 1800.0),
        ("1h 30m", 5400.0),
        ("1 hour and 30 minutes", 5400.0),
        ("an hour", 3600.0),
        ("1 business day", 86400.0),
        ("30s", 30.0),
        ("2 weeks", 1209600.0),
        ("Immediate", 0.0),
        ("Immediate (0-5 minutes)", 300.0),
        ("next working day", None),
        ("best effort", None),
        ("", None),
    ],
)
def test_a_response_time_is_in_seconds(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds
    table = (
        f"## Severity\n\n| Level | Description | Response Time |\n|--|--|--|\n| **SEV1** | down | {text} |\n"
    )
    (level,) = parse(table).severities
    assert (level.level, level.description, level.response_s, level.line) == ("SEV1", "down", seconds, 5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("every 30 minutes", 1800.0), ("every hour", 3600.0), ("daily", 86400.0), ("often", None)],
)
def test_an_interval_is_in_seconds(text: str, seconds: float | None) -> None:
    assert interval_s(text) == seconds


def test_severities_may_be_headings_or_a_list() -> None:
    headings = parse(
        "## Severities\n\n### SEV1 - Down\n\n- All of it\n\nResponse time: 5 min\n\n### P2: Slow\n"
    )
    assert [(s.level, s.description, s.response_s, s.line) for s in headings.severities] == [
        ("SEV1", "Down", 300.0, 3),
        ("P2", "Slow", None, 9),
    ]
    items = parse("## Severity Levels\n\n- SEV1: Down, respond within 15 minutes\n- SEV2: Slow\n")
    assert [(s.level, s.response_s, s.line) for s in items.severities] == [
        ("SEV1", 900.0, 3),
        ("SEV2", None, 4),
    ]
    assert not headings.steps
    assert not items.steps


def test_the_first_definition_of_a_severity_counts() -> None:
    table = "| Level | Response Time |\n|--|--|\n| SEV1 | 5 min |\n\n"
    runbook = parse(f"## Severity\n\n{table}## Priority\n\n{table.replace('5 min', '1 hour')}")
    assert [(s.response_s, s.line) for s in runbook.severities] == [(300.0, 5)]


def test_a_section_or_table_that_only_names_a_severity_defines_none() -> None:
    assert not parse(
        "## Service Down (SEV1)\n\n1. Check it\n\n| Level | Who |\n|--|--|\n| SEV1 | x |\n"
    ).severities


TEMPLATE = "[INCIDENT] Service - Brief\n\nStatus: Open / Closed\nImpact: [who]\n  Next Update: [time]"


def test_the_status_template_is_kept_to_the_letter() -> None:
    runbook = parse(f"## Communication\n\n### Template\n\n```\n{TEMPLATE}\n```\n")
    template = runbook.templates.status_update
    assert template is not None
    assert (template.line, template.text) == (6, TEMPLATE)
    assert classes(runbook) == ["template", "blank", "template", "template", "template"]
    assert not runbook.steps
    assert not runbook.notices


def test_a_second_status_template_is_said() -> None:
    runbook = parse(f"## Status updates\n\n```\n{TEMPLATE}\n```\n\n```text\n{TEMPLATE}\n```\n")
    assert [n.line for n in runbook.notices] == [11]
    assert runbook.templates.status_update
    assert runbook.templates.status_update.line == 4


def test_a_block_of_commands_on_communication_is_no_template() -> None:
    runbook = parse("## Status updates\n\n```bash\ncurl -d 'Status: [x]' http://localhost/\n```\n")
    assert runbook.templates.status_update is None
    assert len(runbook.steps) == 1


def test_the_moments_of_updates_are_told_apart() -> None:
    runbook = parse(
        "## Communication\n\nUpdate stakeholders at:\n- Incident start\n- Every 30 minutes during SEV1/SEV2\n"
        "- Resolution\n- Post-mortem (within 48 hours)\n"
    )
    assert [(c.moment, c.line, c.interval_s, c.severities) for c in runbook.cadences] == [
        ("start", 4, None, ()),
        ("interval", 5, 1800.0, ("SEV1", "SEV2")),
        ("resolution", 6, None, ()),
        ("post-mortem", 7, 172800.0, ()),
    ]
    assert not runbook.steps


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "1. **Summary**: What happened?\n2. **Root Cause**: Why?\n3. Owner: Who?",
            [("Summary", "What happened?", 3), ("Root Cause", "Why?", 4), ("Owner", "Who?", 5)],
        ),
        ("- Start time:\n- Cause:", [("Start time", "", 3), ("Cause", "", 4)]),
        ("### Summary\n\nWhat happened?\n\n### Cause", [("Summary", "What happened?", 3), ("Cause", "", 7)]),
        (
            "```markdown\n# Report\n\n## Summary\n\nWhat?\n\n## Cause\n```",
            [("Summary", "What?", 6), ("Cause", "", 10)],
        ),
    ],
)
def test_the_post_mortem_gives_its_headings_and_their_questions(
    body: str, expected: list[tuple[str, str, int]]
) -> None:
    runbook = parse(f"## Post-Mortem Template\n\n{body}\n")
    assert [(h.title, h.prompt, h.line) for h in runbook.templates.post_mortem] == expected
    assert not runbook.steps


def test_a_checklist_is_kept_apart_from_the_steps() -> None:
    runbook = parse(
        "## Done?\n\n- [ ] Tell **the** team\n- [x] Fixed\n  - [X] Tested\n1. [ ] Closed\n\n* [] no box\n"
    )
    assert [(i.line, i.section, i.text, i.checked) for i in runbook.checklist] == [
        (3, ("Done?",), "Tell the team", False),
        (4, ("Done?",), "Fixed", True),
        (5, ("Done?",), "Tested", True),
        (6, ("Done?",), "Closed", False),
    ]
    assert not [s for s in runbook.steps if s.line < 8]


def test_whom_to_call_is_a_contact_and_no_step() -> None:
    runbook = parse("## On-call\n\n1. Page first: @lead\n2. Page the rest\n")
    assert [(c.role, c.line) for c in runbook.contacts] == [("Page first", 3)]
    assert [s.line for s in runbook.steps] == [4]


def test_contacts_may_be_a_table_or_a_list() -> None:
    table = parse(
        "## Contacts\n\n| Role | Contact |\n|--|--|\n| On-Call | (as scheduled) |\n| Lead | @lead |\n"
    )
    assert [(c.role, c.contact, c.line) for c in table.contacts] == [
        ("On-Call", "(as scheduled)", 5),
        ("Lead", "@lead", 6),
    ]
    items = parse("## On-call contacts\n\n- **Lead**: @lead\n- DBA - dba@example.com\n")
    assert [(c.role, c.contact, c.line) for c in items.contacts] == [
        ("Lead", "@lead", 3),
        ("DBA", "dba@example.com", 4),
    ]
    assert not items.steps
