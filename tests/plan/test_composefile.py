"""A team's compose file: what a drill takes of it, what is left out, and each mistake with its line."""

# ruff: noqa: E501  the cases read best as a table, one a line

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.plan.conftest import Load

from drillbook import doctor
from drillbook.composed import ComposeStack, Mount, hidden
from drillbook.composefile import program
from drillbook.composefile.outline import Choice, health_of, port_of, read_outline, recognise
from drillbook.composefile.servers import script_text, usable_cache, usable_database
from drillbook.composefile.stack import resolve
from drillbook.errors import InputError
from drillbook.schedule import Options, lacking, own_app, passed_over, slots

COMPOSE = """name: site
services:
  web:
    build: {context: ., args: {A: b}}
    entrypoint: [/entry.sh]
    command: sh -c "serve --port 8000 $$EXTRA"
    ports: ["127.0.0.1:80:8000/tcp"]
    environment:
      DATABASE_URL: postgres://site:${SITE_PASSWORD:-a-password}@db/site
      UNSET:
    env_file: web.env
    user: "1000:1000"
    working_dir: /app
    init: true
    privileged: true
    tmpfs: /run
    volumes: [./config:/config, /etc/hostname:/etc/host, data:/data, /cache]
    secrets: [key]
    depends_on:
      db: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
    healthcheck: {test: [CMD, curl, -f, "http://localhost:8000/ready?full=1"]}
  migrate:
    image: site/migrate
    depends_on: {seed: {condition: service_completed_successfully}}
  seed: {image: site/seed}
  worker: {image: site/worker}
  db:
    image: postgres:16-alpine
    container_name: site-db
    networks: {default: {aliases: [postgres]}}
    environment: {POSTGRES_USER: site, POSTGRES_PASSWORD_FILE: /run/secrets/key}
    command: postgres -c max_connections=70 -c listen_addresses=localhost --work-mem=8MB
    volumes: [./init:/docker-entrypoint-initdb.d]
    secrets: [key]
  cache:
    image: redis:7-alpine
    environment: {PASS: from-a-variable}
    command: sh -c "redis-server /etc/redis.conf --requirepass $$PASS --maxmemory-policy allkeys-lru --save 60 1"
    volumes: [./redis.conf:/etc/redis.conf]
secrets: {key: {file: ./key.txt}}
volumes: {data: {}}
"""
WHOLE = Choice(Path(), "web", "db", "cache", 8000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with all that the compose file names."""
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    (tmp_path / "web.env").write_text("FROM_FILE=yes\n")
    (tmp_path / "key.txt").write_text("from-a-secret\n")
    (tmp_path / "redis.conf").write_text("# a comment\nmaxmemory 64mb\nport 7000\nuser x on\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "init").mkdir()
    (tmp_path / "init" / "2.sh").write_text("true\n")
    (tmp_path / "init" / "1.sql.gz").write_bytes(gzip.compress(b"SELECT 1;\n"))
    (tmp_path / "init" / "notes.txt").write_text("no script\n")
    return tmp_path


def stack_of(folder: Path) -> tuple[ComposeStack, list[str]]:
    stack, left = resolve(Choice(folder / "docker-compose.yml", "web", "db", "cache", 8000))
    return stack, [error.render().removeprefix(f"{folder}/") for error in left]


# --------------------------------------------------------------------------- what is taken


@pytest.mark.compose
def test_the_app_is_taken_as_it_is(folder: Path) -> None:
    app = stack_of(folder)[0].app
    assert (app.entrypoint, app.command) == (("/entry.sh",), ("sh", "-c", "serve --port 8000 $EXTRA"))
    assert app.environment == {
        "DATABASE_URL": "postgres://site:a-password@db/site",
        "FROM_FILE": "yes",
    }
    assert (app.user, app.working_dir, app.init, app.built) == ("1000:1000", "/app", True, True)
    assert app.image.startswith("drillbook-compose/site-web:")
    assert set(app.mounts) == {
        Mount("/config", str(folder / "config")),
        Mount("/data"),
        Mount("/cache"),
        Mount("/run", in_memory=True),
        Mount("/run/secrets/key", str(folder / "key.txt")),
    }


@pytest.mark.compose
def test_what_the_app_waits_for_to_complete_is_run_before_it_in_its_order(folder: Path) -> None:
    stack, _ = stack_of(folder)
    assert [(job.name, job.image) for job in stack.jobs] == [
        ("seed", "site/seed"),
        ("migrate", "site/migrate"),
    ]
    assert list(stack.built) == ["web"]


@pytest.mark.compose
def test_a_postgres_of_drillbooks_has_what_it_takes_to_be_the_teams(folder: Path) -> None:
    database = stack_of(folder)[0].database
    assert database is not None
    assert database.names == ("db", "site-db", "postgres")
    assert (database.user, database.password, database.database) == ("site", "from-a-secret", "site")
    assert database.settings == {"max_connections": "70", "work_mem": "8MB"}
    assert [Path(script).name for script in database.scripts] == ["1.sql.gz", "2.sh"]
    assert database.image == "postgres:16", "the one on Debian, for libfaketime"
    assert script_text(Path(database.scripts[0])) == b"SELECT 1;\n"


@pytest.mark.compose
def test_a_redis_of_drillbooks_has_what_it_takes_to_be_the_teams(folder: Path) -> None:
    cache = stack_of(folder)[0].cache
    assert cache is not None
    assert (cache.password, cache.image) == ("from-a-variable", "redis:7-alpine")
    assert cache.settings == {"maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"}


@pytest.mark.compose
def test_what_is_left_out_is_said_with_its_line(folder: Path) -> None:
    assert stack_of(folder)[1] == [
        "docker-compose.yml:15: of the service 'web' is not taken: privileged",
        "docker-compose.yml:17: of the service 'web' is not taken: /etc/hostname, for it is not in the repository",
        "docker-compose.yml:27: the service 'worker' is not started, for it is neither of the plan's",
        "docker-compose.yml:34: of the service 'db' is not taken: notes.txt, which is no script",
        "docker-compose.yml:39: of the service 'cache' is not taken: user",
    ]


@pytest.mark.compose
def test_all_of_the_repository_can_be_had_wherever_its_compose_file_is(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    file = tmp_path / "deploy" / "compose.yaml"
    file.write_text("services: {web: {image: a, volumes: [../:/app]}}\n")
    choice = Choice(file, "web", port=80)
    stack, left = resolve.__wrapped__(choice)
    assert (stack.app.mounts, len(left)) == ((), 1)
    (tmp_path / ".git").mkdir()
    stack, left = resolve.__wrapped__(choice)
    assert (stack.app.mounts, left) == ((Mount("/app", str(tmp_path)),), ())


@pytest.mark.compose
def test_a_file_beside_it_fills_in_its_variables(folder: Path) -> None:
    (folder / ".env").write_text("SITE_PASSWORD=another\n")
    assert stack_of(folder)[0].app.environment["DATABASE_URL"] == "postgres://site:another@db/site"


@pytest.mark.compose
def test_a_database_that_trusts_everybody_needs_no_password(folder: Path) -> None:
    file = folder / "docker-compose.yml"
    text = COMPOSE.replace("POSTGRES_PASSWORD_FILE: /run/secrets/key", "POSTGRES_HOST_AUTH_METHOD: trust")
    file.write_text(text)
    database = stack_of(folder)[0].database
    assert database is not None
    assert (database.trusts, database.password) == (True, "")


# --------------------------------------------------------------------------- mistakes


def wrong(before: str, after: str, line: int | None, message: str, name: str) -> object:
    return pytest.param(before, after, line, message, id=name)


@pytest.mark.compose
@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        wrong("    init: true", "    innit: true", 14, "Compose can't read it: ", "unknown key"),
        wrong("working_dir: /app", "working_dir: ${DIR:?say where}", 13, "required variable DIR is missing a value: say where", "variable"),
        wrong("    user: ", "   user: ", 12, "not YAML: ", "indentation"),
        wrong("env_file: web.env", "env_file: gone.env", None, "gone.env not found", "env_file"),
        wrong("      db: {condition: service_healthy}", "      bd: {condition: service_healthy}", 3, 'service "web" depends on undefined service "bd"', "depends_on"),
        wrong("POSTGRES_PASSWORD_FILE: /run/secrets/key", "A: b", 32, "the service 'db' says no password of its user (give it POSTGRES_PASSWORD", "password"),
        wrong("    build: {context: ., args: {A: b}}", "    labels: {a: b}", 3, 'service "web" has neither an image nor a build context specified', "no image"),
        wrong("services:", "servces:", None, "is no compose file: it has no services", "no services"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line_with_its_place(
    folder: Path, before: str, after: str, line: int | None, message: str
) -> None:
    assert before in COMPOSE
    (folder / "docker-compose.yml").write_text(COMPOSE.replace(before, after, 1))
    with pytest.raises(InputError) as caught:
        stack_of(folder)
    assert message in caught.value.render()
    assert (caught.value.line, "\n" in caught.value.render()) == (line, False)


def test_where_compose_is_not_here_it_is_said_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "compose_command", list)
    with pytest.raises(InputError, match=r"docker-compose\.yml: Docker Compose is not here .*\(install"):
        stack_of(folder)


@pytest.mark.compose
def test_the_doctor_says_which_compose_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    found = doctor._compose()
    assert (found.state, found.required) == (doctor.State.OK, False)
    assert found.found.removeprefix("v")[0].isdigit()
    monkeypatch.setattr(program, "compose_command", list)
    assert (doctor._compose().state, doctor._compose().remedy) == (doctor.State.MISSING, program.INSTALL)


# --------------------------------------------------------------------------- in a plan

PLAN = """runbook: on-call.md
drills: [{scenario: stuck-transactions, section: Locks in the database}]
stack:
  compose: docker-compose.yml
"""


def test_a_plan_needs_to_say_no_more_than_the_services(load: Load, folder: Path, tmp_path: Path) -> None:
    plan = load(f"{PLAN}  app: web\n  database: db\n")
    assert plan.stack is not None
    app = plan.stack.app
    assert (app.app.name, app.health, app.app.offers) == ("web", "/ready?full=1", ("database", "table"))
    assert plan.stack.choice == Choice(folder / "docker-compose.yml", "web", "db", "", 8000)
    slot = slots(plan, plan.drills, 1, tmp_path)[0]
    assert lacking(slot) == ()
    assert "no command of this machine's" in (passed_over(slot, Options()) or "")
    assert passed_over(slot, Options(backend="docker")) is None


@pytest.mark.compose
def test_the_plans_word_counts_before_the_files(load: Load, folder: Path) -> None:
    plan = load(f"{PLAN}  app: web\n  cache: cache\n  port: 9000\n  health: /up\n  env: {{A: b}}\n")
    own = own_app(plan, Options(backend="docker"))
    assert own is not None
    assert own.compose is not None
    assert (own.compose.port, own.health, own.environment) == (9000, "/up", {"A": "b"})
    assert (own.image, own.compose.database, own.app.offers) == (own.compose.app.image, None, ("cache",))
    assert folder.exists()


@pytest.mark.parametrize(
    ("more", "line", "message"),
    [
        pytest.param("  app: wbe\n", 5, "docker-compose.yml has no service 'wbe' (did you mean 'web'?)", id="app"),
        pytest.param("  app: web\n  cache: redis\n", 6, "docker-compose.yml has no service 'redis'", id="cache"),
        pytest.param("  database: db\n", 4, "which service is the app is not said (write app: web)", id="no app"),
        pytest.param("  app: seed\n", 5, "on which port 'seed' listens is not said (write port: NUMBER", id="port"),
        pytest.param("  app: seed\n  port: 1\n", 5, "which path tells the health of 'seed' is not said", id="health"),
        pytest.param("  app: web\n  port: 70000\n", 6, "port must be a whole number from 1 to 65535", id="range"),
        pytest.param("  app: web\n  image: a\n", 6, "image and compose are both there (keep one", id="image"),
    ],
)  # fmt: skip
def test_each_mistake_in_the_plan_is_one_line_with_its_place(
    load: Load, folder: Path, more: str, line: int, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(PLAN + more)
    assert (caught.value.path, caught.value.line) == (folder / "plan.yaml", line)
    assert message in caught.value.render()


def test_services_are_named_only_beside_a_file_that_is_there(load: Load) -> None:
    with pytest.raises(
        InputError, match=r"plan\.yaml:4: there is no file 'docker-compose\.yml' in the stack"
    ):
        load(f"{PLAN}  app: web\n")
    with pytest.raises(InputError, match=r"app is a service of a compose file \(name the file"):
        load(PLAN.replace("compose: docker-compose.yml", "app: web\n  command: a\n  health: /"))


def test_a_service_may_come_from_another_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("include: [other.yml]\nservices: {}\n")
    stack = load(f"{PLAN}  app: web\n  port: 80\n  health: /\n").stack
    assert stack is not None
    assert stack.choice is not None


# --------------------------------------------------------------------------- what can be told without Compose


def test_roles_are_told_by_the_images(folder: Path) -> None:
    outline = read_outline(folder / "docker-compose.yml")
    assert recognise(outline) == {"database": "db", "cache": "cache", "app": "web"}
    assert (outline.line("web", "volumes"), outline.line("db", "environment", "POSTGRES_USER")) == (17, 32)
    assert outline.line("db", "no-such-key") == 28


@pytest.mark.parametrize(
    ("image", "role"),
    [
        ("postgres:16", "database"),
        ("postgis/postgis:16-3.4", "database"),
        ("${DB_IMAGE:-postgres:16}", "database"),
        ("timescale/timescaledb:latest-pg16", "database"),
        ("valkey/valkey:8", "cache"),
        ("redis", "cache"),
        ("redis-team/site", None),
    ],
)
def test_an_image_says_what_its_service_is(tmp_path: Path, image: str, role: str | None) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(f'services: {{one: {{image: "{image}"}}}}\n')
    assert next(iter(recognise(read_outline(file))), None) == role


def test_the_port_and_the_health_check_are_read_as_far_as_they_are_written() -> None:
    assert port_of({"ports": ["8080:80"]}) == "80"
    assert port_of({"ports": [{"target": 81}]}) == "81"
    assert port_of({"expose": ["82/tcp"]}) == "82"
    assert port_of({"ports": ["${PORT}:${PORT}"]}) == "${PORT}"
    assert port_of({}) == ""
    assert health_of({"healthcheck": {"test": "wget -q http://localhost || exit 1"}}) == "/"
    assert health_of({"healthcheck": {"test": ["CMD", "x", "https://a:1/b?c=d"]}}) == "/b?c=d"
    assert health_of({"healthcheck": {"disable": True}}) == ""


def test_images_that_a_drill_can_not_use_are_known() -> None:
    images = (
        "postgres:16",
        "postgres:16.2-alpine3.19",
        "postgres:alpine",
        "postgis/postgis:16-alpine",
        "bitnami/postgresql",
    )
    assert [usable_database(image) for image in images] == [
        "postgres:16",
        "postgres:16.2",
        "postgres",
        "",
        "",
    ]
    caches = ("redis:7-alpine", "valkey/valkey", "bitnami/redis", "eqalpha/keydb")
    assert [usable_cache(image) for image in caches] == ["redis:7-alpine", "valkey/valkey", "", ""]


def test_a_password_that_is_a_word_like_others_is_not_masked() -> None:
    assert hidden("a-long-password", ("db",)) == ("a-long-password",)
    assert hidden("postgres", ("postgres",)) == ()
    assert hidden("short", ()) == ()
