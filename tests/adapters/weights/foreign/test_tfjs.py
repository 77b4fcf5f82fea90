"""Layers models of TensorFlow.js: quantised weights mean what they stand for, in JSON and inside scripts."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.weights.foreign.javascript import read_literal
from adapters.weights.foreign.tfjs import model_file, read_layers_model
from registry.errors import BadArtifactError

LAYERS = [{"name": "in", "class_name": "InputLayer", "config": {"batch_input_shape": [None, 8, 8, 3], "sparse": False}}]
WEIGHTS: list[dict[str, Any]] = [
    {
        "name": "a/kernel",
        "shape": [2, 2],
        "dtype": "float32",
        "quantization": {"min": -0.5, "scale": 0.25, "dtype": "uint8"},
    },
    {"name": "a/bias", "shape": [2], "dtype": "float32"},
]
RAW = bytes([0, 1, 2, 255]) + np.array([1.5, -2], "<f4").tobytes()


def document() -> dict[str, Any]:
    return {
        "modelTopology": {"model_config": {"class_name": "Model", "config": {"layers": LAYERS}}},
        "weightsManifest": [{"paths": ["group1-shard1of2", "group1-shard2of2"], "weights": WEIGHTS}],
    }


def as_json(folder: Path) -> Path:
    (folder / "model.json").write_text(json.dumps(document()))
    (folder / "group1-shard1of2").write_bytes(RAW[:3])
    (folder / "group1-shard2of2").write_bytes(RAW[3:])
    return folder


def as_scripts(folder: Path) -> Path:
    """As browserify and a minifier write it: keys bare, false as !1, 0.5 as .5."""
    literal = re.sub(r'"(\w+)": ', r"\1:", json.dumps(document()))
    literal = literal.replace("false", "!1").replace("0.5", ".5").replace("0.25", ".25")
    assert "!1" in literal
    wrapped = "!function(a){{a.exports=a()}}(function(){{return{{1:[function(a,n,i){{n.exports={0}}},{{}}]}}}});"
    (folder / "model.min.js").write_text(wrapped.format(literal))
    for number, part in ((1, RAW[:3]), (2, RAW[3:])):
        told = json.dumps(base64.b64encode(part).decode())
        (folder / f"group1-shard{number}of2.min.js").write_text(wrapped.format(told))
    return folder


@pytest.mark.parametrize("write", [as_json, as_scripts])
def test_quantised_weights_are_read_as_the_numbers_that_they_stand_for(write: Any, tmp_path: Path) -> None:
    file = model_file(write(tmp_path))
    assert file is not None
    model = read_layers_model(file)
    assert model.layers == tuple(LAYERS)
    assert model.quantized == 1
    assert model.arrays["a/kernel"].tolist() == [[-0.5, -0.25], [0.0, 63.25]]
    assert model.arrays["a/bias"].tolist() == [1.5, -2.0]
    assert {array.dtype for array in model.arrays.values()} == {np.dtype("f4")}


def test_a_folder_without_a_topology_is_not_ours(tmp_path: Path) -> None:
    assert model_file(tmp_path) is None
    (tmp_path / "model.json").write_text("{}")
    assert model_file(tmp_path) is None


def test_a_missing_shard_and_bytes_too_few_or_too_many_are_refused(tmp_path: Path) -> None:
    as_json(tmp_path)
    second = tmp_path / "group1-shard2of2"
    for content, told in ((RAW[3:-1], "a/bias has 7 bytes"), (RAW[3:] + b"x", "13 bytes, and the manifest names 12")):
        second.write_bytes(content)
        with pytest.raises(BadArtifactError, match=told):
            read_layers_model(tmp_path / "model.json")
    second.unlink()
    with pytest.raises(BadArtifactError, match="group1-shard2of2' is missing"):
        read_layers_model(tmp_path / "model.json")


def test_shards_are_read_from_the_folder_of_the_model_only(tmp_path: Path) -> None:
    told = document()
    told["weightsManifest"][0]["paths"] = ["../secret"]
    (tmp_path / "model.json").write_text(json.dumps(told))
    with pytest.raises(BadArtifactError, match="is not beside"):
        read_layers_model(tmp_path / "model.json")


def test_a_literal_is_data_and_code_is_not() -> None:
    text = 'x={a:[.5,-1e-3,!0,!1,null,void 0,"a\\"b}"],$b:{}}}'
    assert read_literal(text, 2) == {"a": [0.5, -0.001, True, False, None, None, 'a"b}'], "$b": {}}
    for code in ("{a:alert(1)}", "{a:b}", "{a:1", "[1,`x`]", "(1)"):
        with pytest.raises(BadArtifactError):
            read_literal(code, 0)
