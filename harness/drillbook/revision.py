"""The git revision of a file, as `git` itself tells it; nothing is ever changed in the repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from drillbook.model import Revision

_DEADLINE_S = 10.0
# What a git hook sets for its own repository, and what would lead to that one from any folder.
_HOOK_S_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def revision(file: Path) -> Revision | None:
    """At which commit `file` is; None if it is in no repository, not tracked there, or there is no git."""
    real = file.resolve()
    path = _said(real.parent, ["ls-files", "--error-unmatch", "--full-name", "--", real.name])
    commit = _said(real.parent, ["rev-parse", "--verify", "HEAD"])
    if path is None or commit is None:
        return None
    same = _said(real.parent, ["diff", "--quiet", "--no-ext-diff", "HEAD", "--", real.name])
    return Revision(commit.decode().strip(), path.decode("utf-8", "replace").rstrip("\n"), same is None)


def commit_of(name: str, folder: Path) -> str | None:
    """The full hash of the commit that `name` stands for in the repository around `folder`, or None."""
    found = _said(folder, ["rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}"])
    return None if found is None else found.decode().strip()


def content(commit: str, path: str, folder: Path) -> bytes | None:
    """What the file at `path` in the repository around `folder` held at `commit`, or None without it."""
    return _said(folder, ["cat-file", "blob", f"{commit}:{path}"])


def _said(folder: Path, arguments: Sequence[str]) -> bytes | None:
    """What git says on standard output, or None where it refuses or can't be run."""
    env = {name: value for name, value in os.environ.items() if name not in _HOOK_S_OWN}
    argv = ["git", "--no-optional-locks", "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(
            argv, cwd=folder, env=env, capture_output=True, timeout=_DEADLINE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
