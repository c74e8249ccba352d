"""The files of surfaces: the packaged ones are well-formed; what is wrong with one is said with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.lint.look import shell

from drillbook.errors import InputError
from drillbook.lint import surface_file
from drillbook.lint.check import lint, subject_of
from drillbook.lint.registry import choose
from drillbook.lint.surface import Command, Wrong
from drillbook.lint.surface_file import packaged, packaged_surface, read_surface

FILES = sorted((Path(surface_file.__file__).parent / "surfaces").glob("*.yaml"))
X = "program: x\nversion: 1\nsource: y\n"
OWN = """
program: shopctl
version: 2.4
source: its --help, of this day
flags: "-h --help --region="
commands:
  orders:
    needs-subcommand: true
    flags: "--json"
    inherited: "--shop="
    commands:
      drain: {aliases: [empty], flags: "-f --force --since="}
"""


def _commands(command: Command) -> Iterator[Command]:
    yield command
    for inner in command.commands.values():
        yield from _commands(inner)


def test_the_clis_that_runbooks_use_have_a_surface() -> None:
    clis = "curl docker docker-compose heroku kubectl psql railway redis-cli valkey-cli vc vercel"
    assert packaged() == tuple(clis.split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_packaged_file_is_well_formed_and_names_its_version_and_source(path: Path) -> None:
    surface = read_surface(path)
    assert surface.names[0] == path.stem
    assert surface.version[0].isdigit()
    assert len(surface.source) > 20
    assert "flag" in surface.says
    assert all(packaged_surface(name) == surface for name in surface.names)
    for command in _commands(surface.root):
        assert not (command.needs_command and not command.commands)
        assert all(name.islower() for name in command.commands if not name.isdigit())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_packaged_file_has_no_key_twice(path: Path) -> None:
    def check(node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), keys
            for _, value in node.value:
                check(value)

    top = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    assert top is not None
    check(top)


def test_a_program_without_a_surface_has_none() -> None:
    assert packaged_surface("shopctl") is None
    assert packaged_surface("../railway") is None


def _lint(command: str, path: Path) -> list[str]:
    subject = subject_of(shell(command), path=Path("runbook.md"), surfaces=[read_surface(path)])
    return [f"{f.rule}: {f.message}" for f in lint(subject, choose([*Wrong], []))]


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("shopctl --region eu orders empty -f", []),
        ("shopctl orders --json drain --shop north", []),
        ("shopctl orders", ["needs-subcommand: `shopctl orders` needs a subcommand"]),
        ("shopctl oders drain", ["unknown-command: shopctl 2.4 has no command `oders`"]),
        ("shopctl orders drain --forced", ["unknown-flag: `shopctl orders drain` has no flag `--forced`"]),
    ],
)
def test_a_team_brings_the_surface_of_its_own_cli(tmp_path: Path, command: str, found: list[str]) -> None:
    path = tmp_path / "shopctl.yaml"
    path.write_text(OWN, "utf-8")
    assert _lint(command, path) == found


def test_a_teams_own_surface_comes_before_the_packaged_one(tmp_path: Path) -> None:
    path = tmp_path / "railway.yaml"
    path.write_text("program: railway\nversion: 99\nsource: a fork\ncommands: {rollback: }\n", "utf-8")
    assert _lint("railway rollback", path) == []
    assert _lint("railway logs", path) == ["unknown-command: railway 99 has no command `logs`"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("program: x\nversion: 1\n", 1, "lacks the key 'source'"),
        (X + "flag: --json\n", 4, "no key 'flag'"),
        (X + "flags: '--json, -v'\n", 4, "'--json,' is not a flag"),
        (
            X + "commands:\n  a: {aliases: [b]}\n  b:\n",
            6,
            "'b' is there twice",
        ),
        (X + "commands:\n  a: {verbatim: 2}\n", 5, "must be true or false"),
        (X + "says: {flg: no}\n", 4, "no key 'flg'"),
        (X + "commands: [a]\n", 4, "must be a table"),
        ("- program\n", 1, "must be a table"),
        ("program: [\n", 2, "not YAML"),
        ("", None, "is empty"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    tmp_path: Path, text: str, line: int | None, said: str
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        read_surface(path)
    assert said in str(caught.value)
    assert (caught.value.path, caught.value.line) == (path, line)
