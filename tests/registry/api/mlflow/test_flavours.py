"""`MLmodel` is made of the stored files alone, names no code, and is there only where MLflow could load the version."""

from __future__ import annotations

import json

import pytest

from registry.api.contents import GivenFile
from registry.api.mlflow.flavours import described
from registry.domain.transfers.adapted import PIN

TEXT = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
PICTURES = ("config.json", "model.safetensors", "preprocessor_config.json")


def made(architecture: str, paths: tuple[str, ...]) -> dict[str, GivenFile]:
    files = {path: GivenFile.made(path, path.encode()) for path in paths}
    return {file.path: file for file in described(files, architecture)}


def body(file: GivenFile) -> bytes:
    with file.open_at(0, file.entry.size) as stream:
        return stream.read()


def test_a_text_classifier_of_transformers_is_described_by_classes_that_run_no_code_of_a_folder() -> None:
    found = made("transformers:BertForSequenceClassification", TEXT)
    tokens = ("config.json", "tokenizer.json", "tokenizer_config.json")
    assert set(found) == {"MLmodel", *(f"components/tokenizer/{name}" for name in tokens)}
    assert body(found["components/tokenizer/tokenizer.json"]) == b"tokenizer.json"
    flavour = json.loads(body(found["MLmodel"]))["flavors"]["transformers"]
    assert {flavour["pipeline_model_type"], flavour["tokenizer_type"]} == {
        "AutoModelForSequenceClassification",
        "AutoTokenizer",
    }
    assert body(made("transformers:BertForSequenceClassification", TEXT[::-1])["MLmodel"]) == body(found["MLmodel"])


def test_a_picture_classifier_comes_with_what_reads_its_pictures() -> None:
    found = made("transformers:ResNetForImageClassification", PICTURES)
    assert set(found) == {"MLmodel", *(f"components/image_processor/{name}" for name in (PICTURES[0], PICTURES[2]))}


@pytest.mark.parametrize(
    ("architecture", "paths"),
    [
        ("transformers:BertModel", TEXT),
        ("efficientnet-lite0", PICTURES),
        ("BertForSequenceClassification", TEXT),
        ("peft:BertForSequenceClassification", (*TEXT, PIN)),
        ("transformers:BertForSequenceClassification", (*TEXT, PIN)),
        ("transformers:BertForSequenceClassification", TEXT[:2]),
        ("transformers:BertForSequenceClassification", TEXT[1:]),
        ("transformers:BertForQuestionAnswering", TEXT),
    ],
)
def test_what_the_flavour_would_not_load_has_no_description(architecture: str, paths: tuple[str, ...]) -> None:
    assert made(architecture, paths) == {}
