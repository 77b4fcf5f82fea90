"""Models with running statistics, trained from scratch on an easy task, are better than chance in evaluation mode.

Without recomputed statistics they would not be: after a short run with a momentum of 0.01 the running statistics are
still close to their initial values.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adapters.loop.training.statistics import keeps_statistics, norms_of
from adapters.torch.families import DEFINITIONS
from adapters.torch.importer import StateDictImporter
from adapters.torch.models import load_image_model
from adapters.transformers.importer import HuggingFaceImporter
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.comparison.validity import CHECK
from registry.domain.data.datasets import DataFormat, Row
from registry.domain.recipes.recipe import Method, Optimizer
from registry.ports.transfers import DataInput, ModelInput
from tests.adapters.loop.worlds import CLASSES, SPLITS, World, finish, image_world, keras_world
from tests.adapters.torch.foreign_names import mobilenet_v3_small, random
from tests.adapters.torch.small import own_model

DESCRIBED = """
name: small
layers:
  stem: [conv 3 16 3 padding=1 bias=no, norm 16 momentum=0.01, relu, max_pool 2]
  block: [conv 16 16 3 padding=1 bias=no, norm 16 momentum=0.01, relu]
pictures: zero_to_one
side: 32
"""
"""A network that a file beside its weights describes."""
OWN = ["efficientnet_lite0", "inception_v3", "inception_v3_mixed4", "resnet50_thin"]
"""Definitions with files of their own."""
STOCK: dict[str, dict[str, Any]] = {
    "efficientnet": {"width_coefficient": 0.1, "depth_coefficient": 0.1, "hidden_dim": 128, "initializer_range": 0.2},
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "bottleneck"},
    "regnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "groups_width": 8},
    "mobilenet_v1": {"depth_multiplier": 0.25, "min_depth": 8},
    "mobilenet_v2": {"depth_multiplier": 0.25, "min_depth": 8},
    "mobilevit": {
        "hidden_sizes": [16, 16, 16],
        "neck_hidden_sizes": [8, 8, 8, 8, 8, 16, 16],
        "num_attention_heads": 2,
        "initializer_range": 0.2,
    },
    "mobilevitv2": {"width_multiplier": 0.25, "initializer_range": 0.2},
    "cvt": {"embed_dim": [8, 16, 16], "num_heads": [1, 2, 2], "depth": [1, 2, 3]},
    "hgnet_v2": {
        "embedding_size": 8,
        "depths": [1, 1],
        "hidden_sizes": [16, 16],
        "stem_channels": [3, 8, 8],
        "stage_in_channels": [8, 16],
        "stage_mid_channels": [8, 8],
        "stage_out_channels": [16, 16],
        "stage_num_blocks": [1, 1],
        "stage_downsample": [False, True],
        "stage_light_block": [False, False],
        "stage_kernel_size": [3, 3],
        "stage_numb_of_layers": [1, 1],
    },
    "levit": {
        "hidden_sizes": [16, 16, 16],
        "num_attention_heads": [1, 1, 1],
        "depths": [1, 1, 1],
        "key_dim": [8, 8, 8],
        "drop_path_rate": 0,
    },
    "swiftformer": {"depths": [1, 1, 1, 1], "embed_dims": [8, 16, 16, 16]},
    "textnet": {},
}
"""Every type of transformers that classifies images and has BatchNorm, small."""
WITH_HEAD = frozenset({"cvt"})
"""Types whose classifier has more layers than one above the model without a head."""
NOT_IN_AUTO_MODEL = frozenset({"pp_lcnet"})
"""Types without a class for `AutoModel`, which cannot be imported."""
SIDES = {
    "inception_v3": 96,
    "inception_v3_mixed4": 96,
    "keras": None,
    "mobilevit": 64,
    "mobilevitv2": 64,
    "cvt": 64,
    "levit": 64,
}
QUICK = {"efficientnet", "keras", "described"}
KINDS = [
    pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow)
    for kind in ["described", "layers", "keras", *OWN, *STOCK]
]


def coloured(folder: Path) -> DataInput:
    """Images of 12 x 12 that are red, green or blue, with noise: an easy task."""
    draw, pictures = np.random.default_rng(4), []
    rows: list[Row] = []
    for split, count in SPLITS.items():
        for _ in range(count * 2):
            picture = draw.integers(0, 120, (12, 12, 3))
            picture[:, :, len(rows) % 3] += 130
            pictures.append(picture.astype(np.uint8))
            digest = Digest.of(pictures[-1].tobytes())
            rows.append(Row(len(rows), digest, split, CLASSES[len(rows) % 3], path="colours.npz", index=len(rows)))
    np.savez(folder / "colours.npz", x=np.stack(pictures), y=np.array([CLASSES.index(str(r.label)) for r in rows]))
    digest = Digest.of(b"colours")
    return DataInput(folder, digest, "test/colours/1", DataFormat.NPZ, Modality.IMAGE, tuple(rows), "train")


def described(folder: Path) -> ModelInput:
    """A network of the table that `layers` builds, MobileNetV3, with random weights."""
    shapes = {name: shape for name, shape in mobilenet_v3_small().items() if not name.startswith("classifier.")}
    torch.save(random(shapes), folder / "w.pth")
    (folder / "source").mkdir()
    converted = StateDictImporter().convert(folder / "w.pth", folder / "source", architecture="mobilenet_v3_small")
    architecture = str(converted.facts.architecture)
    return ModelInput(folder / "source", Digest.of(b"layers"), "source", architecture, "test/parent/1")


def from_description(folder: Path) -> str:
    """Import random weights with a description of their network; returns its architecture."""
    torch.manual_seed(5)
    weights: dict[str, torch.Tensor] = {"classifier.weight": torch.randn(9, 16), "classifier.bias": torch.zeros(9)}
    for name, inputs in (("stem", 3), ("block", 16)):
        weights[f"{name}.0.weight"] = torch.randn(16, inputs, 3, 3) / 5
        norm = torch.nn.BatchNorm2d(16).state_dict()
        weights |= {f"{name}.1.{key}": value for key, value in norm.items()}
    for made in ("hub", "source"):
        (folder / made).mkdir()
    (folder / "hub" / "architecture.yaml").write_text(DESCRIBED)
    torch.save(weights, folder / "hub" / "weights.pth")
    return str(StateDictImporter().convert(folder / "hub", folder / "source", architecture=None).facts.architecture)


def world_of(kind: str, folder: Path) -> World:
    """The architecture `kind` with random weights, and coloured images."""
    if kind == "keras":
        return replace(keras_world(folder), data=coloured(folder))
    if kind == "layers":
        return replace(image_world(folder / "bars"), source=described(folder), data=coloured(folder), folder=folder)
    if kind == "described":
        architecture = from_description(folder)
    elif kind in OWN:
        own_model(folder, kind).save(folder / "source")
        architecture = kind
    else:
        from transformers import AutoConfig, AutoModel, AutoModelForImageClassification

        torch.manual_seed(5)
        kinds = AutoModelForImageClassification if kind in WITH_HEAD else AutoModel
        kinds.from_config(AutoConfig.for_model(kind, image_size=64, **STOCK[kind])).save_pretrained(folder / "hub")
        side = SIDES.get(kind, 32)
        document = {"size": {"height": side, "width": side}, "image_mean": [0.3] * 3, "image_std": [0.3] * 3}
        (folder / "hub" / "preprocessor_config.json").write_text(json.dumps(document))
        (folder / "source").mkdir()
        converted = HuggingFaceImporter().convert(folder / "hub", folder / "source", architecture=None)
        architecture = str(converted.facts.architecture)
    assert keeps_statistics(load_image_model(folder / "source", architecture).module)
    source = ModelInput(folder / "source", Digest.of(kind.encode()), "source", architecture, "test/parent/1")
    return replace(image_world(folder / "bars"), source=source, data=coloured(folder), folder=folder)


@pytest.mark.parametrize("kind", KINDS)
def test_from_scratch_a_model_with_running_statistics_becomes_better_than_chance(kind: str, tmp_path: Path) -> None:
    (tmp_path / "bars").mkdir()
    world = world_of(kind, tmp_path)
    size = SIDES.get(kind, 32)
    job = world.job("scratch", method=Method.PRETRAINING, epochs=4, image_size=size, optimizer=Optimizer(lr=2e-3))
    done, metrics = finish(world, job)
    assert metrics["test", "accuracy"] >= 0.8, metrics
    check = done.facts[CHECK]
    assert isinstance(check, dict)
    found = check["train"]
    assert found["agrees"], found
    assert found["learnt"], found
    kept = (found["evaluation"] - found["constant"]) / (found["training"] - found["constant"])
    assert kept >= 0.8, found


def test_every_definition_with_running_statistics_is_trained_here() -> None:
    found = set()
    for name, definition in DEFINITIONS.items():
        with torch.device("meta"):
            config = {"model_type": name, "num_labels": 9, "head": {"kind": "none"}}
            found |= {name} if norms_of(definition.network(definition.make_head(config))) else set()
    assert found == set(OWN)


@pytest.mark.slow
def test_every_type_of_transformers_with_running_statistics_is_trained_here() -> None:
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES as TYPES

    found = set()
    for kind in TYPES:
        try:
            with torch.device("meta"):
                model = transformers.AutoModelForImageClassification.from_config(
                    transformers.AutoConfig.for_model(kind)
                )
        except (ImportError, TypeError):  # a library that is not installed, or a configuration without a default
            found |= {kind} if kind == "levit" else set()
            continue
        found |= {kind} if norms_of(model) else set()
    assert found == STOCK.keys() | NOT_IN_AUTO_MODEL
