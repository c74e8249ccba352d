"""The oracle of every variant, tested on the whole stack before it may judge a runbook.

Good before the fault, bad under it, still bad after doing nothing, good after the reference cure: so a
variant that a runbook misses is shown to be curable, and an oracle that can't fail is found out.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.functional.conftest import Team, jobs

from drillbook.clocks import clocks
from drillbook.events import ResponderActed, Sampled
from drillbook.journal import events, read
from drillbook.registry import scenarios

pytestmark = pytest.mark.whole


@pytest.mark.parametrize("scenario", scenarios())
def test_each_variant_is_bad_until_its_reference_cure(team: Team, scenario: str) -> None:
    done = team.drillbook(
        *("run", scenario, "--all-variants", "--responder", "reference", "--no-control"),
        *("--jobs", str(jobs()), "--out", "out", "--json", "results.json"),
    )
    drills = json.loads((team.folder / "results.json").read_text())["drills"]
    told = {drill["variant"]: (drill["verdict"], drill["reason"]) for drill in drills}
    assert {name: verdict for name, (verdict, _) in told.items()} == dict.fromkeys(
        (variant.name for variant in scenarios()[scenario].variants), "RESOLVED"
    ), f"{told}\n{done.stderr}"
    assert done.exit_code == 0
    for drill in drills:
        _check_that_it_was_bad_until_cured(team.folder / drill["run_dir"] / "journal.jsonl")


def _check_that_it_was_bad_until_cured(journal: Path) -> None:
    entries = read(journal)
    acts = {act.change: entry.t for entry, act in events(entries, ResponderActed)}
    waited = acts["cured"] - acts["ack"]
    assert waited >= 2.0, "nobody acted for as long as the plan's settle window"
    last_half_second = [
        sample for _, sample in events(entries, Sampled) if acts["cured"] - 0.5 <= sample.end <= acts["cured"]
    ]
    assert any(not sample.good for sample in last_half_second), "still bad after doing nothing"
    times = clocks(entries)
    assert times.mitigate is not None
    assert times.mitigate >= acts["cured"], "good after the cure, and not before it"
