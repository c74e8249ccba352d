"""Findings as SARIF 2.1.0, the form that code scanning reads."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from drillbook import __version__
from drillbook.lint.check import Linted
from drillbook.lint.output import shown
from drillbook.lint.registry import page_of
from drillbook.lint.rule import Rule
from drillbook.model import Finding, Json

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(results: Sequence[Linted], rules: Sequence[Rule], not_run: Sequence[Rule]) -> dict[str, Json]:
    """The document of `--format sarif`; `rules` were asked for, and `not_run` of them could not be run."""
    places = {rule.id: index for index, rule in enumerate(rules)}
    notes: list[Json] = [
        {
            "level": "warning",
            "message": {"text": f"Not run, because {', '.join(rule.needs)} is not installed"},
            "associatedRule": {"id": rule.id, "index": places[rule.id]},
        }
        for rule in not_run
    ]
    run: dict[str, Json] = {
        "tool": {
            "driver": {"name": "drillbook", "version": __version__, "rules": [_rule(rule) for rule in rules]}
        },
        "invocations": [{"executionSuccessful": True, "toolConfigurationNotifications": notes}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(result, finding, places) for result in results for finding in result.findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.summary},
        "help": {
            "text": f"`drillbook lint --explain {rule.id}` says what, why and how to mend it",
            "markdown": page_of(rule),
        },
        "defaultConfiguration": {"level": str(rule.level)},
    }


def _result(result: Linted, finding: Finding, places: dict[str, int]) -> Json:
    message = f"{finding.message}. Fix: {finding.fix}" if finding.fix else finding.message
    return {
        "ruleId": finding.rule,
        "ruleIndex": places[finding.rule],
        "level": str(finding.level),
        "message": {"text": message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(shown(result.path))},
                    "region": {"startLine": finding.line},
                }
            }
        ],
        "properties": {"fix": finding.fix},
    }


def _uri(path: str) -> str:
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)
