"""Which artifacts of an MLflow model are its weights; on a disk the same is tried in tests/adapters/mlflow."""

from __future__ import annotations

import pytest

from registry.domain.governance.logged import card_of, layout_of
from registry.errors import BadArtifactError, UnsafeArtifactError

HF = {"transformers": {"source_model_name": "acme/base"}}


def test_what_lies_beside_the_weights_of_transformers_gets_their_folder() -> None:
    paths = [
        "MLmodel",
        "model/config.json",
        "model/sub/x.json",
        "components/tokenizer/tokenizer.json",
        "components/tokenizer/config.json",
        "components/other/tokenizer.json",
        "components/deep/er/y.json",
        "model_card.md",
    ]
    found = layout_of(paths, HF)
    assert {path: found.name_of(path) for path in paths} == {
        "MLmodel": None,
        "model/config.json": "config.json",
        "model/sub/x.json": "sub/x.json",
        "components/tokenizer/tokenizer.json": None,
        "components/tokenizer/config.json": None,
        "components/other/tokenizer.json": "tokenizer.json",
        "components/deep/er/y.json": None,
        "model_card.md": None,
    }
    assert (found.carded, found.base) == (True, "acme/base")
    assert not layout_of([*paths, "model/README.md"], HF).carded


def test_a_model_in_the_folder_of_all_artifacts_keeps_its_names() -> None:
    found = layout_of(["MLmodel", "config.json", "model.safetensors"], {"transformers": {"model_binary": "."}})
    assert found.name_of("config.json") == "config.json"
    found = layout_of(["config.json", "model.safetensors", "sub/x.json"], {})
    assert (found.place, found.name_of("sub/x.json")) == ("", "sub/x.json")


def test_one_file_of_weights_is_the_source_by_itself() -> None:
    found = layout_of(["data/model.keras", "data/notes.txt"], {})
    assert (found.name_of("data/model.keras"), found.name_of("data/notes.txt")) == ("model.keras", None)


def test_a_flavour_that_is_no_mapping_and_pickles_are_not_weights() -> None:
    with pytest.raises(UnsafeArtifactError, match=r"a pickle \(python_model.pkl\)"):
        layout_of(["MLmodel", "python_model.pkl"], {"transformers": "x"})
    with pytest.raises(BadArtifactError, match="None of its artifacts"):
        layout_of([], {})


def test_a_card_has_its_front_matter_first() -> None:
    assert card_of(" license: mit\n", "# Card") == "---\nlicense: mit\n---\n# Card"
    assert card_of(None, "# Card") == "# Card"
