"""What the images are made of, and the hash that changes with it."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from drillbook.docker import labels, recipe
from drillbook.docker.recipe import DEFAULT_RELEASE, RELEASES, Images
from drillbook.errors import StackError

BOOKWORM = RELEASES["bookworm"]


def marks(images: Images) -> set[str]:
    return {reference.rpartition("-")[2] for reference in images.all()}


def test_the_same_recipe_has_the_same_references() -> None:
    assert recipe.debian_images(BOOKWORM) == recipe.debian_images(BOOKWORM)
    assert len(recipe.debian_images(BOOKWORM).all()) == len(recipe.ROLES)
    assert len(marks(recipe.debian_images(BOOKWORM))) == 1


@pytest.mark.parametrize("name", ["_DEBIAN_PACKAGES", "_DPKG_SETTINGS"])
def test_another_file_system_is_another_base_and_another_set(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    base, images = recipe.base_reference(BOOKWORM), recipe.debian_images(BOOKWORM)
    more = ("cowsay",) if name == "_DEBIAN_PACKAGES" else "no-such-setting\n"
    monkeypatch.setattr(recipe, name, getattr(recipe, name) + more)
    assert recipe.base_reference(BOOKWORM) != base
    assert not marks(recipe.debian_images(BOOKWORM)) & marks(images)


def test_another_script_is_another_base(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    base = recipe.base_reference(BOOKWORM)
    script = tmp_path / "bootstrap.sh"
    script.write_text("true\n", "utf-8")
    monkeypatch.setattr(recipe, "bootstrap_script", lambda: script)
    assert recipe.base_reference(BOOKWORM) != base


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(
            recipe, "_DEBIAN_DOCKERFILE", recipe._DEBIAN_DOCKERFILE + "USER oncall\n"
        ),
        lambda patch: patch.setattr(recipe, "_version", lambda _: "99.9"),
    ],
    ids=["dockerfile", "python packages"],
)
def test_other_python_packages_are_another_set_on_the_same_base(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch], None]
) -> None:
    base, images = recipe.base_reference(BOOKWORM), recipe.debian_images(BOOKWORM)
    change(monkeypatch)
    assert recipe.base_reference(BOOKWORM) == base
    assert not marks(recipe.debian_images(BOOKWORM)) & marks(images)


def test_each_release_has_its_own_versions() -> None:
    assert "postgresql-15" in recipe.packages(BOOKWORM)
    assert "postgresql-17" in recipe.packages(RELEASES["trixie"])
    assert recipe.debian_images(RELEASES["trixie"]).postgres.startswith("drillbook/debian-postgres:17-")
    assert not marks(recipe.debian_images(BOOKWORM)) & marks(recipe.debian_images(RELEASES["trixie"]))


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ('ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n', "trixie"),
        ("ID=debian\nVERSION_CODENAME=bookworm\n", "bookworm"),
        ("ID=debian\nVERSION_CODENAME=buster\n", "bookworm"),
        ("ID=raspbian\nVERSION_CODENAME=trixie\nID_LIKE=debian\n", "bookworm"),
        ("ID=ubuntu\nVERSION_CODENAME=noble\nID_LIKE=debian\n", "bookworm"),
        ("", "bookworm"),
    ],
)
def test_the_set_is_made_of_this_machines_release_where_that_is_known(
    tmp_path: Path, text: str, release: str
) -> None:
    path = tmp_path / "os-release"
    path.write_text(text, "utf-8")
    assert recipe.host_release(path).codename == release
    assert recipe.host_release(tmp_path / "none") == DEFAULT_RELEASE


def test_the_set_has_the_very_packages_that_drillbook_runs_with() -> None:
    found = recipe.python_packages(BOOKWORM)
    assert found["starlette"] == version("starlette")
    assert found["psycopg"] == version("psycopg")


def test_the_compiled_part_of_psycopg_goes_only_to_the_very_same_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    suffix = f".cpython-311-{recipe._MULTIARCH[recipe.machine()]}.so"
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: suffix)
    assert "psycopg-binary" in recipe.python_packages(BOOKWORM)
    assert "psycopg-binary" not in recipe.python_packages(RELEASES["trixie"])


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "_PYTHON", (*recipe._PYTHON, "no-such-package"))
    with pytest.raises(StackError, match="not installed: no-such-package"):
        recipe.python_packages(BOOKWORM)


def test_a_processor_that_no_image_is_made_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    with pytest.raises(StackError, match="no image is made for s390x"):
        recipe.debian_images(BOOKWORM)


def test_a_processor_is_known_by_each_of_its_names() -> None:
    assert recipe.machine("arm64") == recipe.machine("aarch64") == "aarch64"
    assert recipe.machine("amd64") == recipe.machine("x86_64") == "x86_64"


def test_the_debian_dockerfile_says_where_things_are() -> None:
    text = recipe.debian_dockerfile(BOOKWORM, "drillbook/debian-base:x")
    assert text.startswith("FROM drillbook/debian-base:x\n")
    assert f"{labels.BINDIR}=/usr/lib/postgresql/15/bin" in text
    assert f"{labels.RECIPE}={recipe.debian_hash(BOOKWORM)}" in text
    assert "/usr/local/lib/python3.11/dist-packages" in text
    assert "useradd --uid 1000" in text


def test_no_image_carries_the_label_of_what_recover_clears() -> None:
    # A container has its image's labels too, and whoever starts one by hand must be able to keep it.
    texts = [recipe.debian_dockerfile(BOOKWORM, "base"), *recipe.official_dockerfiles().values()]
    for text in texts:
        assert f"LABEL {labels.IMAGE}=" in text
        assert not {labels.OURS, labels.RUN, labels.DRILL} & {
            word.partition("=")[0] for line in text.splitlines() for word in line.split()
        }


def test_the_official_set_is_pinned() -> None:
    images = recipe.official_images()
    assert images.postgres == "postgres:17.6-bookworm"
    assert images.redis == "redis:7.4.5-bookworm"
    assert all("latest" not in reference for reference in images.all())


def test_the_official_app_has_an_official_python_and_the_packages_by_version() -> None:
    text = recipe.official_app_dockerfile()
    assert text.startswith("FROM python:3.12.11-slim-bookworm\n")
    assert f" starlette=={version('starlette')} " in text
    assert f" psycopg[binary]=={version('psycopg')} " in text
    assert " uvicorn==" in text


def test_the_official_operator_has_the_servers_own_psql_and_the_tools() -> None:
    text = recipe.official_operator_dockerfile()
    assert text.startswith(f"FROM {recipe.POSTGRES_TAG}\n")
    assert {"redis-tools", "python3", "curl", "jq", "procps", "gawk"} <= set(text.split())
    assert "useradd --uid 1000" in text
    assert "ENTRYPOINT []" in text  # or the server would be started


def test_what_is_built_for_the_official_set_carries_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    before = recipe.official_images()
    assert set(recipe.official_dockerfiles()) == {before.app, before.operator}
    monkeypatch.setattr(recipe, "_PYTHON_TAG", "python:3.13-slim-trixie")
    after = recipe.official_images()
    assert replace(after, app=before.app) == before
    assert after.app != before.app


def test_marks_name_the_run_and_the_drill() -> None:
    assert labels.marks("r1").items() >= {"org.drillbook": "1", "org.drillbook.run": "r1"}.items()
    assert "org.drillbook.drill" not in labels.marks("r1")
    assert labels.marks("r1", "d1").items() >= {**labels.marks("r1"), "org.drillbook.drill": "d1"}.items()


def test_the_script_is_where_the_recipe_looks_for_it() -> None:
    assert recipe.bootstrap_script().read_text("utf-8").startswith("#!/bin/sh\n")
