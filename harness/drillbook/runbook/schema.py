"""The `parse --json` form of a runbook: the contract that users script against.

Keys are only ever added to it.
"""

from __future__ import annotations

from drillbook.model import Json, Runbook, to_json


def to_contract(runbook: Runbook) -> dict[str, Json]:
    """`runbook` as the data that `drillbook parse --json` prints."""
    return {
        "path": runbook.path,
        "sha256": runbook.sha256,
        "title": runbook.title,
        "sections": [
            {"title": section.title, "level": section.level, "line": section.line, "path": list(section.path)}
            for section in runbook.sections
        ],
        "severities": [to_json(severity) for severity in runbook.severities],
        "steps": [to_json(step) for step in runbook.steps],
        "templates": to_json(runbook.templates),
        "checklist": [to_json(item) for item in runbook.checklist],
        "contacts": [to_json(contact) for contact in runbook.contacts],
        "cadences": [to_json(cadence) for cadence in runbook.cadences],
        "blocks": [to_json(block) for block in runbook.blocks],
        "notices": [to_json(notice) for notice in runbook.notices],
    }
