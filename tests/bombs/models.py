"""Bombs in the files of models: small ones that claim gigabytes, millions of layers, or nest without end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.adapters.files import safetensors


@dataclass(frozen=True, slots=True)
class ModelBomb:
    """`build` makes the source in an empty folder and gives its path; `words` are in the refusal of it."""

    name: str
    build: Callable[[Path], Path]
    words: str


def layers_model(folder: Path, paths: list[str], weights: list[dict[str, Any]], layers: object = ()) -> Path:
    """A model of TensorFlow.js with one shard of a megabyte."""
    topology = {"model_config": {"config": {"layers": list(layers) if isinstance(layers, tuple) else layers}}}
    document = {"modelTopology": topology, "weightsManifest": [{"paths": paths, "weights": weights}]}
    (folder / "model.json").write_text(json.dumps(document))
    (folder / "a.bin").write_bytes(bytes(1_000_000))
    return folder


def flood(folder: Path, content: str) -> Path:
    """A script that exports a literal of JavaScript."""
    (folder / "model.min.js").write_text("module.exports={modelTopology:" + content)
    return folder


def shape(*sides: int, **more: object) -> list[dict[str, Any]]:
    return [{"name": "a/kernel", "shape": list(sides), "dtype": "float32", **more}]


BYTES = {"dtype": "uint8", "scale": 1.0, "min": 0.0}
TFJS = [
    ModelBomb(
        "tfjs-one-shard-6,000-times",
        lambda f: layers_model(f, ["a.bin"] * 6_000, shape(1_500_000_000)),
        "named more than once",
    ),
    ModelBomb("tfjs-claims-terabytes", lambda f: layers_model(f, ["a.bin"], shape(10**6, 10**6)), "which is not"),
    ModelBomb(
        "tfjs-negative-shape",
        lambda f: layers_model(f, ["a.bin"], shape(-(10**6), -(10**6))),
        "cannot be read|which is not",
    ),
    ModelBomb(
        "tfjs-a-million-axes",
        lambda f: layers_model(f, ["a.bin"], shape(*[1] * 1_000_000)),
        "a shape of 1000000 axes",
    ),
    ModelBomb(
        "tfjs-the-same-bytes-as-300,000-weights",
        lambda f: layers_model(f, ["a.bin"], shape(0) * 300_000),
        "named more than once",
    ),
    ModelBomb("tfjs-deep-json", lambda f: deep(layers_model(f, ["a.bin"], []) / "model.json"), "not valid JSON"),
    ModelBomb("js-numbers", lambda f: flood(f, "[" + "1," * 5_000_000 + "1]};"), "more than"),
    ModelBomb("js-floats", lambda f: flood(f, "[" + "1e9," * 3_000_000 + "1]};"), "more than"),
    ModelBomb("js-a-number-of-a-million-digits", lambda f: flood(f, "1" * 1_000_000 + "};"), "more than 400 digits"),
    ModelBomb("js-nested", lambda f: flood(f, "[" * 400_000), "not plain data"),
    ModelBomb("js-marks", lambda f: flood(f, "{a:" * 2_000_000), "more than"),
]


def deep(path: Path) -> Path:
    start = '{"modelTopology":{"a":'
    path.write_text(start + '{"a":' * 1_000_000)
    return path.parent


def config(folder: Path, **fields: object) -> Path:
    """A folder of transformers: a small BERT, whose config says otherwise; a field that is None is left out."""
    sound = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "hidden_size": 8,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "intermediate_size": 16,
        "vocab_size": 20,
    }
    given = {name: value for name, value in (sound | fields).items() if value is not None}
    (folder / "config.json").write_text(json.dumps(given))
    safetensors(folder / "model.safetensors", {"embeddings.word_embeddings.weight": ("F32", [20, 8], bytes(640))})
    return folder


def text(folder: Path, content: str) -> Path:
    config(folder)
    (folder / "config.json").write_text(content)
    return folder


CONFIGS = [
    ModelBomb("config-3-million-layers", lambda f: config(f, num_hidden_layers=3_000_000), "num_hidden_layers"),
    ModelBomb(
        "config-a-list-of-depths",
        lambda f: config(f, model_type="swin", architectures=["SwinModel"], depths=[10**6] * 4),
        "depths",
    ),
    ModelBomb(
        "config-of-a-part",
        lambda f: config(f, model_type="clip", architectures=["CLIPModel"], text_config={"num_hidden_layers": 10**7}),
        "num_hidden_layers",
    ),
    ModelBomb("config-100-million-labels", lambda f: config(f, num_labels=10**8), "num_labels"),
    ModelBomb("config-deep-arrays", lambda f: text(f, '{"model_type":"bert","a":' + "[" * 1_000_000), "not valid JSON"),
    ModelBomb("config-deep-objects", lambda f: text(f, '{"model_type":' + '{"a":' * 1_000_000), "not valid JSON"),
    ModelBomb(
        "config-a-number-of-a-million-digits",
        lambda f: text(f, '{"model_type":"bert","num_hidden_layers":' + "1" * 10**6 + "}"),
        "not valid JSON",
    ),
    ModelBomb(
        "config-of-70-MB", lambda f: text(f, '{"model_type":"bert","a":"' + "a" * 70_000_000 + '"}'), "larger than"
    ),
    ModelBomb(
        "config-a-million-labels",
        lambda f: config(f, id2label={str(n): "a" for n in range(1_000_000)}),
        "larger than",
    ),
]
HEADERS = [
    ModelBomb(
        "safetensors-claims-terabytes",
        lambda f: safetensors(
            f / "a.safetensors",
            {},
            header={"a": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}},
        ),
        "safetensors",
    ),
    ModelBomb(
        "safetensors-deep-header",
        lambda f: safetensors(f / "a.safetensors", {}, header=b'{"a":' * 200_000),
        "safetensors",
    ),
]
MODELS = [*TFJS, *CONFIGS, *HEADERS]
BUILT = [
    ModelBomb(
        "config-a-thousand-million-words",
        lambda f: config(f, vocab_size=10**9),
        "do not fit|does not fit|shape|needs more memory",
    ),
    ModelBomb(
        "config-a-thousand-million-positions",
        lambda f: config(f, max_position_embeddings=10**9),
        "cannot build BertModel.*allocate memory",
    ),
    ModelBomb("config-wide", lambda f: config(f, hidden_size=10**7), "fit|shape|needs more memory"),
    ModelBomb(
        "timm-a-million-layers",
        lambda f: config(
            f,
            model_type=None,
            architecture="resnet18",
            pretrained_cfg={},
            architectures=None,
            model_args={"layers": [10**6] * 4},
        ),
        "layers",
    ),
]
"""Refused by transformers itself, which takes seconds to load."""
