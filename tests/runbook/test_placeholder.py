"""The parts of a command that a human fills in."""

from __future__ import annotations

import pytest
from tests.runbook.look import commands, fenced

from drillbook.runbook.placeholder import mask


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("platform rollback <deployment-id>", ("<deployment-id>",)),
        ("psql -h <DB IP> -U <user> -d <user>", ("<DB IP>", "<user>")),
        ("gh run cancel [RUN_ID]", ("[RUN_ID]",)),
        ("curl https://[app-url]/health", ("[app-url]",)),
        ("set [KEY]=[VALUE]", ("[KEY]", "[VALUE]")),
        ("kubectl delete pod {{ pod_name }} {{x}}", ("{{ pod_name }}", "{{x}}")),
        ("curl https://YOUR_HOST/ -d YOUR-ID", ("YOUR_HOST",)),
        ("git merge feature/your-feature", ("your-feature",)),
        ("psql < backup-YYYYMMDD.sql", ("YYYYMMDD",)),
        ("git tag v1.x.x", ("v1.x.x",)),
    ],
)
def test_a_placeholder_is_found_as_written_and_once(command: str, found: tuple[str, ...]) -> None:
    (step,) = commands(fenced(command, "bash"))
    assert step.placeholders == found
    assert step.command == command


@pytest.mark.parametrize(
    "command",
    [
        "psql < in.sql > out.txt",
        "diff <(ls a) <(ls b)",
        "echo ${VAR} $(date) $HOME",
        "[ -f x ] && [[ -d y ]]",
        "ls [a-z]* [Ee]x",
        "docker inspect --format '{{.State}}' app",
        "kubectl get pods -o jsonpath='{.items[0].name}'",
        "grep '[ERROR]' app.log",
        "echo ${{ secrets.TOKEN }}",
    ],
)
def test_shell_is_no_placeholder(command: str) -> None:
    (step,) = commands(fenced(command, "bash"))
    assert step.placeholders == ()


def test_a_mask_keeps_every_character_in_its_place() -> None:
    assert mask("a <b c> [DE_F] g") == "a _____ ______ g"
