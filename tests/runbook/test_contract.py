"""`drillbook parse --json`: the keys and values that users script against, to the letter."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drillbook.runbook.parse import parse_runbook
from drillbook.runbook.schema import to_contract

DRILLBOOK = Path(sys.executable).parent / "drillbook"
ORDERS = Path(__file__).parent / "orders.md"
TITLE = "Orders Runbook"
DOWN = [TITLE, "Quick Actions", "Orders Down (SEV1)"]
EXPECTED = {
    "title": TITLE,
    "sections": [
        {"title": TITLE, "level": 1, "line": 1, "path": [TITLE]},
        {"title": "Severity Levels", "level": 2, "line": 3, "path": [TITLE, "Severity Levels"]},
        {"title": "Quick Actions", "level": 2, "line": 10, "path": DOWN[:2]},
        {"title": "Orders Down (SEV1)", "level": 3, "line": 12, "path": DOWN},
        {"title": "Communication", "level": 2, "line": 30, "path": [TITLE, "Communication"]},
        {"title": "Checklist", "level": 2, "line": 41, "path": [TITLE, "Checklist"]},
        {"title": "Post-Mortem Template", "level": 2, "line": 46, "path": [TITLE, "Post-Mortem Template"]},
        {"title": "Contacts", "level": 2, "line": 51, "path": [TITLE, "Contacts"]},
    ],
    "severities": [
        {"level": "SEV1", "description": "No orders", "response_s": 900.0, "line": 7},
        {"level": "SEV2", "description": "Slow orders", "response_s": 3600.0, "line": 8},
    ],
    "steps": [
        {
            "line": 16,
            "section": DOWN,
            "kind": "command",
            "text": "1. Look",
            "command": "platform status",
            "language": "bash",
            "comment": "1. Look",
            "placeholders": [],
            "caution": False,
            "end_line": 16,
        },
        {
            "line": 19,
            "section": DOWN,
            "kind": "command",
            "text": "2. Undo (if needed)",
            "command": "platform rollback <deployment-id> \\\n  --yes",
            "language": "bash",
            "comment": "2. Undo (if needed)",
            "placeholders": ["<deployment-id>"],
            "caution": True,
            "end_line": 20,
        },
        {
            "line": 24,
            "section": DOWN,
            "kind": "manual",
            "text": "Ask the lead",
            "command": None,
            "language": None,
            "comment": None,
            "placeholders": [],
            "caution": False,
            "end_line": 24,
        },
    ],
    "templates": {
        "status_update": {"line": 35, "text": "[INCIDENT] Orders\n\nStatus: [state]\nImpact: [who]"},
        "post_mortem": [
            {"title": "Summary", "prompt": "What happened?", "line": 48},
            {"title": "Prevention", "prompt": "What now?", "line": 49},
        ],
    },
    "checklist": [
        {"line": 43, "section": [TITLE, "Checklist"], "text": "Cause found", "checked": False},
        {"line": 44, "section": [TITLE, "Checklist"], "text": "Team told", "checked": True},
    ],
    "contacts": [{"role": "Lead", "contact": "@lead", "line": 55}],
    "cadences": [
        {
            "moment": "interval",
            "text": "Every 30 minutes during SEV1",
            "line": 32,
            "interval_s": 1800.0,
            "severities": ["SEV1"],
        }
    ],
    "blocks": [
        {
            "line": 14,
            "end_line": 21,
            "section": DOWN,
            "language": "bash",
            "lines": [
                {"line": 15, "kind": "comment", "step_line": None},
                {"line": 16, "kind": "command", "step_line": 16},
                {"line": 17, "kind": "blank", "step_line": None},
                {"line": 18, "kind": "comment", "step_line": None},
                {"line": 19, "kind": "command", "step_line": 19},
                {"line": 20, "kind": "command", "step_line": 19},
            ],
        },
        {
            "line": 26,
            "end_line": 28,
            "section": DOWN,
            "language": None,
            "lines": [{"line": 27, "kind": "unknown", "step_line": None}],
        },
        {
            "line": 34,
            "end_line": 39,
            "section": [TITLE, "Communication"],
            "language": None,
            "lines": [
                {"line": 35, "kind": "template", "step_line": None},
                {"line": 36, "kind": "blank", "step_line": None},
                {"line": 37, "kind": "template", "step_line": None},
                {"line": 38, "kind": "template", "step_line": None},
            ],
        },
    ],
    "notices": [{"line": 27, "message": "can't tell whether this is a command, output or configuration"}],
}


def drillbook(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DRILLBOOK, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_prints_the_contract_and_nothing_else() -> None:
    done = drillbook("parse", "orders.md", "--json", folder=ORDERS.parent)
    assert (done.returncode, done.stderr) == (0, "")
    sha256 = hashlib.sha256(ORDERS.read_bytes()).hexdigest()
    assert json.loads(done.stdout) == {"path": "orders.md", "sha256": sha256, **EXPECTED}


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\n", b"\r"),
        lambda data: b"\xef\xbb\xbf" + data,
    ],
    ids=["CRLF", "CR", "BOM"],
)
def test_line_ends_and_a_byte_order_mark_change_nothing(change: Any, tmp_path: Path) -> None:
    path = tmp_path / "orders.md"
    path.write_bytes(change(ORDERS.read_bytes()))
    contract = to_contract(parse_runbook(path))
    assert {key: contract[key] for key in EXPECTED} == EXPECTED


def test_without_json_the_steps_are_printed_under_their_sections_and_notices_apart() -> None:
    done = drillbook("parse", "orders.md", folder=ORDERS.parent)
    assert done.returncode == 0
    assert "   19 !    command  platform rollback <deployment-id> \\" in done.stdout.splitlines()
    assert done.stderr.startswith("orders.md:27: can't tell")
    assert len(done.stderr.splitlines()) == 1


def test_a_bad_file_is_one_line_and_exit_code_4(tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_bytes(b"# T\n\nR\xe9sum\xe9\n")
    done = drillbook("parse", "bad.md", "--json", folder=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "drillbook: bad.md:3: is not UTF-8 (save it as UTF-8)\n"
