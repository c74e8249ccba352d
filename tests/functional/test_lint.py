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
