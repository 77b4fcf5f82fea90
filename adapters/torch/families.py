"""Where image architectures come from: a family builds a trunk, and knows how its model is saved.

Here is the family of our own one-file definitions; that of transformers' vision models is in `stock`.
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
from adapters.torch.definitions import efficientnet_lite, inception, resnet_thin, squeezenet, vgg
from adapters.weights.misfits import check_fit
from registry.errors import BadArtifactError


class Family(Protocol):
    """How one kind of architecture is saved. `body` holds the layers of a trunk, in order, as its children."""

    def architecture(self, shape: HeadShape | None) -> str: ...
    def body(self, trunk: nn.Module) -> nn.Module: ...
    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]: ...
    def head_prefix(self, shape: HeadShape) -> str: ...
    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]: ...
    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:
        """The tensors of a trunk like this one, drawn anew from torch's global generator."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a family built and filled from a folder. Without a head of a known shape, `head` and `shape` are None."""

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
        raise BadArtifactError(f"config.json cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise BadArtifactError("config.json is not a JSON object")
    return document


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Every tensor of `folder`'s model.safetensors. Raises: BadArtifactError."""
    try:
        return load_file(folder / "model.safetensors")
    except (OSError, SafetensorError) as error:
        raise BadArtifactError(f"model.safetensors cannot be read: {error}") from error


def class_names(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names in `id2label`, in order; None when there are none, only placeholders (LABEL_0, …), or one number."""
    labels = document.get("id2label")
    if document.get("problem_type") == "regression" or not isinstance(labels, Mapping) or not labels:
        return None
    names = tuple(str(name) for _, name in sorted(labels.items(), key=lambda item: int(item[0])))
    return None if all(name == f"LABEL_{i}" for i, name in enumerate(names)) else names


def label_maps(classes: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """`id2label` and `label2id` as the Hub's config.json holds them."""
    return {
        "id2label": {str(i): name for i, name in enumerate(classes)},
        "label2id": {name: i for i, name in enumerate(classes)},
    }


def fill(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Copy `tensors` into `module`, every name and shape fitting. Raises: MisfitError naming those that do not."""
    wanted = {name: tensor.shape for name, tensor in module.state_dict().items()}
    check_fit(what, wanted, {name: tensor.shape for name, tensor in tensors.items()})
    module.load_state_dict(dict(tensors))


# --- our own definitions -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Definition:
    """What one file of `adapters.torch.definitions` offers: the network and the heads that its config.json may name."""

    network: Callable[[nn.Module], nn.Module]
    make_head: Callable[[dict[str, Any]], nn.Module]
    dim: int
    least: int = 8
    """Pixels a side below which nothing is left of a picture at the end."""


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


@dataclass(frozen=True, slots=True)
class OwnFamily:
    """A network of our own definitions: its `classifier` is the head, all else the trunk."""

    name: str
    outputs: int

    def architecture(self, shape: HeadShape | None) -> str:  # noqa: ARG002 - one name with any head
        return self.name

    def body(self, trunk: nn.Module) -> nn.Module:
        return trunk

    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]:  # noqa: ARG002 - as above
        return trunk.state_dict()

    def head_prefix(self, shape: HeadShape) -> str:  # noqa: ARG002 - one place for any head
        return "classifier"

    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]:
        head: dict[str, object] = {"kind": "none"} if shape is None else shape.document()
        outputs = self.outputs if classes is None else len(classes)
        labels = {} if classes is None else label_maps(classes)
        return {"architectures": [self.name], "model_type": self.name, "num_labels": outputs, "head": head} | labels

    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:  # noqa: ARG002 - the name says it all
        return DEFINITIONS[self.name].network(nn.Identity()).state_dict()


def load_own(folder: Path, name: str) -> Loaded:
    """Build the definition `name` and fill it. Raises: MisfitError, BadArtifactError."""
    document, tensors, definition = read_config(folder), read_tensors(folder), DEFINITIONS[name]
    kind = (document.get("head") or {}).get("kind")
    # none; or the original one, which does not follow from pooled features
    shape = HeadShape.from_document(document["head"]) if kind in {"linear", "mlp"} else None
    with torch.random.fork_rng(devices=[]):  # building draws random numbers that the weights replace
        whole = definition.network(definition.make_head(document))
        fill(whole, tensors, name)
        trunk = definition.network(nn.Identity())
    trunk.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("classifier.")})
    family = OwnFamily(name, int(document.get("num_labels", 1000)))
    if shape is None:
        return Loaded(family, trunk, definition.dim)
    classifier: Any = whole.classifier
    head = nn.Sequential(nn.Dropout(shape.dropout), classifier) if shape.kind == "linear" else classifier
    return Loaded(family, trunk, definition.dim, head, shape, class_names(document))
