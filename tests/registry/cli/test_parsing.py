"""What people type becomes values; what cannot becomes a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.cli import parsing
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import SplitPlan
from registry.errors import InvalidError, NotFoundError, TooLargeError, UsageError


def test_a_name_may_be_written_as_a_reference() -> None:
    assert str(parsing.named("vision/digits")) == str(parsing.named("models:/vision/digits/3")) == "vision/digits"
    assert str(parsing.named("vision/digits@production")) == "vision/digits"


def test_a_short_reference_means_what_the_command_is_about() -> None:
    assert str(parsing.model("vision/digits/3")) == "models:/vision/digits/3"
    assert str(parsing.dataset("data/digits")) == "datasets:/data/digits"


def test_an_option_keeps_what_comes_after_the_first_equals_sign() -> None:
    assert parsing.pairs(["a=1=2", "flag"], option="--tag") == {"a": "1=2", "flag": ""}


@pytest.mark.parametrize("words", [["=1"], ["a=1", "a=2"]])
def test_a_pair_without_a_key_or_given_twice_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError, match="--tag"):
        parsing.pairs(words, option="--tag")


def test_shares_become_a_plan_of_splits() -> None:
    plan = parsing.split_plan("train=0.8,test=0.2", seed=3, column=None)
    assert plan == SplitPlan({"train": 0.8, "test": 0.2}, 3, None)
    assert parsing.split_plan(None, seed=0, column="fold").column == "fold"


def test_facts_come_from_a_file_and_words_go_over_them(tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text('{"accuracy": 0.5, "by": "ana"}')
    assert parsing.facts(body, ["accuracy=0.93", "rows=[1, 2]", "note=fine"]) == {
        "accuracy": 0.93,
        "by": "ana",
        "rows": [1, 2],
        "note": "fine",
    }


@pytest.mark.parametrize("text", ["[1]", "{", '"word"'])
def test_facts_that_are_no_json_object_are_refused(tmp_path: Path, text: str) -> None:
    body = tmp_path / "body.json"
    body.write_text(text)
    with pytest.raises(InvalidError, match=r"body\.json"):
        parsing.facts(body, None)


def test_a_document_that_is_missing_a_folder_or_no_text_is_named(tmp_path: Path) -> None:
    noise = tmp_path / "noise.bin"
    noise.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotFoundError, match="missing"):
        parsing.document(tmp_path / "missing.yaml")
    with pytest.raises(UsageError, match="folder"):
        parsing.document(tmp_path)
    with pytest.raises(UsageError, match="UTF-8"):
        parsing.document(noise)
    with pytest.raises(UsageError, match="cannot be read: Not a directory"):
        parsing.document(noise / "recipe.yaml")
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(100 * 1024**3)  # sparse: only its beginning is read
    with pytest.raises(TooLargeError, match="longer than 2,097,152 characters"):
        parsing.document(huge)
    with pytest.raises(NotFoundError, match="missing"):
        parsing.opened(tmp_path / "missing.pdf")


def test_what_cannot_be_undone_needs_yes_where_nobody_can_be_asked() -> None:
    parsing.confirm("Delete it?", yes=True)
    with pytest.raises(UsageError, match="cannot be undone"):
        parsing.confirm("Delete it?", yes=False)


@pytest.mark.parametrize(("text", "named"), [("hf:org/name@main", "org/name"), ("hf:", "ORG/NAME")])
def test_a_dataset_of_the_hub_is_downloaded_first_with_its_own_tool(text: str, named: str) -> None:
    with pytest.raises(NotFoundError, match="only models are fetched") as refused:
        parsing.source(text)
    assert f"hf download --repo-type dataset {named}. Then" in str(refused.value)


def test_a_model_of_the_hub_is_named_with_its_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsing.importable("hf:org/name") == "hf:org/name@main"
    assert parsing.importable("hf:org/name@refs/pr/1") == "hf:org/name@refs/pr/1"
    with pytest.raises(InvalidError, match="no repository of a Hub"):
        parsing.importable("hf:../name")
    assert parsing.importable("mlflow:track.example/runs/1f/model") == "mlflow:track.example/runs/1f/model"
    with pytest.raises(InvalidError, match="no model of a tracking server"):
        parsing.importable("mlflow:digits/3")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hf:mine").write_text("weights")
    assert parsing.importable("hf:mine") == "./hf:mine"


def test_a_kind_of_input_is_one_of_those_that_there_are() -> None:
    assert parsing.MODALITIES.split("|") == list(Modality)
    assert (parsing.modality("text"), parsing.modality(None)) == (Modality.TEXT, None)
    with pytest.raises(UsageError, match="must be one of image, text"):
        parsing.modality("smell")
