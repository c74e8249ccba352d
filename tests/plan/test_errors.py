"""Plans that are wrong: each is one line with the file, the line and what to do."""

# ruff: noqa: E501  the cases read best as a table, one a line

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.plan.conftest import PLAN, Load

from drillbook.errors import InputError
from drillbook.plan import load_plan

DRILL = "drills: [{scenario: stuck-transactions, section: Locks in the database}]\n"
TOP = f"runbook: on-call.md\n{DRILL}"
BIND = "bindings: [{{section: {}, step: {}, run: uptime}}]\n"


def wrong(text: str, line: int, message: str, name: str) -> object:
    return pytest.param(text, line, message, id=name)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        wrong(f"{TOP}objectivs: {{}}\n", 3, "no key 'objectivs' (did you mean 'objectives'?)", "unknown key"),
        wrong(f"{TOP}clock: jump\nclock: wait\n", 4, "'clock' is there twice (the first is on line 3)", "twice"),
        wrong(DRILL, 1, "the plan lacks the key 'runbook'", "no runbook"),
        wrong("runbook: on-call.md\n", 1, "the plan lacks the key 'drills'", "no drills"),
        wrong("runbook: on-call.md\ndrills: []\n", 2, "the plan has no drills", "empty drills"),
        wrong("runbook: on-call.md\ndrills: {}\n", 2, "drills must be a list, not a table", "drills no list"),
        wrong("- a\n", 1, "the plan must be a table, not a list", "plan no table"),
        wrong(f"runbook: of-call.md\n{DRILL}", 1, "there is no file 'of-call.md' beside", "no such runbook"),
        wrong(f"runbook: [a]\n{DRILL}", 1, "runbook must be text, not a list", "runbook no text"),
        wrong(f"runbook: 5\n{DRILL}", 1, "runbook must be text, not '5' (put it in quotes)", "a number"),
        wrong(f"runbook:\n{DRILL}", 1, "runbook must be text, not nothing", "nothing"),
        wrong(f"{TOP}clock: jmp\n", 3, "clock can't be 'jmp' (did you mean 'jump'?)", "choice"),
        wrong(f"{TOP}platform: {{name: heroku}}\n", 3, "name can't be 'heroku' (there is railway)", "platform"),
        wrong(f"{TOP}platform: {{surface: 4}}\n", 3, "surface must be text", "surface type"),
        wrong(f"{TOP}platform: {{surface: documentd}}\n", 3, "did you mean 'documented'?", "surface"),
        wrong(f"{TOP}operator: {{role: superusr}}\n", 3, "did you mean 'superuser'?", "role"),
        wrong(f"{TOP}operator: {{exports: [DATABSE_URL]}}\n", 3, "did you mean 'DATABASE_URL'?", "export"),
        wrong(f"{TOP}operator: {{exports: REDIS_URL}}\n", 3, "exports must be a list", "exports"),
        wrong(f"{TOP}objectives: {{detect: soon}}\n", 3, "detect must be a duration, not 'soon'", "duration"),
        wrong(f"{TOP}objectives: {{detect: -5s}}\n", 3, "detect must be a duration", "negative"),
        wrong(f"{TOP}objectives: {{detect: 0}}\n", 3, "detect must be from 0.001 s to 86400 s", "zero"),
        wrong(f"{TOP}objectives: {{detect: .inf}}\n", 3, "detect must be a duration", "infinite"),
        wrong(f"{TOP}objectives: {{detect: 25h}}\n", 3, "detect must be from 0.001 s", "too long"),
        wrong(f"{TOP}timing: {{probe_interval: 1ms}}\n", 3, "must be from 0.01 s to 1 s", "interval"),
        wrong(f"{TOP}timing: {{hold: 50ms}}\n", 3, "hold is shorter than two probe intervals", "hold"),
        wrong(f"{TOP}traffic: {{users: many}}\n", 3, "users must be a whole number from 0 to 1000", "users"),
        wrong(f"{TOP}traffic: {{users: -1}}\n", 3, "users must be a whole number from 0 to 1000", "users -1"),
        wrong(f"{TOP}traffic: {{users: true}}\n", 3, "users must be a whole number", "users bool"),
        wrong(f"{TOP}traffic: {{locustfile: x.py}}\n", 3, "there is no file 'x.py'", "locustfile"),
        wrong(f"{TOP}allow_external: yes please\n", 3, "allow_external must be true or false", "external"),
        wrong(f"{TOP}tools: [/bin/curl]\n", 3, "'/bin/curl' is not the name of a program", "tool"),
        wrong(TOP.replace("stuck-t", "stuk-t"), 2, "did you mean 'stuck-transactions'?", "scenario"),
        wrong(TOP.replace("Locks in", "Lock in"), 2, "did you mean 'Locks in the database'?", "section"),
        wrong(TOP.replace("section", "sections"), 2, "sections must be a list, not 'Locks", "sections"),
        wrong(TOP.replace("section: L", "sections: [], section: L"), 2, "section and sections", "both"),
        wrong(TOP.replace("section: Locks in the database", "sections: []"), 2, "are no sections", "none"),
        wrong(TOP.replace(", section: Locks in the database", ""), 2, "no section 'Database Issues'", "own"),
        wrong(PLAN.replace("savepoint-", "safepoint-"), 7, "did you mean 'savepoint-aborted'?", "variant"),
        wrong(PLAN.replace("known_gap", "known_gaps"), 7, "did you mean 'known_gap'?", "variant key"),
        wrong(PLAN.replace("known_gap: it is aborted", "survivors: [drop-10]"), 7, "survivors must be a table", "survivors"),
        wrong(PLAN.replace("known_gap: it is aborted", "survivors: {drop-10: 5}"), 7, "drop-10 must be text", "no reason"),
        wrong(PLAN.replace("it is aborted", "''"), 7, "known_gap must be text, not nothing", "empty gap"),
        wrong(PLAN.replace("{}", "[]"), 6, "must be a table, not a list", "variant no table"),
        wrong(PLAN.split("variants")[0] + "variants: {}\n", 5, "there are no variants", "no variants"),
        wrong(PLAN + PLAN.split("drills:\n")[1], 11, "is planned twice (the first is on line 6)", "planned twice"),
        wrong(
            PLAN.replace("savepoint-aborted", "idle-past-threshold"), 7, "is there twice", "variant twice"
        ),
        wrong(TOP + BIND.format("Pool is ful", "Count"), 3, "did you mean '4. Pool is full'?", "bind section"),
        wrong(TOP + BIND.format("Pool is full", "Count session"), 3, "did you mean 'Count the s", "bind step"),
        wrong(TOP + BIND.format("Pool is full", "Raise the"), 3, "matches several steps (they are", "bind two"),
        wrong(
            TOP + BIND.format("Locks in the database", "Does it"),
            3,
            "has a command of its own (remove the binding)",
            "bind command",
        ),
        wrong(
            TOP + BIND.format("Pool is full", "Count").replace("]", ", {section: Pool is full, step: count, run: w}]"),
            3,
            "the step 'Count the sessions' is bound twice (first on line 3)",
            "bind twice",
        ),
        wrong(f"{TOP}bindings: [{{section: Pool is full, run: w}}]\n", 3, "lacks the key 'step'", "bind key"),
        wrong(TOP + BIND.format("Pool is full", "[a, b]"), 3, "has no step 'a'", "bind wordings"),
        wrong(TOP + BIND.format("Pool is full", "[]"), 3, "or a list of wordings", "bind no wording"),
        wrong(
            TOP + BIND.format("Pool is full", "Count").replace("run", "manual: no, run"),
            3,
            "exactly one of run, follow and manual",
            "bind both",
        ),
        wrong(
            TOP + BIND.format("Pool is full", "Count").replace("run: uptime", "follow: Pool is ful"),
            3,
            "did you mean '4. Pool is full'?",
            "follow",
        ),
        wrong(
            TOP + BIND.format("Pool is full", "Count").replace("}", ", expect: '('}"),
            3,
            "expect is not a regular expression",
            "expect",
        ),
        wrong(
            TOP + BIND.format("Pool is full", "Count").replace("run: uptime", "manual: x, expect: y"),
            3,
            "expect is for what a command prints (give run as well)",
            "expect alone",
        ),
        wrong(f"{TOP}placeholders: {{<pdi>: 1}}\n", 3, "has the placeholder '<pdi>' (did you mean '<pid>'?)", "pdi"),
        wrong(f"{TOP}placeholders: {{<pid>: 1, pid: 2}}\n", 3, "'<pid>' has two rules", "two rules"),
        wrong(f"{TOP}placeholders: {{<pid>: [1]}}\n", 3, "must be a value, not a list", "rule"),
        wrong(f"{TOP}placeholders: {{<pid>: {{ran: x}}}}\n", 3, "did you mean 'run'?", "rule key"),
        wrong(f"{TOP}5: x\n", 3, "a key of the plan must be text, not '5' (put it in quotes)", "key no text"),
        wrong(f"{TOP}? [a]\n: x\n", 3, "a key of the plan must be text, not a list", "list as key"),
        wrong(f"{TOP}<<: {{clock: jump}}\n", 3, "a key of the plan must be text", "merge"),
        wrong(f"{TOP}clock: 'jump\n", 4, "not YAML", "unclosed quote"),
        wrong(f"{TOP}\tclock: jump\n", 3, "not YAML", "tab"),
        wrong(f"{TOP}clock: *nothing\n", 3, "not YAML: found undefined alias", "alias"),
        wrong(f"{TOP}---\n{TOP}", 3, "not YAML", "two documents"),
        wrong(f"{TOP}clock: \x07\n", 3, "a character that YAML forbids", "control character"),
    ],
)  # fmt: skip
def test_a_plan_that_is_wrong_is_an_error_with_its_line(
    load: Load, text: str, line: int, message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load(text)
    assert Path(str(caught.value.path)).name == "plan.yaml"
    assert caught.value.line == line
    assert "\n" not in caught.value.render()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the plan is empty"),
        (b"# only a comment\n", "the plan is empty"),
        (b"runbook: x\n\xff\xfe\n", "plan.yaml:2: the plan is not text in UTF-8"),
        (b"\x00\x01\x02", "a character that YAML forbids"),
        (b"[" * 5000, "not YAML|nested too deeply"),
    ],
)
def test_what_is_no_plan_at_all_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_plan(file)


def test_a_plan_that_is_not_there_or_is_a_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: can't read the plan: No such file or directory"):
        load_plan(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="can't read the plan: Is a directory"):
        load_plan(tmp_path)


def test_a_plan_that_refers_to_itself_is_an_error(load: Load) -> None:
    with pytest.raises(InputError, match="must be a table, not a list"):
        load("runbook: on-call.md\ndrills: &all [*all]\n")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, len(PLAN)),
    new=st.text(st.characters(codec="utf-8"), max_size=6),
    cut=st.integers(0, 6),
)
def test_whatever_is_mistyped_a_plan_loads_or_says_what_is_wrong(
    load: Load, place: int, new: str, cut: int
) -> None:
    with contextlib.suppress(InputError):
        load(PLAN[:place] + new + PLAN[place + cut :])
