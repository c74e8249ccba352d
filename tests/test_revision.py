"""The git revision of a file, of real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from drillbook.revision import commit_of, content, revision


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=On call", "-c", "user.email=on-call@example.com"]
        argv = ["git", *identity, "-c", "commit.gpgSign=false", *arguments]
        done = subprocess.run(argv, cwd=self.folder, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout.strip()

    def commit(self, name: str, text: str) -> str:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        self.git("add", name)
        self.git("commit", "--quiet", "--message", "Change it")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_file_that_is_as_committed_has_its_commit_and_its_path(repository: Repository) -> None:
    commit = repository.commit("on call/runbook.md", "# One\n")
    found = revision(repository.folder / "on call" / "runbook.md")
    assert found is not None
    assert (found.commit, found.path, found.dirty) == (commit, "on call/runbook.md", False)


def test_a_file_that_was_changed_since_is_dirty_and_another_s_change_does_not_matter(
    repository: Repository,
) -> None:
    repository.commit("runbook.md", "# One\n")
    repository.commit("other.md", "# Other\n")
    (repository.folder / "other.md").write_text("# Changed\n")
    found = revision(repository.folder / "runbook.md")
    assert found is not None
    assert not found.dirty
    (repository.folder / "runbook.md").write_text("# Two\n")
    found = revision(repository.folder / "runbook.md")
    assert found is not None
    assert found.dirty


def test_a_file_that_is_not_tracked_or_in_no_repository_has_none(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (repository.folder / "before.md").write_text("# No commit yet\n")
    assert revision(repository.folder / "before.md") is None
    repository.commit("runbook.md", "# One\n")
    assert revision(repository.folder / "before.md") is None
    outside = tmp_path_factory.mktemp("outside") / "runbook.md"
    outside.write_text("# One\n")
    assert revision(outside) is None


def test_a_git_hook_s_own_repository_is_not_taken_for_the_file_s(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repository.commit("runbook.md", "# One\n")
    other = Repository(tmp_path_factory.mktemp("other"))
    other.commit("runbook.md", "# Other\n")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    found = revision(repository.folder / "runbook.md")
    assert found is not None
    assert found.commit == commit


def test_without_git_no_file_has_a_revision(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository.commit("runbook.md", "# One\n")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert revision(repository.folder / "runbook.md") is None


def test_a_name_stands_for_a_commit_and_gives_what_a_file_held_there(repository: Repository) -> None:
    first = repository.commit("runbook.md", "# One\n")
    second = repository.commit("runbook.md", "# Two\n")
    assert commit_of("HEAD~1", repository.folder) == first
    assert commit_of("main", repository.folder) == second
    assert commit_of(second[:9], repository.folder) == second
    assert content(first, "runbook.md", repository.folder) == b"# One\n"
    assert content(first, "nowhere.md", repository.folder) is None


@pytest.mark.parametrize("name", ["nowhere", "--help", "", "HEAD:runbook.md"])
def test_what_names_no_commit_gives_none(repository: Repository, name: str) -> None:
    repository.commit("runbook.md", "# One\n")
    assert commit_of(name, repository.folder) is None
