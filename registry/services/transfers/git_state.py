"""Where a recipe came from: the git commit of its repository, and whether anything there was changed since."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path


def git_state(recipe: Path) -> Mapping[str, object]:
    """`{"commit", "dirty", "path"}` of the repository that `recipe` lies in; empty when it lies in none."""
    folder = recipe.resolve().parent
    top, commit = _git(folder, "rev-parse", "--show-toplevel"), _git(folder, "rev-parse", "HEAD")
    if not top or not commit:
        return {}
    status = _git(folder, "status", "--porcelain", "--untracked-files=normal")
    return {"commit": commit, "dirty": status != "", "path": recipe.resolve().relative_to(top).as_posix()}


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
