"""Vision families of transformers, small and with random weights: imported as Hub folders, probed and fine-tuned.

This tests the code, not accuracy.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from adapters.torch.models import load_image_model
from adapters.transformers.importer import HuggingFaceImporter
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.recipes.recipe import Method
from registry.ports.transfers import ModelInput
from tests.adapters.loop.worlds import CLASSES, finish, image_world

TWO_LAYERS = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8}
SMALL: dict[str, dict[str, Any]] = {
    "vit": {**TWO_LAYERS, "intermediate_size": 32},
    "dinov2": {**TWO_LAYERS, "mlp_ratio": 2},
    "convnext": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2},
    "efficientnet": {"width_coefficient": 0.1, "depth_coefficient": 0.1, "hidden_dim": 128},
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "bottleneck"},
}


def hub_folder(folder: Path, kind: str) -> Path:
    """A base model as `save_pretrained` writes it, with its preprocessing."""
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(5)
    AutoModel.from_config(AutoConfig.for_model(kind, image_size=32, **SMALL[kind])).save_pretrained(folder)
    document = {"size": {"height": 32, "width": 32}, "image_mean": [0.3] * 3, "image_std": [0.3] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize("kind", SMALL)
def test_a_family_of_transformers_is_imported_probed_and_fine_tuned(kind: str, tmp_path: Path) -> None:
    from transformers import AutoModelForImageClassification

    (tmp_path / "imported").mkdir()
    importer = HuggingFaceImporter()
    converted = importer.convert(hub_folder(tmp_path / "hub", kind), tmp_path / "imported", architecture=None)
    assert converted.facts.modality is Modality.IMAGE
    architecture = str(converted.facts.architecture)
    world = image_world(tmp_path)
    parent = ModelInput(converted.folder, Digest.of(kind.encode()), "source", architecture, "test/parent/1")
    world = replace(world, source=parent)
    before = load_file(converted.folder / "model.safetensors")
    for method in (Method.FEATURE_EXTRACTION, Method.FINE_TUNING):
        done, metrics = finish(world, world.job(kind + method.value, method=method, epochs=2))
        assert 0 <= metrics["test", "accuracy"] <= 1
        child = load_image_model(done.folder, done.architecture)
        assert child.classes == CLASSES
        stock: Any = AutoModelForImageClassification.from_pretrained(done.folder).eval()
        x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(3))
        with torch.inference_mode():
            assert torch.allclose(stock(pixel_values=x).logits, child.logits(x), atol=1e-5)
        after = load_file(done.folder / "model.safetensors")
        names = [name for name in before if not name.startswith("pooler.")]  # which no classifier has
        kept = [torch.equal(after[f"{stock.base_model_prefix}.{name}"], before[name]) for name in names]
        assert all(kept) == (method is Method.FEATURE_EXTRACTION), "by the names that the parent's file has"
