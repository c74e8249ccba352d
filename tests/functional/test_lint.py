"""The installed `drillbook lint`, run as a user runs it: bad input is one line and exit code 4."""

from __future__ import annotations

import pytest
from tests.functional.conftest import Team


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lint", "missing.md"), "missing.md"),
        (("lint", "runbook.md", "--ignore", "dead-lnk"), "dead-link"),
        (("lint", "runbook.md", "--format", "xml"), "xml"),
        (("lint", "--explain", "nothing-such"), "nothing-such"),
        (("lint", "runbook.md", "--surface", "missing.yaml"), "missing.yaml"),
        (("lint", "runbook.md", "--surface", "runbook.md"), "the surface is empty"),
        (("lint",), "no runbook"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_4(team: Team, arguments: tuple[str, ...], said: str) -> None:
    (team.folder / "runbook.md").write_text("# A\n")
    done = team.drillbook(*arguments)
    assert (done.exit_code, done.stdout) == (4, "")
    (line,) = done.stderr.strip().splitlines()
    assert said in line


def test_what_a_plan_fills_and_binds_is_not_reported(team: Team) -> None:
    plan = team.write()
    book = team.folder / "runbook.md"
    book.write_text(book.read_text() + "\n## Slow\n\n1. Look at it\n\n```bash\nrailway logs <id>\n```\n")
    text = plan.read_text().replace("drills:", "placeholders: {id: newest}\ndrills:")
    plan.write_text(text)
    alone = team.drillbook("lint", "runbook.md", "--select", "unfilled-placeholder")
    assert "`<id>`" in alone.stdout
    with_plan = team.drillbook("lint", "runbook.md", "--select", "unfilled-placeholder", "--plan", plan.name)
    assert with_plan.stdout == "Nothing found in 1 runbook\n"


def test_a_team_brings_the_surface_of_its_own_cli(team: Team) -> None:
    (team.folder / "shopctl.yaml").write_text(
        "program: shopctl\nversion: 2\nsource: its help\ncommands: {stop: }\n"
    )
    (team.folder / "runbook.md").write_text("# A\n\n## B\n\n```bash\nshopctl stpo\nrailway rollback\n```\n")
    done = team.drillbook("lint", "runbook.md", "--select", "unknown-command", "--surface", "shopctl.yaml")
    assert done.exit_code == 1
    assert "runbook.md:6: error: shopctl 2 has no command `stpo`" in done.stdout
    assert "runbook.md:7: error: railway 5.43.1 has no command `rollback`" in done.stdout
