"""Image models with random weights, small enough to run quickly: tests of the code, not of accuracy."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from adapters.torch.families import DEFINITIONS
from adapters.torch.models import ImageModel, load_image_model


def own_model(folder: Path, architecture: str) -> ImageModel:
    """One of our own definitions: SqueezeNet with its original head, the others without one."""
    source = folder / "made"
    source.mkdir()
    torch.manual_seed(2)
    kind = "convolution" if architecture == "squeezenet1_1" else "none"
    config = {"model_type": architecture, "num_labels": 9, "head": {"kind": kind}}
    definition = DEFINITIONS[architecture]
    network = definition.network(definition.make_head(config))
    save_file(network.state_dict(), source / "model.safetensors")
    (source / "config.json").write_text(json.dumps(config))
    return load_image_model(source, architecture)


def vision_transformer(folder: Path) -> Path:
    """A ViT of transformers with three blocks of width 16."""
    from transformers import ViTConfig, ViTModel

    from adapters.transformers.models import quiet

    torch.manual_seed(5)
    shape = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    with quiet():
        ViTModel(ViTConfig(image_size=24, patch_size=8, **shape), add_pooling_layer=False).save_pretrained(folder)
    document = {"size": {"height": 24, "width": 24}, "image_mean": [0.3] * 3, "image_std": [0.3] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(document))
    return folder
