"""`drillbook init`: what it finds in a repository, and the plan that it writes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drillbook.commands.init import init_command
from drillbook.composefile.outline import Choice
from drillbook.errors import InputError
from drillbook.plan import Plan, load_plan
from drillbook.scaffold.candidates import find_runbook
from drillbook.scaffold.hints import find_hints
from drillbook.scaffold.topics import topic

RUNBOOK = """# When it breaks

## Severity

| Level | Meaning | Response time |
|---|---|---|
| SEV1 | down | 15 minutes |

## The site is down

```bash
kubectl rollout undo deploy/site
psql $DATABASE_URL -c "SELECT pg_terminate_backend(<pid>)"
curl -s $SITE_URL/health
```

## Locks in Postgres

1. Look who holds what
2. Call the one on duty
"""
README = "# Site\n\n## Install\n\n```bash\npip install .\nmake\n```\n"
COMPOSE = """services:
  site:
    build: .
    command: {command}
    ports: ["80:8000"]
    environment:
      - DB=postgresql+psycopg://u:p@db/x
      - CACHE=redis://cache/0
      - SECRET_KEY=hush
      - MODE=prod
      - ODD=a{{b}}
    healthcheck: {{test: "curl -f http://localhost:8000/ready?full=1 || exit 1"}}
  db: {{image: "postgis/postgis:16-3.4"}}
  cache: {{image: "valkey/valkey:8"}}
"""
Init = Callable[..., Plan]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a runbook somewhere in it."""
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "when-it-breaks.md").write_text(RUNBOOK)
    (tmp_path / "node_modules" / "x").mkdir(parents=True)
    (tmp_path / "node_modules" / "x" / "runbook.md").write_text(RUNBOOK)
    return tmp_path


def init(folder: Path, *, runbook: Path | None = None, out: Path | None = None, force: bool = False) -> Plan:
    assert init_command(folder, runbook=runbook, out=out, force=force) == 0
    return load_plan(out or folder / "drillbook.yaml")


def test_the_runbook_is_found_by_what_is_in_it(repository: Path) -> None:
    assert find_runbook(repository).path == repository / "docs" / "when-it-breaks.md"


def test_the_plan_has_a_drill_for_each_section_that_fits_and_comments_for_the_rest(repository: Path) -> None:
    plan = init(repository)
    drilled = {drill.scenario.name: drill.sections[0].title for drill in plan.drills}
    assert drilled == {
        "connections-exhausted": "Locks in Postgres",
        "service-down": "The site is down",
        "stuck-transactions": "Locks in Postgres",
    }
    assert (plan.stack, plan.operator.exports) == (None, ("DATABASE_URL",))
    text = (repository / "drillbook.yaml").read_text()
    for line in (
        "#  - {scenario: rate-limiting, section: …}",
        "#   - {section: Locks in Postgres, step: Look who holds what, run: …}",
        '#   "<pid>": {run: …}',
        "# Empty in a drill, for nothing here says what they are: SITE_URL.",
        "# stack:",
    ):
        assert line in text.splitlines(), text
    assert "kubectl" in text


def test_an_app_that_can_be_started_here_is_bound(repository: Path) -> None:
    (repository / "compose.yaml").write_text(
        COMPOSE.format(command=f"{sys.executable} -m site --bind 0.0.0.0:8000")
    )
    stack = init(repository).stack
    assert stack is not None
    assert stack.choice == Choice(repository / "compose.yaml", "site", "db", "cache", 8000)
    app = stack.app
    assert app.command == (sys.executable, "-m", "site", "--bind", "127.0.0.1:{port}")
    assert (app.health, app.app.name) == ("/ready?full=1", "site")
    assert app.environment == {"DB": "{database_url}", "CACHE": "{cache_url}", "MODE": "prod"}
    assert app.app.offers == ("database", "table", "cache")
    assert "hush" not in (repository / "drillbook.yaml").read_text()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("no-such-program --port 8000", "The program 'no-such-program' is not here"),
        (f"{sys.executable} -m site", "write {port}"),
        (f"{sys.executable} -m site --port 8000 $$OPTIONS", "only a shell fills in"),
        ("", "No command that starts the app was found"),
    ],
)
def test_a_command_that_can_t_be_used_here_stands_in_a_comment_that_says_why(
    repository: Path, command: str, why: str
) -> None:
    text = COMPOSE.format(command=command)
    (repository / "docker-compose.yml").write_text(text)
    stack = init(repository).stack
    assert stack is not None, "containers have it from the compose file"
    assert not stack.has_command
    assert why in (repository / "drillbook.yaml").read_text()
    # Without a server that a drill could break there is nothing to take from it.
    (repository / "docker-compose.yml").write_text(text.partition("  db:")[0])
    assert init(repository, force=True).stack is None
    assert why in (repository / "drillbook.yaml").read_text()


def test_a_stack_from_a_compose_file_is_tried_in_containers(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    (repository / "docker-compose.yml").write_text(COMPOSE.format(command="serve --port 8000"))
    stack = init(repository).stack
    assert stack is not None
    assert stack.choice == Choice(repository / "docker-compose.yml", "site", "db", "cache", 8000)
    assert (stack.app.health, stack.app.environment) == ("/ready?full=1", {})
    said = capsys.readouterr().out
    assert (
        "the app comes from the compose file with --backend docker; see what docker-compose.yml says" in said
    )
    assert said.endswith("Next: drillbook run drillbook.yaml --backend docker\n")
    text = (repository / "drillbook.yaml").read_text()
    assert "  # command: [serve, " in text
    assert "hush" not in text


def test_an_app_of_which_no_health_check_is_known_is_not_bound(repository: Path) -> None:
    text = COMPOSE.format(command=f"{sys.executable} -m site --port 8000").replace("healthcheck", "x-check")
    (repository / "docker-compose.yml").write_text(text)
    assert init(repository).stack is None
    assert "Say which path answers 2xx" in (repository / "drillbook.yaml").read_text()


def test_a_procfile_says_how_the_app_is_started(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("worker: rq\nweb: gunicorn site:app --bind 0.0.0.0:${PORT:-80}\n")
    assert find_hints(tmp_path).command == ["gunicorn", "site:app", "--bind", "0.0.0.0:{port}"]


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "- a\n",
        "services: 5\n",
        "services: {a: 5}\n",
        "\x00",
        "&a [*a]",
        "services: {a: {build: ., ports: 5, command: 5}}",
    ],
)
def test_a_compose_file_that_can_t_be_read_is_no_hint(tmp_path: Path, text: str) -> None:
    (tmp_path / "compose.yml").write_text(text)
    assert find_hints(tmp_path).command == []


def test_a_plan_that_is_there_is_written_over_only_by_force(repository: Path) -> None:
    plan = repository / "drillbook.yaml"
    plan.write_text("mine\n")
    with pytest.raises(InputError, match=r"drillbook\.yaml: is there already \(--force"):
        init(repository)
    assert plan.read_text() == "mine\n"
    init(repository, force=True)
    assert plan.read_text() != "mine\n"


def test_a_plan_elsewhere_finds_its_runbook(repository: Path) -> None:
    (repository / "drills").mkdir()
    plan = init(repository, out=repository / "drills" / "all.yaml")
    assert Path(plan.runbook.path).resolve() == repository / "docs" / "when-it-breaks.md"


def test_a_repository_without_a_runbook_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no runbook: no Markdown file is here \(name it with"):
        init(tmp_path)
    (tmp_path / "README.md").write_text(README)
    with pytest.raises(InputError, match="of 1 Markdown files none looks like one"):
        init(tmp_path)
    with pytest.raises(InputError, match="no section with steps has a title that fits a scenario"):
        init(tmp_path, runbook=tmp_path / "README.md")
    with pytest.raises(InputError, match="is not a directory"):
        init(tmp_path / "README.md")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md"]


def test_what_would_break_out_of_the_plan_stays_outside(repository: Path) -> None:
    text = COMPOSE.format(command=f"{sys.executable} -m site --port 8000")
    text = text.replace("      - MODE=prod\n", '      - "A\\nrunbook: x=1"\n      - "SECRET\\ntools: [x]="\n')
    (repository / "docker-compose.yml").write_text(text)
    plan = init(repository)
    assert plan.stack is not None
    assert "x" not in plan.tools
    assert set(plan.stack.app.environment) == {"DB", "CACHE"}


def test_titles_that_yaml_would_misread_are_quoted(repository: Path) -> None:
    title = 'Down: 50% of "pods" #1 {x} — 日本'
    (repository / "docs" / "when-it-breaks.md").write_text(RUNBOOK.replace("The site is down", title))
    plan = init(repository)
    assert title in [drill.sections[0].title for drill in plan.drills]


@pytest.mark.parametrize(
    ("title", "scenario"),
    [
        ("Redis is out of memory", "redis-memory"),
        ("2. Memory Exhaustion (OOM)", "memory-exhaustion"),
        ("Database Connection Pool Exhausted", "pool-exhaustion"),
        ("Too many connections", "connections-exhausted"),
        ("Corrupted cache", "corrupted-cache"),
        ("High Error Rate", "high-error-rate"),
        ("HTTP 429 Too Many Requests", "rate-limiting"),
        ("Slow responses", "high-latency"),
        ("Service Down (SEV1)", "service-down"),
        ("Contacts", None),
        ("Communication", None),
    ],
)
def test_a_title_says_what_its_section_is_for(title: str, scenario: str | None) -> None:
    assert topic(title) == scenario
