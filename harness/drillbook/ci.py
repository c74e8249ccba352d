"""What a CI is told: the results on the runbook's own lines, as GitHub and GitLab show them beside a change.

A drill that did not come out as expected is an error on the line of the runbook at which to look first, a
known gap a notice. Whether there are any is asked of the environment here, and nowhere else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from drillbook.junit import message, told
from drillbook.model import Json, Verdict
from drillbook.result import DrillResult
from drillbook.verdict import FAILED_ITSELF

# GitHub cuts a step's summary off, with an error, beyond this many bytes.
_LONGEST_SUMMARY = 1 << 20


def wanted(choice: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether GitHub's annotations are to be printed: `choice` is `github`, `none`, or `auto`: on GitHub."""
    return choice == "github" or (choice == "auto" and environment.get("GITHUB_ACTIONS") == "true")


def root(environment: Mapping[str, str] = os.environ) -> Path:
    """The top of the repository that is checked: as the CI says, or else the current directory."""
    return Path(environment.get("GITHUB_WORKSPACE") or environment.get("CI_PROJECT_DIR") or ".").resolve()


def github(results: Sequence[DrillResult], top: Path) -> list[str]:
    """GitHub's workflow commands, a line each, for what is worth one; `top` is the repository's."""
    lines: dict[str, str] = {}  # by what comes before the text: a repeat of a drill has no second one
    for result in results:
        name = f"{result.scenario}/{result.variant}"
        if result.verdict is Verdict.NOT_APPLICABLE:
            continue
        if result.verdict in FAILED_ITSELF:  # it says nothing of the runbook, so it is on none of its lines
            start, text = _command("error", {"title": f"{name}: {result.verdict}"}), result.reason
        elif not result.expected:
            start, text = _command("error", _place(result, top, f"{name}: {result.verdict}")), told(result)
        elif result.known_gap is not None:
            start, text = _command("notice", _place(result, top, f"{name}: known gap")), result.known_gap
        else:
            continue
        lines.setdefault(start, f"{start}::{_data(text)}")
    return list(lines.values())


def gitlab_quality(results: Sequence[DrillResult], top: Path) -> list[Json]:
    """GitLab's code quality report: the same things, on the same lines; `top` is the repository's."""
    issues: list[Json] = []
    for result in results:
        path = within(Path(result.runbook.path), top)
        if result.verdict is Verdict.NOT_APPLICABLE or result.verdict in FAILED_ITSELF or path is None:
            continue
        if result.expected and result.known_gap is None:
            continue
        name = f"{result.scenario}/{result.variant}"
        said = f"known gap: {result.known_gap}" if result.expected else message(result)
        issue: dict[str, Json] = {
            "description": f"{name}: {said}",
            "check_name": f"drillbook/{name}",
            # The same from run to run, so that a merge request shows only what is new.
            "fingerprint": hashlib.sha256(f"{path}\n{name}\n{result.expected}".encode()).hexdigest(),
            "severity": "info" if result.expected else "critical",
            "location": {"path": path, "lines": {"begin": max(1, result.line)}},
        }
        if issue not in issues:  # a repeat of the drill says nothing new
            issues.append(issue)
    return issues


def add_summary(suite: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Add the suite report in the file `suite` to the summary of GitHub's step, if there is one.

    Raises:
        OSError: it can't be read or written.
    """
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if not summary or not suite.exists():
        return
    text = suite.read_bytes()
    with Path(summary).open("ab") as file:
        room = _LONGEST_SUMMARY - file.tell() - 1
        if len(text) < room:  # the whole of it is with the reports
            file.write(text + b"\n")


def within(path: Path, top: Path) -> str | None:
    """`path` as a CI names a file: from the top of its repository; None where it is not in it."""
    whole = path.resolve()
    return whole.relative_to(top).as_posix() if whole.is_relative_to(top) else None


def _place(result: DrillResult, top: Path, title: str) -> dict[str, str]:
    path = within(Path(result.runbook.path), top)
    if path is None:
        return {"title": title}
    return {"file": path, "line": str(max(1, result.line)), "title": title}


def _command(kind: str, properties: Mapping[str, str]) -> str:
    return f"::{kind} " + ",".join(f"{name}={_property(value)}" for name, value in properties.items())


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
