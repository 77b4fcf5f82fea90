"""Where a recipe came from: the commit of its repository, and whether anything was changed since."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from registry.services.transfers.git_state import git_state

WHO = ("-c", "user.name=ana", "-c", "user.email=ana@example.invalid")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe in a folder of a repository, committed."""
    file = tmp_path / "repository" / "recipes" / "a.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("output: a/b\n")
    git(file, "init", "-q")
    git(file, "add", ".")
    git(file, *WHO, "commit", "-qm", "first")
    return file


def git(file: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(file.parents[1]), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_committed_recipe_has_its_commit_and_is_clean(recipe: Path) -> None:
    state = git_state(recipe)
    assert state == {"commit": git(recipe, "rev-parse", "HEAD"), "dirty": False, "path": "recipes/a.yaml"}


def test_a_changed_recipe_is_dirty(recipe: Path) -> None:
    recipe.write_text("output: a/c\n")
    assert git_state(recipe)["dirty"] is True


def test_a_new_file_beside_it_makes_it_dirty_too(recipe: Path) -> None:
    (recipe.parent / "new.yaml").touch()
    assert git_state(recipe)["dirty"] is True


def test_outside_a_git_repository_no_state_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").touch()
    assert git_state(tmp_path / "a.yaml") == {}
