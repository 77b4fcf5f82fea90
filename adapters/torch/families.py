"""Families of image architectures: how a model is built, loaded and saved.

This module has the families of our own one-file definitions, one of which builds a network from its description;
those of transformers and timm are in `stock` and `timm_models`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from adapters.heads import HeadShape
from adapters.torch.definitions import efficientnet_lite, inception, layers, resnet_thin, squeezenet, vgg
from adapters.weights.misfits import check_fit
from registry.errors import BadArtifactError

LAYERS = "layers:"
"""The beginning of an architecture whose config.json describes its layers; the rest is the name of the description."""


class Family(Protocol):
    """How one kind of architecture is saved. The children of `body` are the layers of a trunk, in order."""

    def architecture(self, shape: HeadShape | None) -> str: ...
    def body(self, trunk: nn.Module) -> nn.Module: ...
    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]: ...
    def head_prefix(self, shape: HeadShape) -> str: ...
    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]: ...
    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:
        """Newly initialised tensors for a trunk like this one, from torch's global generator."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that a family loaded from a folder. `head` and `shape` are None if it has no head of a known shape."""

    family: Family
    trunk: nn.Module
    dim: int
    head: nn.Module | None = None
    shape: HeadShape | None = None
    classes: tuple[str, ...] | None = None


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of `folder`. Raises: BadArtifactError."""
    try:
        document = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadArtifactError(f"The file config.json cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise BadArtifactError("The file config.json is not a JSON object")
    return document


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of the model.safetensors in `folder`. Raises: BadArtifactError."""
    try:
        return load_file(folder / "model.safetensors")
    except (OSError, SafetensorError) as error:
        raise BadArtifactError(f"The file model.safetensors cannot be read: {error}") from error


def class_names(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names in `id2label`, in order; None for regression, no names, or only placeholders (LABEL_0, …)."""
    labels = document.get("id2label")
    if document.get("problem_type") == "regression" or not isinstance(labels, Mapping) or not labels:
        return None
    names = tuple(str(name) for _, name in sorted(labels.items(), key=lambda item: int(item[0])))
    return None if all(name == f"LABEL_{i}" for i, name in enumerate(names)) else names


def label_maps(classes: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """`id2label` and `label2id`, as in a config.json of the Hub."""
    return {
        "id2label": {str(i): name for i, name in enumerate(classes)},
        "label2id": {name: i for i, name in enumerate(classes)},
    }


def fill(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Copy `tensors` into `module`. Raises: MisfitError naming tensors with a wrong name or shape."""
    wanted = {name: tensor.shape for name, tensor in module.state_dict().items()}
    check_fit(what, wanted, {name: tensor.shape for name, tensor in tensors.items()})
    module.load_state_dict(dict(tensors))


# --- our own definitions -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Definition:
    """The content of one file in `adapters.torch.definitions`: the network and its heads."""

    network: Callable[[nn.Module], nn.Module]
    make_head: Callable[[dict[str, Any]], nn.Module]
    dim: int
    least: int = 8
    """The smallest image side in pixels; with less, the last feature map would be empty."""


DEFINITIONS: Mapping[str, Definition] = {
    "efficientnet_lite0": Definition(
        efficientnet_lite.EfficientNetLite0, efficientnet_lite.make_head, efficientnet_lite.DIM
    ),
    "inception_v3": Definition(
        inception.InceptionV3,
        inception.make_head,
        inception.DIMS["inception_v3"],
        least=inception.LEAST["inception_v3"],
    ),
    "inception_v3_mixed4": Definition(
        partial(inception.InceptionV3, name="inception_v3_mixed4"),
        inception.make_head,
        inception.DIMS["inception_v3_mixed4"],
        inception.LEAST["inception_v3_mixed4"],
    ),
    "resnet50_thin": Definition(resnet_thin.ResNetThin, resnet_thin.make_head, resnet_thin.DIM),
    "squeezenet1_1": Definition(squeezenet.SqueezeNet, squeezenet.make_head, squeezenet.DIM),
    "vgg16": Definition(vgg.VGG16, vgg.make_head, vgg.DIM),
    "vgg16_pool4": Definition(partial(vgg.VGG16, blocks=vgg.DEPTH["vgg16_pool4"]), vgg.make_head, vgg.DIM),
}


def definition_of(document: Mapping[str, Any], architecture: str) -> Definition:
    """The definition `architecture`, or the one that builds the layers of `document`. Raises: BadArtifactError."""
    if not architecture.startswith(LAYERS):
        return DEFINITIONS[architecture]
    try:
        description, width = document["layers"], int(document["features"])
        with torch.device("meta"):
            layers.Layers(description, nn.Identity())
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadArtifactError(f"The layers in config.json cannot be built: {error}") from error
    return Definition(partial(layers.Layers, description), layers.make_head, width, _least_side(description))


def _least_side(description: Mapping[str, Any]) -> int:
    """The smallest of some sides that gets through the layers."""
    with torch.device("meta"):
        network = layers.Layers(description, nn.Identity()).eval()
        for side in (8, 16, 32, 48, 64, 75, 96, 128, 192):
            try:
                network(torch.zeros(1, 3, side, side))
            except (RuntimeError, ValueError):
                continue
            return side
    return 224


@dataclass(frozen=True, slots=True)
class OwnFamily:
    """A network of our own definitions: its `classifier` is the head, everything else the trunk.

    `described` are the keys of config.json beyond those of the head, for a network that is built from them.
    """

    name: str
    outputs: int
    definition: Definition
    described: Mapping[str, Any]

    def architecture(self, shape: HeadShape | None) -> str:  # noqa: ARG002 - the same name with any head
        return self.name

    def body(self, trunk: nn.Module) -> nn.Module:
        return trunk

    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]:  # noqa: ARG002 - as above
        return trunk.state_dict()

    def head_prefix(self, shape: HeadShape) -> str:  # noqa: ARG002 - the same prefix for any head
        return "classifier"

    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]:
        head: dict[str, object] = {"kind": "none"} if shape is None else shape.document()
        outputs = self.outputs if classes is None else len(classes)
        labels = {} if classes is None else label_maps(classes)
        named = {"architectures": [self.name], "model_type": self.name} | dict(self.described)
        return named | {"num_labels": outputs, "head": head} | labels

    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:  # noqa: ARG002 - the definition determines the trunk
        return self.definition.network(nn.Identity()).state_dict()


def load_own(folder: Path, name: str) -> Loaded:
    """Build the definition `name` and load its weights. Raises: MisfitError, BadArtifactError."""
    document, tensors = read_config(folder), read_tensors(folder)
    definition = definition_of(document, name)
    kind = (document.get("head") or {}).get("kind")
    # other kinds: no head, or the original one, which does not work on pooled features
    shape = HeadShape.from_document(document["head"]) if kind in {"linear", "mlp"} else None
    with torch.random.fork_rng(devices=[]):  # keep the random state: the weights drawn here are replaced
        whole = definition.network(definition.make_head(document))
        fill(whole, tensors, name)
        trunk = definition.network(nn.Identity())
    trunk.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("classifier.")})
    described = {key: document[key] for key in ("model_type", "features", "layers") if name.startswith(LAYERS)}
    family = OwnFamily(name, int(document.get("num_labels", 1000)), definition, described)
    if shape is None:
        return Loaded(family, trunk, definition.dim)
    classifier: Any = whole.classifier
    head = nn.Sequential(nn.Dropout(shape.dropout), classifier) if shape.kind == "linear" else classifier
    return Loaded(family, trunk, definition.dim, head, shape, class_names(document))
