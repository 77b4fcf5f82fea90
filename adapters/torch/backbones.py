"""Backbones of transformers under heads that it has no class for: every vision model and image tower of `AutoModel`.

A saved model is a `transformers_mlp`, which its one-file definition loads.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from adapters.heads import HeadShape
from adapters.inputs.preprocess import FILE, Preprocess
from adapters.stock_library import library_lacks, load_transformers, quiet
from adapters.torch.families import Loaded, class_names, fill, label_maps, read_config, read_tensors
from adapters.torch.stock import (
    FAILURES,
    MLP,
    SUCCESSORS,
    StockFamily,
    StockTrunk,
    as_saved,
    check_report,
    classifier_class,
    correct_momentum,
    load_classifier,
    settings_of,
)
from registry.errors import BadArtifactError, InvalidError

TOWERS = ("vision_model", "image_model", "vision_encoder")
"""What models of pictures and something else (texts, questions, points, boxes) call the part that sees pictures."""
USUAL_SIDE = 224


class BareTrunk(nn.Module):
    """A vision model of transformers and how its output becomes one vector for each picture, [N, D]."""

    def __init__(self, stock: nn.Module, pooling: str) -> None:
        super().__init__()
        from adapters.torch.definitions.transformers_mlp import features_of  # noqa: PLC0415 - needs transformers

        self.stock, self.pooling = stock, pooling
        self._features_of = features_of

    def forward(self, x: Tensor) -> Tensor:
        return self._features_of(self.stock, x, self.pooling)


@dataclass(frozen=True)
class BareFamily:
    """Any head is our own; without one, `from_pretrained` of the backbone's class loads a saved model."""

    backbone_class: str
    pooling: str
    dim: int
    settings: Mapping[str, Any]

    def architecture(self, shape: HeadShape | None) -> str:
        return f"transformers:{self.backbone_class}" if shape is None else MLP

    def body(self, trunk: nn.Module) -> nn.Module:
        stock: nn.Module = trunk.stock  # type: ignore[assignment]
        return stock

    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]:
        stock: Any = trunk.stock
        if shape is None:
            return as_saved(stock, stock.state_dict())
        return {f"backbone.{name}": tensor for name, tensor in stock.state_dict().items()}

    def head_prefix(self, shape: HeadShape) -> str:  # noqa: ARG002 - the same prefix for any head
        return "classifier"

    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]:
        if shape is None:
            return dict(self.settings) | {"architectures": [self.backbone_class]}
        named = {"architectures": [MLP], "model_type": MLP, "head": shape.document()}
        read = {"backbone_class": self.backbone_class, "pooling": self.pooling, "width": self.dim}
        return named | read | {"backbone": dict(self.settings)} | ({} if classes is None else label_maps(classes))

    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:  # noqa: ARG002 - the config determines the trunk
        from adapters.torch.definitions.transformers_mlp import bare  # noqa: PLC0415 - needs transformers

        return BareTrunk(bare(self.config(HeadShape(), None)), self.pooling).state_dict()


def load_stock(folder: Path) -> Loaded:
    """Load a model of transformers: with its own classifier where it has one that is one linear layer.

    Raises: InvalidError for a model that takes more than a picture, MisfitError, BadArtifactError, MissingExtraError.
    """
    transformers = load_transformers("This architecture")
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if config.model_type in SUCCESSORS:
            kept = {key: value for key, value in config.to_diff_dict().items() if key != "model_type"}
            config = transformers.AutoConfig.for_model(SUCCESSORS[config.model_type], **kept)
    except (OSError, ValueError) as error:
        raise BadArtifactError(f"The library transformers cannot read config.json: {error}") from error
    side = Preprocess.read(folder).size if (folder / FILE).is_file() else side_of(config.to_dict()) or USUAL_SIDE
    found = load_classifier(folder, config, side) if classifier_class(config) is not None else None
    return found or _load_bare(folder, config, side)


def _load_bare(folder: Path, config: Any, side: int) -> Loaded:
    transformers = load_transformers("This architecture")
    kind = transformers.models.auto.modeling_auto.MODEL_MAPPING.get(type(config), None)
    kind = kind[0] if isinstance(kind, tuple) else kind
    if kind is None or "pixel_values" not in inspect.signature(kind.forward).parameters:
        raise _none_of(config)
    try:
        with torch.random.fork_rng(devices=[]), quiet(transformers):
            whole, report = transformers.AutoModel.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, output_loading_info=True, use_safetensors=True
            )
    except ImportError as error:
        raise library_lacks(kind.__name__, error) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise BadArtifactError(f"The library transformers cannot load this folder: {error}") from error
    stock, lead, wrapper = _tower(whole, config)
    seen = {
        name: [key for key in report[name] if (key[0] if name == "mismatched_keys" else key).startswith(lead)]
        for name in ("missing_keys", "unexpected_keys", "mismatched_keys")
    }
    pooler = [key for key in seen["missing_keys"] if f".{key.removeprefix(lead)}".startswith(".pooler.")]
    check_report(stock, seen | {"missing_keys": sorted(set(seen["missing_keys"]) - set(pooler))}, "", headless=False)
    if wrapper is not None:
        stock = _wrapped(stock, wrapper, lead.removesuffix("."))
    pooling, dim = _pooling(stock.eval(), side, trained=not pooler)
    correct_momentum(stock)
    return Loaded(BareFamily(type(stock).__name__, pooling, dim, settings_of(stock)), BareTrunk(stock, pooling), dim)


def _none_of(config: Any) -> InvalidError:
    classifier = classifier_class(config)
    return InvalidError(
        f"The library transformers has no image model of type {config.model_type!r}"
        if classifier is None
        else f"The classifier {classifier.__name__} takes more than a picture, or ends in more than one linear layer",
        remedy="Choose a classifier or an encoder of pictures",
    )


def _tower(whole: Any, config: Any) -> tuple[Any, str, Any]:
    """The part of `whole` that sees pictures, how the names of its tensors begin, and the class that wraps it, if any.

    That is all of it, or one of several parts. Raises: InvalidError for a model of pictures and something else whose
    parts are not known here.
    """
    transformers = load_transformers("This architecture")
    parts = hasattr(config, "vision_config") and any(hasattr(whole, name) for name in TOWERS)
    if not parts and not hasattr(whole, "get_text_features"):
        return whole, "", None
    for name in TOWERS:
        tower = getattr(whole, name, None)
        if isinstance(tower, transformers.PreTrainedModel) and hasattr(transformers, type(tower).__name__):
            return tower, f"{name}.", None
        wrapper = getattr(transformers, f"{type(whole).__name__.removesuffix('Model')}VisionModel", None)
        if tower is not None and wrapper is not None:
            return tower, f"{name}.", wrapper
    raise _not_for_pictures(whole, "it has no image tower that can be used alone")


def _wrapped(tower: Any, wrapper: Any, name: str) -> Any:
    """`tower` inside the class of transformers that can be loaded by itself, and that calls it `name` as well."""
    with torch.random.fork_rng(devices=[]):
        model = wrapper(tower.config)
    setattr(model, name, tower)
    return model


def _pooling(stock: Any, side: int, *, trained: bool) -> tuple[str, int]:
    """How features are read, and how many there are: the backbone's own pooled output, or the mean of its last states.

    Raises: InvalidError for a model that does not give features of a picture alone.
    """
    if not trained:
        stock.pooler = None
    try:
        with torch.inference_mode():
            pooling, features = _first_read(stock, torch.zeros(2, 3, side, side))
    except FAILURES as error:
        raise _not_for_pictures(stock, str(error)) from error
    if features.ndim != 2 or len(features) != 2:
        raise _not_for_pictures(stock, f"two pictures give features of shape {tuple(features.shape)}")
    if pooling != "pooler" and getattr(stock, "pooler", None) is not None:
        stock.pooler = None
    return pooling, int(features.shape[1])


def _first_read(stock: Any, x: Tensor) -> tuple[str, Tensor]:
    """The first way of reading features that `stock` has, and what it gives for `x`."""
    from adapters.torch.definitions.transformers_mlp import STATES, features_of  # noqa: PLC0415 - needs transformers

    *first, last = STATES
    for pooling in first:
        with suppress(AttributeError, TypeError):  # it has none, or gives None
            return pooling, features_of(stock, x, pooling)
    return last, features_of(stock, x, last)


def _not_for_pictures(stock: Any, reason: str) -> InvalidError:
    return InvalidError(
        f"The model {type(stock).__name__} gives no features of a picture by itself: {reason[:300]}",
        remedy="Choose a classifier or an encoder of pictures",
    )


def side_of(config: Mapping[str, Any]) -> int | None:
    """The side of pictures in pixels that a config of transformers names; None where it names none, or several."""
    nested = (config[key] for key in ("vision_config", "image_config") if isinstance(config.get(key), Mapping))
    for document in (config, *nested):
        side = document.get("image_size")
        if isinstance(side, list | tuple) and len(set(side)) == 1:
            side = side[0]
        if isinstance(side, int):
            return side
    return None


def load_mlp(folder: Path) -> Loaded:
    """Load a model that was saved with a head of our own. Raises: MisfitError, BadArtifactError."""
    load_transformers("This architecture")
    from adapters.torch.definitions.transformers_mlp import BackboneWithHead  # noqa: PLC0415 - needs transformers

    document = read_config(folder)
    try:
        shape = HeadShape.from_document(document["head"])
        with torch.random.fork_rng(devices=[]):
            model = BackboneWithHead(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadArtifactError(f"The backbone in config.json cannot be built: {error!r}") from error
    fill(model, read_tensors(folder), MLP)
    stock: Any = model.backbone
    correct_momentum(stock)
    head = model.classifier if shape.kind == "mlp" else nn.Sequential(nn.Dropout(shape.dropout), model.classifier)
    if model.pooling is not None:
        bare = BareFamily(type(stock).__name__, model.pooling, model.dim, settings_of(stock))
        return Loaded(bare, BareTrunk(stock, model.pooling), model.dim, head, shape, class_names(document))
    family = StockFamily(type(stock.base_model).__name__, type(stock).__name__, model.head_name, settings_of(stock))
    return Loaded(family, StockTrunk(stock), model.dim, head, shape, class_names(document))
