"""The documents: their links lead somewhere, and what they list is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drillbook import cli, model

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for place in (".", "docs", "docs/decisions", "docs/rules", "reports/samples")
    for path in (ROOT / place).glob("*.md")
)
# Folders of a run, and of an installed package.
MADE_ELSEWHERE = {"first-try/", "control/", "logs/", "status/", "drillbook/_library/"}
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8"))
    local = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith("#")]
    missing = [link for link in local if not (document.parent / link).exists()]
    assert missing == []


def test_the_list_of_decisions_has_every_decision_under_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = dict(re.findall(r"\]\((\d{4}-[^)]+)\) \| (.+?) \|", (folder / "README.md").read_text("utf-8")))
    titles = {path.name: path.read_text("utf-8").partition("\n")[0] for path in folder.glob("[0-9]*.md")}
    assert {name: f"# {name[:4]}: {title}" for name, title in listed.items()} == titles
    for name in titles:
        text = (folder / name).read_text("utf-8")
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_every_file_that_the_architecture_names_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    package = ROOT / "harness" / "drillbook"
    names = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/))`", text)) - MADE_ELSEWHERE
    assert len(names) > 30
    there = {path.name for path in package.rglob("*.py")}
    gone = [name for name in names if not (package / name).exists() and not (ROOT / name).exists()]
    assert [name for name in gone if name not in there] == []


@pytest.mark.parametrize("verdict", list(model.Verdict))
def test_the_glossary_and_the_rules_know_every_verdict(verdict: model.Verdict) -> None:
    assert verdict.value in GLOSSARY
    assert verdict.value in (ROOT / "docs" / "verdicts.md").read_text("utf-8")


def test_the_glossary_has_a_word_only_once() -> None:
    words = [
        w.strip() for row in re.findall(r"^\| ([^|]+) \|", GLOSSARY, re.MULTILINE) for w in row.split(",")
    ]
    assert len(words) > 30
    assert len(words) == len(set(words))


def test_the_readme_names_only_commands_that_there_are() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"^\$? ?drillbook ([a-z]+)", text, re.MULTILINE))
    assert "run" in named
    assert named <= set(cli.main.commands)


def test_every_make_target_that_a_document_names_is_there() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", document.read_text("utf-8"), re.MULTILINE))
        assert named <= set(targets), document.name
