"""The oracle of every variant, tested on the whole stack before it may judge a runbook.

Good before the fault, bad under it, still bad after doing nothing, good after the reference cure: so a
variant that a runbook misses is shown to be curable, and an oracle that can't fail is found out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.functional.conftest import Team, jobs

from drillbook.clocks import clocks
from drillbook.events import ResponderActed, Sampled
from drillbook.journal import events, read
from drillbook.registry import scenarios

RUN_DEADLINE_S = 900.0
pytestmark = [pytest.mark.whole, pytest.mark.timeout(RUN_DEADLINE_S + 60)]


@pytest.fixture(scope="module")
def drills(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A run of every variant, in which who responds knows the cure; as JSON, with each run directory's path.

    One run, since a run for each scenario would end with idle cores eleven times.
    """
    team = Team(tmp_path_factory.mktemp("team"))
    done = team.drillbook(
        *("run", "--all-variants", "--responder", "reference", "--no-control", "--jobs", str(jobs() + 1)),
        *("--out", "out", "--json", "results.json"),
        deadline_s=RUN_DEADLINE_S,
    )
    assert (team.folder / "results.json").exists(), done.stderr
    found: list[dict[str, Any]] = json.loads((team.folder / "results.json").read_text())["drills"]
    return [{**drill, "run_dir": team.folder / drill["run_dir"]} for drill in found]


@pytest.mark.parametrize("scenario", scenarios())
def test_each_variant_is_bad_until_its_reference_cure(drills: list[dict[str, Any]], scenario: str) -> None:
    mine = [drill for drill in drills if drill["scenario"] == scenario]
    told = {drill["variant"]: (drill["verdict"], drill["reason"]) for drill in mine}
    assert {name: verdict for name, (verdict, _) in told.items()} == dict.fromkeys(
        (variant.name for variant in scenarios()[scenario].variants), "RESOLVED"
    ), told
    for drill in mine:
        _check_that_it_was_bad_until_cured(drill["run_dir"] / "journal.jsonl")


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
