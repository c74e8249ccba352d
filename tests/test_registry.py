"""The scenarios that there are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from drillbook.errors import InputError
from drillbook.registry import load, scenario, scenarios

SOURCE = """
from drillbook.protocols import Scenario, Variant
VARIANT = Variant("plain", "It breaks.", object, "Mend it.", object)
SCENARIO = Scenario({name!r}, "Title", "SEV2", "Section", (), lambda stack: (), {variants})
"""


def write(folder: Path, file: str, name: str, variants: str = "(VARIANT,)") -> Path:
    path = folder / file
    path.write_text(SOURCE.format(name=name, variants=variants))
    return path


def test_the_packaged_scenarios_are_found_by_name() -> None:
    assert "stuck-transactions" in scenarios()
    assert scenario("stuck-transactions").section == "Database Issues"


def test_a_name_that_is_nearly_right_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match=r"there is no scenario 'stuck-transaction' .did you mean 'stuck-tr"):
        scenario("stuck-transaction")


def test_every_file_of_the_folder_is_loaded_in_the_order_of_the_names_and_only_once(tmp_path: Path) -> None:
    write(tmp_path, "b.py", "alpha")
    write(tmp_path, "a.py", "beta")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "not_one.py").write_text("raise SystemError")
    assert list(load(tmp_path)) == ["alpha", "beta"]
    assert load(tmp_path) is load(tmp_path)
    assert [name for name in sys.modules if name.startswith("drillbook_scenarios.b_")]


def test_a_team_s_own_scenarios_stand_beside_the_packaged_ones(tmp_path: Path) -> None:
    write(tmp_path, "queue_full.py", "queue-full")
    assert {"queue-full", "stuck-transactions"} <= set(scenarios(tmp_path))
    assert scenario("queue-full", tmp_path).title == "Title"


def test_a_team_s_scenario_can_t_take_the_name_of_a_packaged_one(tmp_path: Path) -> None:
    write(tmp_path, "locks.py", "stuck-transactions")
    with pytest.raises(InputError, match="'stuck-transactions' is in the library already"):
        scenarios(tmp_path)


def test_two_files_with_one_name_are_an_error_that_names_both(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "same")
    second = write(tmp_path, "b.py", "same")
    with pytest.raises(InputError, match=r"'same' is in a\.py already") as caught:
        load(tmp_path)
    assert caught.value.path == second


@pytest.mark.parametrize(
    ("variants", "message"),
    [("()", "has no variants"), ("(VARIANT, VARIANT)", "has two variants 'plain'")],
)
def test_a_scenario_whose_variants_cannot_be_told_apart_is_an_error(
    tmp_path: Path, variants: str, message: str
) -> None:
    write(tmp_path, "a.py", "alpha", variants)
    with pytest.raises(InputError, match=message):
        load(tmp_path)


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("x = 1\n", "has no SCENARIO", None),
        ("SCENARIO = 'text'\n", "has no SCENARIO", None),
        ("x = 1\n\nimport nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all'", 3),
        ("x = 1\ny = (\n", "SyntaxError", 2),
    ],
)
def test_a_file_that_is_no_scenario_is_an_error_with_its_place(
    tmp_path: Path, source: str, message: str, line: int | None
) -> None:
    file = tmp_path / "broken.py"
    file.write_text(source)
    with pytest.raises(InputError, match=message) as caught:
        load(tmp_path)
    assert (caught.value.path, caught.value.line) == (file, line)
