"""A team's own app in a plan: what is read of it, what it offers, and each mistake with its line."""

# ruff: noqa: E501  the cases read best as a table, one a line

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.plan.conftest import Load

from drillbook.app import NEEDS, SHOP
from drillbook.errors import InputError
from drillbook.ownstack import OwnStack
from drillbook.schedule import Options, lacking, locustfile, own_app, passed_over, slots

TOP = """runbook: on-call.md
drills: [{scenario: stuck-transactions, section: Locks in the database}]
"""
STACK = f"{TOP}stack:\n  command: {sys.executable} -m app --port {{port}}\n  health: /health\n"


def stack_of(load: Load, more: str = "") -> OwnStack:
    stack = load(STACK + more).stack
    assert stack is not None
    return stack


def test_an_app_offers_what_is_filled_in_for_it(load: Load) -> None:
    assert stack_of(load).app.app.offers == ()
    assert stack_of(load, "  env: {DB: '{database_host}'}\n").app.app.offers == ("database", "table")
    assert stack_of(load, "  env: {CACHE: '{cache_url}'}\n").app.app.offers == ("cache",)
    assert stack_of(load, "  setup: sh -c 'psql {database_url}'\n").app.app.offers == ("database", "table")
    assert set(SHOP.offers) == set(NEEDS)


def test_what_a_drill_needs_and_the_stack_lacks_is_known_beforehand(load: Load, tmp_path: Path) -> None:
    plan = load(STACK + "  env: {CACHE: '{cache_url}'}\n")
    lacks = {slot.drill.variant.name: lacking(slot) for slot in slots(plan, plan.drills, 1, tmp_path)}
    assert lacks["idle-past-threshold"] == ("table",)
    assert lacks["session-advisory-lock"] == ("table", "shop locks")
    plan = load(STACK + "  env: {DB: '{database_url}'}\n")
    lacks = {slot.drill.variant.name: lacking(slot) for slot in slots(plan, plan.drills, 1, tmp_path)}
    assert lacks["idle-past-threshold"] == ()
    assert lacks["reopened-by-code"] == ("shop releases",)


def test_an_app_without_an_image_is_for_the_local_backend(load: Load, tmp_path: Path) -> None:
    plan = load(STACK + "  env: {DB: '{database_url}'}\n")
    slot = slots(plan, plan.drills, 1, tmp_path)[0]
    assert passed_over(slot, Options()) is None
    assert "names no image" in (passed_over(slot, Options(backend="docker")) or "")


def test_an_app_in_an_image_has_nothing_of_this_machine(load: Load, tmp_path: Path) -> None:
    own = "  setup: make\n  env: {DB: '{database_url}'}\n"
    plan = load(STACK + own + "  image: {name: 'team/app:1', command: 'app {port}'}\n")
    slot = slots(plan, plan.drills, 1, tmp_path)[0]
    assert passed_over(slot, Options(backend="docker")) is None
    contained = own_app(plan, Options(backend="docker"))
    assert contained is not None
    assert (contained.image, contained.command, contained.setup) == (
        "team/app:1",
        ("app", "{port}"),
        (("make",),),
    )
    assert (contained.folder, contained.search, contained.reads) == ("", "", ())
    plan = load(STACK + "  image: team/app:1\n")
    contained = own_app(plan, Options(backend="docker"))
    assert contained is not None
    assert contained.command[0] == sys.executable, "as on this machine, where nothing else is said"


def test_the_shop_lacks_nothing(load: Load, tmp_path: Path) -> None:
    plan = load(TOP)
    assert plan.stack is None
    assert {lacking(slot) for slot in slots(plan, plan.drills, 1, tmp_path)} == {()}


def test_releases_are_in_their_order_and_known_by_their_bugs(load: Load) -> None:
    app = stack_of(
        load,
        "  releases:\n    one: {message: First}\n    bad: {bug: ends at boot, env: {A: b}}\n    two:\n",
    ).app
    assert [release.name for release in app.history] == ["one", "two"]
    assert app.app.release("ends at boot") == "bad"
    assert app.app.release("two") == "two"
    assert app.app.offers == ("release that ends at boot",)
    assert [release.name for release in stack_of(load).app.history] == ["v1"]


def test_probes_are_looks_beside_the_health_check(load: Load) -> None:
    more = "  probes:\n    read: /things\n    write: {path: /things/1, method: PUT, body: {a: [1, true]}, status: 201, slow: 2s}\n"
    health, read, write = stack_of(load, more).app.app.looks
    assert (health.name, health.path, read.path, read.method) == ("health", "/health", "/things", "GET")
    assert (write.method, write.body, write.status, write.slow_s) == ("PUT", {"a": [1, True]}, 201, 2.0)


def test_customers_visit_the_pages_that_are_read_unless_others_are_named(load: Load) -> None:
    more = "  probes: {read: /things, write: {path: /things/1, method: PUT}}\n"
    plan = load(STACK + more)
    assert plan.traffic.paths == ("/health", "/things")
    assert locustfile(plan).name == "visitors.py"
    assert load(STACK + more + "traffic: {paths: [/, /a]}\n").traffic.paths == ("/", "/a")
    assert locustfile(load(TOP)).name == "customers.py"


def test_programs_are_looked_up_and_their_environments_can_be_read(load: Load, tmp_path: Path) -> None:
    environment = tmp_path / "elsewhere" / "venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").touch()
    (environment / "bin" / "python").symlink_to(sys.executable)
    program = environment / "bin" / "serve"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / ".venv").symlink_to(environment)
    plan = load(TOP + "stack: {command: .venv/bin/serve now, setup: [[env]], health: /}\n")
    assert plan.stack is not None
    app = plan.stack.settled()
    assert app.command == (str(tmp_path / ".venv/bin/serve"), "now")
    assert Path(app.setup[0][0]).is_absolute()
    assert {str(tmp_path), str(environment)} <= set(app.reads)
    assert app.search.startswith(str(tmp_path / ".venv/bin"))


def test_a_program_that_is_not_there_is_an_error_only_when_it_is_needed(load: Load) -> None:
    stack = load(TOP + "stack:\n  health: /\n  command: ./serve\n").stack
    assert stack is not None
    with pytest.raises(InputError, match=r"plan\.yaml:5: there is no program './serve' here \(install"):
        stack.settled()


def wrong(text: str, line: int, message: str, name: str) -> object:
    return pytest.param(text, line, message, id=name)


@pytest.mark.parametrize(
    ("more", "line", "message"),
    [
        wrong("  heath: /\n", 6, "stack has no key 'heath' (did you mean 'health'?)", "unknown key"),
        wrong("  env: {A: '{database_ulr}'}\n", 6, "nothing to fill in for {database_ulr} (did you mean 'database_url'?)", "placeholder"),
        wrong("  env: {A: '{port}'}\n", 6, "nothing to fill in for {port}", "a port in a variable"),
        wrong("  env: {A-B: c}\n", 6, "'A-B' can't be a variable's name", "variable"),
        wrong("  env: [A]\n", 6, "env must be a table, not a list", "env"),
        wrong("  probes: {read: things}\n", 6, "'things' is not a path of the app (begin it with a slash", "path"),
        wrong("  probes: {health: /}\n", 6, "health is looked at anyway", "health twice"),
        wrong("  probes: {read: {path: /, method: GTE}}\n", 6, "method can't be 'GTE' (did you mean 'GET'?)", "method"),
        wrong("  probes: {read: {path: /, status: 2}}\n", 6, "status must be a whole number from 100 to 599", "status"),
        wrong("  probes: {read: {method: GET}}\n", 6, "read lacks the key 'path'", "no path"),
        wrong("  probes: {read: {path: /, body: .nan}}\n", 6, "body can't be sent as JSON", "not a number"),
        wrong("  probes: {read: {path: /, body: &a [*a]}}\n", 6, "body can't be sent as JSON", "endless"),
        wrong("  probes: {read: {path: /, body: !!python/name:os.system ''}}\n", 6, "body can't be sent as JSON", "tag"),
        wrong("  table: a;b\n", 6, "'a;b' is not the name of a table", "table"),
        wrong("  schema: gone.sql\n", 6, "there is no file 'gone.sql' in the stack's folder", "schema"),
        wrong("  folder: gone\n", 6, "there is no folder 'gone' beside the plan", "folder"),
        wrong("  setup: 'a \"b'\n", 6, "setup can't be split into words", "quotes"),
        wrong("  setup: [[]]\n", 6, "must be a command", "empty command"),
        wrong("  setup: '{folder}/x'\n", 6, "the program itself can't be a placeholder", "program"),
        wrong("  releases: {a: {bug: ends}}\n", 6, "bug can't be 'ends'", "bug"),
        wrong("  releases: {a: {bug: is slow, env: {A: b}}}\n", 6, "there is no release without a bug", "no good release"),
        wrong("  releases: {a: , b: {bug: is slow}}\n", 6, "does not differ from the others", "no difference"),
        wrong("  releases: {a: , b: {bug: leaks memory, env: {A: b}}}\n", 6, "give the stack's memory", "leak without limit"),
        wrong("  releases:\n    a:\n    b: {bug: is slow, env: {A: b}}\n    c: {bug: is slow, env: {A: c}}\n", 9, "another release has the bug 'is slow' already", "bug twice"),
        wrong("  bad_variable: {A: b, C: d}\n", 6, "must be one variable and a value", "two bad variables"),
        wrong("  memory: 1 TB\n", 6, "memory must be a size, not '1 TB' (write 256MB or 1GB)", "memory"),
        wrong("  boot: 1h\n", 6, "boot must be from 1 s to 300 s", "boot"),
        wrong("  reads: [/there/is/no/such/place]\n", 6, "there is no '/there/is/no/such/place'", "reads"),
        wrong("  image: {command: a}\n", 6, "image lacks the key 'name'", "image"),
        wrong("  image: {name: a, setup: '{b}'}\n", 6, "nothing to fill in for {b}", "image's setup"),
        wrong("  name: a b\n", 6, "'a b' is not a name", "name"),
        wrong("traffic: {paths: [a]}\n", 6, "'a' is not a path of the app", "traffic path"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line_with_its_place(load: Load, more: str, line: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(STACK + more)
    assert (caught.value.line, "\n" in caught.value.render()) == (line, False)
    assert message in caught.value.render()


def test_an_app_without_a_command_and_paths_without_an_app_are_mistakes(load: Load) -> None:
    with pytest.raises(InputError, match="stack lacks the key 'command'"):
        load(f"{TOP}stack: {{health: /}}\n")
    with pytest.raises(InputError, match="paths are for a stack of the plan's own"):
        load(f"{TOP}traffic: {{paths: [/]}}\n")


def test_a_scenario_that_needs_what_nobody_knows_is_a_mistake(load: Load, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    stuck = Path(__file__).parents[2] / "scenarios" / "stuck_transactions.py"
    text = stuck.read_text().replace('name="stuck-transactions"', 'name="own"')
    (own / "own.py").write_text(text.replace('needs=("table",)', 'needs=("tabel",)'))
    with pytest.raises(InputError, match=r"own\.py: the scenario 'own' needs 'tabel', unknown .*'table'"):
        load(f"{TOP}scenarios: own\n")


def test_variables_may_be_empty_and_need_no_quotes(load: Load) -> None:
    app = stack_of(load, "  env: {A: '', B: 5, C: true}\n").app
    assert app.environment == {"A": "", "B": "5", "C": "true"}


def test_the_example_on_the_page_is_read(load: Load) -> None:
    page = (Path(__file__).parents[2] / "docs" / "own-app.md").read_text()
    stack = load(TOP + page.partition("```yaml\n")[2].partition("```")[0]).stack
    assert stack is not None
    assert stack.app.app.offers == ("database", "table", "cache", "release that ends at boot")


def test_the_page_on_own_apps_has_every_key_need_and_placeholder() -> None:
    page = (Path(__file__).parents[2] / "docs" / "own-app.md").read_text()
    from drillbook import app, ownstack  # noqa: PLC0415  for their lists alone

    missing = [name for name in ownstack._KEYS if f"`{name}`" not in page]
    missing += [name for name in app.PLACEHOLDERS if f"`{{{name}}}`" not in page]
    missing += [name for name in app.NEEDS if name.removeprefix("release that ") not in page]
    assert missing == [], json.dumps(missing)
