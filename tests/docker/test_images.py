"""Which image plays which role; and, with an engine, that each can play it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from drillbook.docker import build, images, labels, recipe
from drillbook.docker.images import Images, choose, ensure, postgres_image
from drillbook.docker.recipe import Release
from drillbook.errors import InputError, StackError

if TYPE_CHECKING:
    from docker import DockerClient

OWN = recipe.debian_images(recipe.host_release())
OFFICIAL = recipe.official_images()


def engine_with(*references: str, config: Mapping[str, Any] | None = None) -> DockerClient:
    """What `choose` asks of an engine that has `references`, and no other image."""
    from docker.errors import ImageNotFound  # noqa: PLC0415  an extra

    def get(reference: str) -> object:
        if reference not in references:
            raise ImageNotFound(reference)
        return SimpleNamespace(attrs={"Config": dict(config or {})})

    return cast("DockerClient", SimpleNamespace(images=SimpleNamespace(get=get)))


def test_the_debian_set_is_chosen_where_it_has_been_built() -> None:
    assert choose(engine_with(*OWN.all())) == OWN


def test_the_official_set_is_chosen_where_the_other_is_not_whole() -> None:
    assert choose(engine_with()) == OFFICIAL
    assert choose(engine_with(*OWN.all()[1:])) == OFFICIAL


@pytest.mark.parametrize("release", recipe.RELEASES.values(), ids=lambda release: release.codename)
def test_a_set_of_another_release_will_do_but_this_machines_own_goes_first(
    monkeypatch: pytest.MonkeyPatch, release: Release
) -> None:
    monkeypatch.setattr(recipe, "host_release", lambda: release)
    own = recipe.debian_images(release)
    other = recipe.debian_images(next(each for each in recipe.RELEASES.values() if each != release))
    assert choose(engine_with(*other.all())) == other
    assert choose(engine_with(*other.all(), *own.all())) == own


def test_a_plan_may_name_a_set() -> None:
    assert choose(engine_with(*OWN.all()), "official") == OFFICIAL
    assert choose(engine_with(*OWN.all()), "debian") == OWN


def test_the_debian_set_is_not_had_without_being_built() -> None:
    with pytest.raises(StackError) as caught:
        choose(engine_with(), "debian")
    assert caught.value.hint == "drillbook images build"


def test_a_plan_may_name_the_set_of_a_release_whichever_is_the_default() -> None:
    bookworm, trixie = (recipe.debian_images(release) for release in recipe.RELEASES.values())
    both = engine_with(*bookworm.all(), *trixie.all())
    assert choose(both, "debian-bookworm") == bookworm
    assert choose(both, "debian-trixie") == trixie
    with pytest.raises(StackError) as caught:
        choose(engine_with(*bookworm.all()), "debian-trixie")
    assert caught.value.hint == "drillbook images build --release trixie"


def test_a_plan_may_name_an_image_for_some_of_the_roles() -> None:
    chosen = choose(engine_with(*OWN.all()), {"postgres": "postgres:18", "redis": "valkey/valkey:8"})
    assert chosen == Images("postgres:18", "valkey/valkey:8", OWN.app, OWN.operator)


def test_a_teams_own_server_is_taken_where_it_is_here_or_can_be_pulled() -> None:
    said: list[str] = []
    theirs = {"postgres": "postgres:16", "redis": "redis:7"}
    here = engine_with(*OWN.all(), "redis:7")
    assert images.like(here, OWN, theirs, say=said.append) == replace(OWN, redis="redis:7")
    assert said == [f"postgres:16 is not on this engine: {OWN.postgres} takes its place"]
    pulled = images.like(engine_with(), OFFICIAL, theirs, say=said.append)
    assert (pulled.postgres, pulled.redis, len(said)) == ("postgres:16", "redis:7", 1)


def test_a_mistyped_set_or_role_is_bad_input_with_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean 'debian'"):
        choose(engine_with(), "debain")
    with pytest.raises(InputError, match="did you mean 'postgres'"):
        choose(engine_with(), {"postgers": "postgres:18"})


def test_a_postgres_of_the_official_kind_has_its_programs_on_its_path() -> None:
    path = "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/lib/postgresql/17/bin"
    found = postgres_image(engine_with("p:1", config={"Env": [f"PATH={path}", "PG_MAJOR=17"]}), "p:1")
    assert found == images.PostgresImage("p:1", "/usr/lib/postgresql/17/bin", None)
    alpine = postgres_image(engine_with("p:2", config={"Env": ["PATH=/usr/local/bin:/bin"]}), "p:2")
    assert alpine.bindir == "/usr/local/bin"


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("postgres:17.6-bookworm", ("postgres", "17.6-bookworm")),
        ("redis", ("redis", "latest")),
        ("host.example:5000/team/app:2", ("host.example:5000/team/app", "2")),
        ("host.example:5000/team/app", ("host.example:5000/team/app", "latest")),
        ("app@sha256:00", ("app@sha256:00", None)),
    ],
)
def test_a_reference_is_pulled_by_one_tag_or_digest(reference: str, parts: tuple[str, str | None]) -> None:
    assert images._parted(reference) == parts


# --------------------------------------------------------------------------- with an engine


def run(engine: DockerClient, image: str, script: str, **options: Any) -> str:
    """What `script` prints in a container of `image` without a network."""
    output: bytes = engine.containers.run(
        image,
        ["bash", "-euc", script],
        remove=True,
        network_mode="none",
        labels=labels.marks("test"),
        **options,
    )
    return output.decode()


@pytest.fixture(scope="session")
def debian(engine: DockerClient) -> Images:
    """The Debian set; built, where it is not there yet."""
    return build.build(engine)


@pytest.mark.docker
def test_a_set_that_is_there_is_not_built_again(engine: DockerClient, debian: Images) -> None:
    before = engine.images.get(debian.app).id
    began = time.monotonic()
    assert build.build(engine) == debian
    assert time.monotonic() - began < 5  # a build takes far longer
    assert engine.images.get(debian.app).id == before
    assert choose(engine) == debian


@pytest.mark.docker
def test_an_image_is_ours_by_a_label_that_recover_does_not_look_for(
    engine: DockerClient, debian: Images
) -> None:
    marks = engine.images.get(debian.app).labels
    assert marks[labels.IMAGE] == "debian"
    assert labels.OURS not in marks


@pytest.mark.docker
def test_postgres_serves_as_its_own_user_and_its_clock_can_be_jumped(
    engine: DockerClient, debian: Images
) -> None:
    image = postgres_image(engine, debian.postgres)
    script = f"""
        {image.bindir}/initdb -D /tmp/data -U postgres -A trust --no-sync >/dev/null
        echo +0 >/tmp/clock
        LD_PRELOAD={image.faketime} FAKETIME_TIMESTAMP_FILE=/tmp/clock FAKETIME_NO_CACHE=1 \
            FAKETIME_DONT_FAKE_MONOTONIC=1 {image.bindir}/pg_ctl -D /tmp/data -l /tmp/log -w start >/dev/null
        psql -U postgres -Atc "select extract(epoch from now())"
        echo +660 >/tmp/clock
        for _ in $(seq 50); do  # a server follows within half a second, and a slow machine within five
            later=$(psql -U postgres -Atc "select extract(epoch from now())")
            [ "${{later%.*}}" -lt $(($(date +%s) + 600)) ] || break
            sleep 0.1
        done
        echo $later
        {image.bindir}/pg_ctl -D /tmp/data -m fast stop >/dev/null
    """
    before, after = run(engine, image.reference, script, user=image.user).split()
    assert 600 < float(after) - float(before) < 720


@pytest.mark.docker
def test_redis_answers(engine: DockerClient, debian: Images) -> None:
    answer = "for _ in $(seq 50); do redis-cli ping && break; sleep 0.1; done"
    script = f"redis-server --daemonize yes >/dev/null; {answer}"
    assert run(engine, debian.redis, script, user="redis").splitlines()[-1] == "PONG"


@pytest.mark.docker
def test_the_app_has_the_packages_that_drillbook_runs_with(engine: DockerClient, debian: Images) -> None:
    code = (
        "import psycopg, psycopg_pool, redis, starlette, uvicorn, httpx, h11;"
        "from importlib.metadata import version as v;"
        "print({name: v(name) for name in ('starlette', 'psycopg', 'redis', 'uvicorn')})"
    )
    found = eval(run(engine, debian.app, f'python3 -c "{code}"'))
    own = recipe.python_packages(recipe.host_release())
    assert found == {name: own[name] for name in found}


@pytest.mark.docker
def test_the_app_reaches_the_database_without_the_compiled_part_too(
    engine: DockerClient, debian: Images
) -> None:
    code = "import psycopg; print(psycopg.pq.__impl__, psycopg.pq.version() > 0)"
    script = f"PSYCOPG_IMPL=python python3 -c '{code}'"
    assert run(engine, debian.app, script, user="oncall").split() == ["python", "True"]


@pytest.mark.docker
def test_the_set_is_not_made_for_an_engine_on_another_kind_of_processor(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "aarch64" if recipe.machine() == "x86_64" else "x86_64"
    monkeypatch.setattr("platform.machine", lambda: other)
    with pytest.raises(StackError, match=f"this machine's set is for {other}"):
        build.build(engine)


@pytest.mark.docker
def test_the_operator_has_the_tools_and_an_unprivileged_user(engine: DockerClient, debian: Images) -> None:
    tools = "awk bash curl date find gawk grep jq less nc ps psql python3 redis-cli sed sort ss timeout xargs"
    script = (
        f"id -u; id -un; cd; pwd; for tool in {tools}; do command -v $tool >/dev/null || echo no $tool; done"
    )
    assert run(engine, debian.operator, script, user="oncall").split() == ["1000", "oncall", "/home/oncall"]


@pytest.mark.docker
def test_nothing_of_this_machines_apt_is_in_the_images(engine: DockerClient, debian: Images) -> None:
    places = "apt.conf.d/99drillbook", "sources.list", "auth.conf.d"
    script = f"cd /etc/apt; ls {' '.join(places)} /var/lib/apt/lists 2>&1 || true"
    words = run(engine, debian.operator, script)
    assert "99drillbook': No such file" in words
    assert "sources.list': No such file" in words
    assert not [line for line in words.splitlines() if "dists" in line]


@pytest.mark.docker
def test_an_image_that_can_not_be_pulled_is_told_in_one_line(engine: DockerClient, debian: Images) -> None:
    wanted = Images("registry.invalid/none:1", debian.redis, debian.app, debian.operator)
    with pytest.raises(StackError, match=r"can't pull registry\.invalid/none:1: ") as caught:
        ensure(engine, wanted)
    assert "\n" not in caught.value.render()
    assert "drillbook images build" in (caught.value.hint or "")


@pytest.mark.docker
def test_an_image_of_ours_that_is_not_there_is_to_be_built(engine: DockerClient, debian: Images) -> None:
    wanted = Images("drillbook/debian-postgres:15-0", debian.redis, debian.app, debian.operator)
    with pytest.raises(StackError, match="there is no image drillbook/debian-postgres:15-0") as caught:
        ensure(engine, wanted)
    assert caught.value.hint == "drillbook images build"


@pytest.mark.docker
def test_a_set_that_is_there_needs_nothing(engine: DockerClient, debian: Images) -> None:
    ensure(engine, debian)
    assert build.missing(engine, debian) == ()
