"""Image classifiers of transformers: built by its classes, and saved so that its classes can load them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from adapters.heads import HeadShape
from adapters.stock_library import load_transformers, quiet
from adapters.torch.families import Loaded, class_names, label_maps
from adapters.weights.misfits import misfit
from registry.errors import BadArtifactError

MLP = "transformers_mlp"
"""The architecture of a transformers backbone with a head that transformers has no class for.

Such a head has a hidden layer, or reads inside the backbone, or the backbone has no classifier of its own.
"""
SUCCESSORS = {"vit_mae": "vit"}
"""Model types that are loaded as another type, which reads the same tensors: the encoder of an MAE is a ViT, and the
class `ViTMAEModel` would leave out three quarters of each picture at random."""


FAILURES = (ValueError, RuntimeError, TypeError, AttributeError, IndexError, AssertionError)
"""What a model of transformers raises when a picture is not what it takes."""


class StockTrunk(nn.Module):
    """A transformers image classifier without its last layer: images to the input of that layer, [N, D]."""

    def __init__(self, stock: nn.Module) -> None:
        super().__init__()
        self.stock = stock

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.stock(pixel_values=x)[0]
        return features.flatten(1)


@dataclass(frozen=True)
class StockFamily:
    """Saved models load with `from_pretrained` of transformers; with a head of our own, with `transformers_mlp.py`."""

    base_class: str
    head_class: str
    head_name: str
    settings: Mapping[str, Any]

    def architecture(self, shape: HeadShape | None) -> str:
        if shape is None:
            return f"transformers:{self.base_class}"
        return MLP if has_own_head(shape) else f"transformers:{self.head_class}"

    def body(self, trunk: nn.Module) -> nn.Module:
        stock: Any = trunk.stock
        base: nn.Module = stock.base_model
        return base

    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]:
        stock: Any = trunk.stock
        state = stock.state_dict()
        if shape is not None and has_own_head(shape):  # `transformers_mlp.py` loads these, by the names of modules
            return {f"backbone.{name}": tensor for name, tensor in state.items()}
        lead = "" if shape is not None else f"{stock.base_model_prefix}."
        return {name.removeprefix(lead): tensor for name, tensor in as_saved(stock, state).items()}

    def head_prefix(self, shape: HeadShape) -> str:
        return "classifier" if has_own_head(shape) else self.head_name

    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]:
        labels = {} if classes is None else label_maps(classes)
        settings = dict(self.settings) | {"architectures": [self.base_class if shape is None else self.head_class]}
        unlabelled = {key: value for key, value in settings.items() if key not in {"id2label", "label2id"}}
        if shape is None:
            return unlabelled
        if has_own_head(shape):
            named = {"architectures": [MLP], "model_type": MLP}
            return named | {"backbone": unlabelled, "head": shape.document()} | labels
        if "classifier_dropout_prob" in settings:
            settings["classifier_dropout_prob"] = shape.dropout
        if labels and "num_labels" in settings:  # PVT writes the number too, and believes it more than the names
            settings["num_labels"] = len(labels["id2label"])
        return settings | labels

    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:
        from adapters.torch.definitions.transformers_mlp import drop_head  # noqa: PLC0415 - needs transformers

        stock: Any = trunk.stock
        new = type(stock)(stock.config)
        drop_head(new, self.head_name)
        return StockTrunk(new).state_dict()


def has_own_head(shape: HeadShape) -> bool:
    """True for a head that transformers has no class for."""
    return shape.kind != "linear" or bool(shape.reads)


def as_saved(stock: Any, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the names that `save_pretrained` writes, which are those on the Hub (module names are newer).

    So a child has the same tensor names as its parent, and older versions of transformers can load it.
    """
    from transformers.core_model_loading import revert_weight_conversion  # noqa: PLC0415 - needs transformers

    found: dict[str, Tensor] = revert_weight_conversion(stock, dict(state))
    return found


def load_classifier(folder: Path, config: Any, side: int) -> Loaded | None:
    """Load a model as the image classifier of its type, for pictures of `side` pixels.

    None where its head is not one linear layer, where it takes more than a picture, or where the folder has the
    backbone alone and the class needs more than that and a head. Raises: MisfitError, BadArtifactError.
    """
    transformers = load_transformers("This architecture")
    from adapters.torch.definitions.transformers_mlp import last_layer  # noqa: PLC0415 - needs transformers

    kind = classifier_class(config)
    try:
        with torch.device("meta"):
            last_layer(kind(config))
    except (ValueError, TypeError, AttributeError, ImportError):
        return None
    try:
        with torch.random.fork_rng(devices=[]), quiet(transformers):
            stock, report = kind.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                local_files_only=True,
                output_loading_info=True,
                use_safetensors=True,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise BadArtifactError(f"The library transformers cannot load this folder: {error}") from error
    if not _classifies(stock.eval(), side):
        return None
    head_name, linear = last_layer(stock)
    new = {f"{head_name}.{k}" for k in linear.state_dict()}
    headless = new <= set(report["missing_keys"])
    if headless and (more := set(report["missing_keys"]) - new):
        if all(_before_the_head(stock, name) for name in more):
            return None  # such as a last normalisation, which only files with a head have
        headless = False
    check_report(stock, report, head_name, headless=headless)
    return _split(stock, linear, head_name, headless=headless)


def classifier_class(config: Any) -> Any:
    """The class of transformers that classifies pictures with models of this config; None if there is none."""
    transformers = load_transformers("This architecture")
    classes = transformers.models.auto.modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING.get(type(config), None)
    return classes[0] if isinstance(classes, tuple) else classes


def _before_the_head(stock: Any, name: str) -> bool:
    """True for a tensor that a classifier has between its backbone and its last layer."""
    prefix = f"{stock.base_model_prefix}."
    return ".pooler." in f".{name}" or (stock.base_model is not stock and not name.startswith(prefix))


def _classifies(stock: Any, side: int) -> bool:
    try:
        with torch.inference_mode():
            found: Tensor = stock(pixel_values=torch.zeros(2, 3, side, side))[0]
    except FAILURES:
        return False
    return found.ndim == 2 and len(found) == 2


def check_report(stock: Any, report: Mapping[str, Any], head_name: str, *, headless: bool) -> None:
    """Refuse weights that lack, or have more than, what `stock` computes with.

    A file may hold more beside the backbone: another head, the decoder of an MAE, the text tower of a CLIP.
    Raises: MisfitError.
    """
    base, prefix = getattr(stock, "base_model", stock), f"{getattr(stock, 'base_model_prefix', '')}."
    parts = {name for name, _ in base.named_children() if name != head_name.partition(".")[0]}
    missing = [] if headless else sorted(report["missing_keys"])
    misshapen = sorted(f"{n}: {list(a)} instead of {list(b)}" for n, a, b in report["mismatched_keys"])
    unexpected = sorted(
        name for name in report["unexpected_keys"] if name.removeprefix(prefix).partition(".")[0] in parts
    )
    if missing or unexpected or misshapen:
        raise misfit(type(stock).__name__, missing, unexpected, misshapen)


def _split(stock: Any, linear: nn.Linear, head_name: str, *, headless: bool) -> Loaded:
    from adapters.torch.definitions.transformers_mlp import drop_head  # noqa: PLC0415 - needs transformers

    settings = settings_of(stock)
    shape = None if headless else HeadShape(dropout=float(settings.get("classifier_dropout_prob", 0.0)))
    head = None if shape is None else nn.Sequential(nn.Dropout(shape.dropout), linear)
    drop_head(stock, head_name)
    correct_momentum(stock)
    family = StockFamily(type(stock.base_model).__name__, type(stock).__name__, head_name, settings)
    classes = None if headless else class_names(stock.config.to_dict())
    return Loaded(family, StockTrunk(stock), linear.in_features, head, shape, classes)


def settings_of(stock: Any) -> dict[str, Any]:
    """The config as transformers writes it, without its path: values that differ from the defaults, and the dropout."""
    settings: dict[str, Any] = stock.config.to_diff_dict()
    settings.pop("_name_or_path", None)
    if hasattr(stock.config, "classifier_dropout_prob"):
        settings["classifier_dropout_prob"] = stock.config.classifier_dropout_prob
    return settings


def correct_momentum(module: nn.Module) -> None:
    """Convert TensorFlow's BatchNorm decay to PyTorch's momentum.

    PyTorch's momentum is the weight of the *new* batch. MobileNet in transformers sets it to TensorFlow's decay
    (0.997), with which a single training batch would replace the statistics of ImageNet.
    """
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d) and norm.momentum is not None and norm.momentum > 0.5:
            norm.momentum = round(1 - norm.momentum, 6)
