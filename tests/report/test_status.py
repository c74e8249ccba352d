from __future__ import annotations

import pytest
from tests.journals import Story, changed, control, drill, runbook, start

from drillbook.events import DrillStarted
from drillbook.model import Cadence, StatusTemplate, Templates
from drillbook.reporting.facts import facts
from drillbook.reporting.status import StatusUpdate, status_updates
from drillbook.result import result_of


def updates(story: Story) -> list[StatusUpdate]:
    entries, beside = story.entries(), control().entries()
    return status_updates(facts(result_of(entries, beside, run_dir="run"), entries, beside))


def with_template(text: str) -> DrillStarted:
    return start(runbook=changed(runbook(), templates=Templates(StatusTemplate(1, text))))


def test_the_template_is_filled_in_its_own_layout_and_unknown_fields_stay() -> None:
    first, last = updates(drill())
    assert first.text.splitlines() == [
        "[DRILL] [INCIDENT] app - Stuck transactions hold locks",
        "",
        "Status: Investigating",
        "Impact: write failing; 13 of 40 customer requests failed so far",
        "Started: 2026-11-24 09:30:04 UTC",
        "Current Action: the alert has fired; next is “Locks in the database” of the runbook",
        "Next Update: 10:00:06 UTC",
        "Ticket: [Number]",
    ]
    assert "Status: Resolved\n" in last.text
    assert "Next Update: none: the drill is over" in last.text
    assert (first.name, last.name) == ("01-start.md", "02-resolution.md")


def test_an_update_knows_nothing_of_what_came_later() -> None:
    first = updates(drill())[0]
    assert "Kill stuck" not in first.text
    assert "Resolved" not in first.text


def test_updates_come_at_the_interval_and_tell_the_stage_of_their_moment() -> None:
    cadences = (Cadence("start", "", 1), Cadence("interval", "", 2, 1.5), Cadence("resolution", "", 3))
    story = drill(first=start(runbook=changed(runbook(), cadences=cadences)))
    made = updates(story)
    stages = [update.text.split("Status: ")[1].split("\n")[0] for update in made]
    assert [update.name for update in made][:3] == ["01-start.md", "02-update.md", "03-update.md"]
    assert stages[:2] == ["Investigating", "Investigating"]
    assert stages[2] == "Identified"
    assert stages[3] == "Monitoring"
    assert stages[-1] == "Resolved"
    assert "Current Action: Kill stuck queries (line 15 of the runbook)" in made[2].text
    assert "Next Update: 09:30:07 UTC" in made[0].text


def test_the_runbook_s_interval_is_kept_on_the_drill_s_own_clock() -> None:
    (first, *others, _) = updates(drill(first=start(clock_speed=600)))
    assert [update.t - first.t for update in others] == pytest.approx([3.0, 6.0, 9.0])
    assert len(updates(drill())) == 2  # half an hour is longer than the drill


def test_an_interval_meant_for_other_severities_is_not_kept() -> None:
    cadences = (Cadence("start", "", 1), Cadence("interval", "", 2, 1.0, ("SEV4",)))
    story = drill(first=start(runbook=changed(runbook(), cadences=cadences)))
    assert [update.moment for update in updates(story)] == ["start"]


def test_a_drill_that_is_not_resolved_never_says_that_it_is() -> None:
    last = updates(drill(cured_at=None))[-1]
    assert last.name == "02-end.md"
    assert "Status: Identified" in last.text
    assert "is not resolved" in last.text


def test_a_runbook_without_template_and_cadence_gets_an_update_at_both_ends() -> None:
    story = drill(first=start(runbook=changed(runbook(), templates=Templates(), cadences=())))
    made = updates(story)
    assert [update.moment for update in made] == ["start", "resolution"]
    assert made[0].text.startswith("[DRILL] Stuck transactions hold locks\n")


def test_a_drill_whose_fault_did_nothing_has_no_update() -> None:
    assert updates(drill().until(4.4)) == []


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("**Status:** open | closed\n", "[DRILL] Stuck transactions hold locks\n**Status:** open\n"),
        ("- Status: red\n", "[DRILL] Stuck transactions hold locks\n- Status: Investigating\n"),
        ("Update\nNotes: see below", "[DRILL] Update - Stuck transactions hold locks\nNotes: see below\n"),
        ("# <title>\nSeverity: ?", "[DRILL] # Stuck transactions hold locks\nSeverity: SEV1\n"),
    ],
)
def test_templates_of_other_forms_are_filled_too(template: str, expected: str) -> None:
    assert updates(drill(first=with_template(template)))[0].text == expected
