"""The shell in the workflows that a runbook shows: what is held against the CLIs, and on which line."""

from __future__ import annotations

from textwrap import indent

from tests.lint.look import findings

from drillbook.lint.surface import Wrong
from drillbook.lint.workflow import shown_steps
from drillbook.runbook.markdown import read_markdown


def shown(yaml: str, language: str = "yaml") -> list[tuple[int, str]]:
    """The commands of a workflow whose first line is on line 4 of a runbook."""
    steps = shown_steps(read_markdown(f"# Orders\n\n```{language}\n{yaml}\n```\n"))
    return [(step.line, step.text) for step in steps]


GITHUB = """\
name: Roll back
on: workflow_dispatch
jobs:
  rollback:
    steps:
      - uses: actions/checkout@v4
      - name: The app
        run: railway rollback --service=${{ secrets.SERVICE }}
      - run: |
          railway status

          railway deployments
"""


def test_a_job_of_github_runs_what_its_steps_say() -> None:
    word = "X" * len("${{ secrets.SERVICE }}")
    assert shown(GITHUB) == [
        (11, f"railway rollback --service={word}"),
        (13, "railway status\n\nrailway deployments\n"),
    ]


def test_a_job_of_gitlab_runs_its_scripts() -> None:
    yaml = "before_script: railway login\nroll back:\n  script:\n    - railway status\n    - railway down\n"
    assert shown(yaml, "yml") == [(4, "railway login"), (7, "railway status"), (8, "railway down")]


def test_a_composite_action_runs_what_its_steps_say() -> None:
    yaml = "name: Roll back\nruns:\n  using: composite\n  steps:\n    - run: railway down\n"
    assert shown(yaml) == [(8, "railway down")]


def test_a_command_of_a_workflow_that_the_cli_does_not_have_is_found_on_its_line() -> None:
    text = f"# Orders\n\n```yaml\n{GITHUB}```\n"
    assert [(f.rule, f.line) for f in findings(text, *Wrong)] == [
        (Wrong.COMMAND, 11),
        (Wrong.BARE, 15),
    ]


def test_a_workflow_in_a_list_keeps_its_lines() -> None:
    text = f"# Orders\n\n1. Start it:\n\n{indent(f'```yaml{chr(10)}{GITHUB}```', '   ')}\n"
    assert [f.line for f in findings(text, Wrong.COMMAND)] == [13]


def test_a_workflow_is_no_step_that_the_other_rules_judge() -> None:
    yaml = "jobs:\n  a:\n    steps:\n      - run: psql -c 'SELEC 1' | railway rollback; exit 0\n"
    assert {f.rule for f in findings(f"# Orders\n\n```yaml\n{yaml}```\n")} == {"unknown-command"}


def test_other_yaml_has_no_commands() -> None:
    assert shown("services:\n  app:\n    command: railway rollback\n") == []
    assert shown("run: railway rollback\n") == []
    assert shown("jobs: [1, {steps: [run, {run: [railway]}, {run: 7}]}]\nscript: {a: b}\n") == []


def test_yaml_that_does_not_parse_has_no_commands() -> None:
    assert shown("jobs: {steps: [\nscript: railway rollback\n") == []
    assert shown("") == []
