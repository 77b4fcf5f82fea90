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

from adapters.loop.training.statistics import keeps_statistics
from adapters.torch.importer import StateDictImporter
from adapters.torch.models import load_image_model
from adapters.transformers.importer import HuggingFaceImporter
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, Row
from registry.domain.recipes.recipe import Method, Optimizer
from registry.ports.transfers import DataInput, ModelInput
from tests.adapters.loop.worlds import CLASSES, SPLITS, World, finish, image_world, keras_world
from tests.adapters.torch.foreign_names import mobilenet_v3_small, random
from tests.adapters.torch.small import own_model

OWN = ["efficientnet_lite0", "inception_v3", "inception_v3_mixed4", "resnet50_thin"]
STOCK: dict[str, dict[str, Any]] = {
    "efficientnet": {"width_coefficient": 0.1, "depth_coefficient": 0.1, "hidden_dim": 128, "initializer_range": 0.2},
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "bottleneck"},
    "regnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "groups_width": 8},
    "mobilenet_v1": {"depth_multiplier": 0.25, "min_depth": 8},
    "mobilenet_v2": {"depth_multiplier": 0.25, "min_depth": 8},
}


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


def world_of(kind: str, folder: Path) -> World:
    """The architecture `kind` with random weights, and coloured images."""
    if kind == "keras":
        return replace(keras_world(folder), data=coloured(folder))
    if kind == "layers":
        return replace(image_world(folder / "bars"), source=described(folder), data=coloured(folder), folder=folder)
    if kind in OWN:
        own_model(folder, kind).save(folder / "source")
        architecture = kind
    else:
        from transformers import AutoConfig, AutoModel

        torch.manual_seed(5)
        AutoModel.from_config(AutoConfig.for_model(kind, image_size=64, **STOCK[kind])).save_pretrained(folder / "hub")
        document = {"size": {"height": 32, "width": 32}, "image_mean": [0.3] * 3, "image_std": [0.3] * 3}
        (folder / "hub" / "preprocessor_config.json").write_text(json.dumps(document))
        (folder / "source").mkdir()
        converted = HuggingFaceImporter().convert(folder / "hub", folder / "source", architecture=None)
        architecture = str(converted.facts.architecture)
    assert keeps_statistics(load_image_model(folder / "source", architecture).module)
    source = ModelInput(folder / "source", Digest.of(kind.encode()), "source", architecture, "test/parent/1")
    return replace(image_world(folder / "bars"), source=source, data=coloured(folder), folder=folder)


@pytest.mark.parametrize("kind", [*OWN, *STOCK, "layers", "keras"])
def test_from_scratch_a_model_with_running_statistics_becomes_better_than_chance(kind: str, tmp_path: Path) -> None:
    (tmp_path / "bars").mkdir()
    world = world_of(kind, tmp_path)
    size = {"inception_v3": 96, "inception_v3_mixed4": 96, "keras": None}.get(kind, 32)
    job = world.job("scratch", method=Method.PRETRAINING, epochs=4, image_size=size, optimizer=Optimizer(lr=2e-3))
    _, metrics = finish(world, job)
    assert metrics["test", "accuracy"] >= 0.8, metrics
