"""Among the artifacts of an MLflow model the weights are found, and a pickle is refused without being read."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mlflow.layout import fetched
from registry.domain.governance.logged import DESCRIPTION
from registry.errors import BadArtifactError, RegistryError, UnsafeArtifactError


def write(root: Path, *paths: str, mlmodel: str = "") -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    if mlmodel:
        (root / DESCRIPTION).write_text(mlmodel)
    return root


def transformers(extra: str = "model_binary: model") -> str:
    return f"flavors:\n  transformers:\n    source_model_name: acme/base\n    {extra}\n"


def test_a_model_of_transformers_gets_its_tokenizer_and_its_card_beside_its_weights(tmp_path: Path) -> None:
    parts = ("model/config.json", "model/model.safetensors", "components/tokenizer/tokenizer.json", "model_card.md")
    found = fetched(write(tmp_path, *parts, "model_card_data.yaml", mlmodel=transformers()))
    assert found.bases == ("acme/base",)
    assert found.source == tmp_path / "model"
    assert sorted(one.name for one in found.source.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert (found.source / "README.md").read_text() == "---\nmodel_card_data.yaml\n---\nmodel_card.md"


@pytest.mark.parametrize(
    ("paths", "source"),
    [
        (["data/model.keras", "data/keras_module.txt"], "data/model.keras"),
        (["model.onnx", "requirements.txt"], "model.onnx"),
        (["weights/model.safetensors"], "weights/model.safetensors"),
        (["sent/config.json", "sent/model.safetensors", "sent/1_Pooling/config.json"], "sent"),
        (["m/config.json", "m/a.safetensors", "m/b.safetensors"], "m"),
    ],
)
def test_other_weights_are_found_by_their_names(tmp_path: Path, paths: list[str], source: str) -> None:
    flavour = "flavors: {python_function: {loader_module: x}}"
    assert fetched(write(tmp_path, *paths, mlmodel=flavour)).source == tmp_path / source


def test_a_single_file_is_taken_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "net.safetensors")
    assert fetched(tmp_path / "net.safetensors").source == tmp_path / "net.safetensors"


@pytest.mark.parametrize(
    ("paths", "mlmodel", "error", "says"),
    [
        (["data/model.pth"], "flavors: {pytorch: {}}", UnsafeArtifactError, r"a pickle \(data/model.pth\)"),
        (["model.pkl"], "flavors: {sklearn: {}}", UnsafeArtifactError, r"a pickle \(model.pkl\)"),
        (["a.onnx", "b.keras"], "", BadArtifactError, "Several of its artifacts are weights: a.onnx, b.keras"),
        (["notes.txt"], "", BadArtifactError, "None of its artifacts are weights"),
        (["notes.txt"], transformers("model_binary: ../../etc"), UnsafeArtifactError, "outside of the model"),
        (["notes.txt"], transformers("model_binary: /etc"), UnsafeArtifactError, "outside of the model"),
        (["notes.txt"], transformers("source_model_revision: abc"), BadArtifactError, "a reference and no weights"),
        (["peft/a.safetensors"], transformers("peft_adaptor: peft"), BadArtifactError, "an adapter and no weights"),
        (["model.onnx"], "flavors: [", BadArtifactError, "Its MLmodel is not YAML"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_the_reason(
    tmp_path: Path, paths: list[str], mlmodel: str, error: type[RegistryError], says: str
) -> None:
    with pytest.raises(error, match=says):
        fetched(write(tmp_path, *paths, mlmodel=mlmodel))
