"""Image models of transformers: built by its classes, and saved so that its classes can load them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from adapters.heads import HeadShape
from adapters.stock_library import load_transformers, quiet
from adapters.torch.families import Loaded, class_names, fill, label_maps, read_config, read_tensors
from adapters.weights.misfits import misfit
from registry.errors import BadArtifactError, InvalidError

MLP = "transformers_mlp"
"""The architecture of a transformers backbone with a head that transformers has no class for.

Such a head has a hidden layer, or reads inside the backbone.
"""


class StockTrunk(nn.Module):
    """A transformers image classifier without its last layer: images to the input of that layer, [N, D]."""

    def __init__(self, stock: nn.Module) -> None:
        super().__init__()
        self.stock = stock

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.stock(pixel_values=x).logits
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
        return MLP if _has_own_head(shape) else f"transformers:{self.head_class}"

    def body(self, trunk: nn.Module) -> nn.Module:
        stock: Any = trunk.stock
        base: nn.Module = getattr(stock, stock.base_model_prefix)
        return base

    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]:
        stock: Any = trunk.stock
        state = stock.state_dict()
        if shape is not None and _has_own_head(shape):  # `transformers_mlp.py` loads these, by the names of modules
            return {f"backbone.{name}": tensor for name, tensor in state.items()}
        lead = "" if shape is not None else f"{stock.base_model_prefix}."
        return {name.removeprefix(lead): tensor for name, tensor in as_saved(stock, state).items()}

    def head_prefix(self, shape: HeadShape) -> str:
        return "classifier" if _has_own_head(shape) else self.head_name

    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]:
        labels = {} if classes is None else label_maps(classes)
        settings = dict(self.settings) | {"architectures": [self.base_class if shape is None else self.head_class]}
        unlabelled = {key: value for key, value in settings.items() if key not in {"id2label", "label2id"}}
        if shape is None:
            return unlabelled
        if _has_own_head(shape):
            named = {"architectures": [MLP], "model_type": MLP}
            return named | {"backbone": unlabelled, "head": shape.document()} | labels
        if "classifier_dropout_prob" in settings:
            settings["classifier_dropout_prob"] = shape.dropout
        return settings | labels

    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:
        stock: Any = trunk.stock
        new = type(stock)(stock.config)
        new.classifier = nn.Identity()
        return StockTrunk(new).state_dict()


def _has_own_head(shape: HeadShape) -> bool:
    """True for a head that transformers has no class for."""
    return shape.kind != "linear" or bool(shape.reads)


def as_saved(stock: Any, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the names that `save_pretrained` writes, which are those on the Hub (module names are newer).

    So a child has the same tensor names as its parent, and older versions of transformers can load it.
    """
    from transformers.core_model_loading import revert_weight_conversion  # noqa: PLC0415 - needs transformers

    found: dict[str, Tensor] = revert_weight_conversion(stock, dict(state))
    return found


def load_stock(folder: Path) -> Loaded:
    """Load a model. Raises: InvalidError if transformers has no such classifier, MisfitError, BadArtifactError."""
    transformers = load_transformers("This architecture")
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if type(config) not in transformers.models.auto.modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING:
            raise InvalidError(f"The library transformers has no image classifier for {config.model_type!r} models")
        with torch.random.fork_rng(devices=[]), quiet(transformers):
            stock, report = transformers.AutoModelForImageClassification.from_pretrained(
                folder,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                local_files_only=True,
                output_loading_info=True,
                use_safetensors=True,
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise BadArtifactError(f"The library transformers cannot load this folder: {error}") from error
    head_name, linear = _classifier(stock)
    headless = report["missing_keys"] == {f"{head_name}.{k}" for k in linear.state_dict()}
    missing = [] if headless else sorted(report["missing_keys"])
    misshapen = sorted(f"{n}: {list(a)} instead of {list(b)}" for n, a, b in report["mismatched_keys"])
    pooler = ("pooler.", f"{stock.base_model_prefix}.pooler.")  # base models have a pooler that classifiers do not use
    unexpected = sorted(name for name in report["unexpected_keys"] if not name.startswith(pooler))
    if missing or unexpected or misshapen:
        raise misfit(type(stock).__name__, missing, unexpected, misshapen)
    return _split(stock, linear, head_name, headless=headless)


def load_mlp(folder: Path) -> Loaded:
    """Load a model that was saved with a head of our own. Raises: MisfitError, BadArtifactError."""
    load_transformers("This architecture")
    from adapters.torch.definitions.transformers_mlp import BackboneWithHead  # noqa: PLC0415 - needs transformers

    document = read_config(folder)
    try:
        shape = HeadShape.from_document(document["head"])
        with torch.random.fork_rng(devices=[]):
            model = BackboneWithHead(document)
    except (KeyError, TypeError, ValueError) as error:
        raise BadArtifactError(f"The backbone in config.json cannot be built: {error!r}") from error
    fill(model, read_tensors(folder), MLP)
    stock: Any = model.backbone
    _correct_momentum(stock)
    base_class, head_class = type(getattr(stock, stock.base_model_prefix)).__name__, type(stock).__name__
    family = StockFamily(base_class, head_class, model.head_name, _settings(stock))
    head = model.classifier if shape.kind == "mlp" else nn.Sequential(nn.Dropout(shape.dropout), model.classifier)
    return Loaded(family, StockTrunk(stock), model.dim, head, shape, class_names(document))


def _split(stock: Any, linear: nn.Linear, head_name: str, *, headless: bool) -> Loaded:
    settings = _settings(stock)
    shape = None if headless else HeadShape(dropout=float(settings.get("classifier_dropout_prob", 0.0)))
    head = None if shape is None else nn.Sequential(nn.Dropout(shape.dropout), linear)
    stock.classifier = nn.Identity()
    for child in stock.children():
        if isinstance(child, nn.Dropout):  # here, dropout before the last layer belongs to the head
            child.p = 0.0
    _correct_momentum(stock)
    base_class = type(getattr(stock, stock.base_model_prefix)).__name__
    family = StockFamily(base_class, type(stock).__name__, head_name, settings)
    classes = None if headless else class_names(stock.config.to_dict())
    return Loaded(family, StockTrunk(stock), linear.in_features, head, shape, classes)


def _settings(stock: Any) -> dict[str, Any]:
    """The config as transformers writes it, without its path: values that differ from the defaults, and the dropout."""
    settings: dict[str, Any] = stock.config.to_diff_dict()
    settings.pop("_name_or_path", None)
    if hasattr(stock.config, "classifier_dropout_prob"):
        settings["classifier_dropout_prob"] = stock.config.classifier_dropout_prob
    return settings


def _classifier(stock: nn.Module) -> tuple[str, nn.Linear]:
    """Name and module of the layer from features to scores. Raises: InvalidError if it is not one linear layer."""
    classifier = getattr(stock, "classifier", None)
    if isinstance(classifier, nn.Linear):
        return "classifier", classifier
    if isinstance(classifier, nn.Sequential):
        *before, last = classifier.children()
        if isinstance(last, nn.Linear) and not any(True for layer in before for _ in layer.parameters()):
            return f"classifier.{len(before)}", last
    raise InvalidError(f"The head of {type(stock).__name__} is not one linear layer", remedy="Choose another source")


def _correct_momentum(module: nn.Module) -> None:
    """Convert TensorFlow's BatchNorm decay to PyTorch's momentum.

    PyTorch's momentum is the weight of the *new* batch. MobileNet in transformers sets it to TensorFlow's decay
    (0.997), with which a single training batch would replace the statistics of ImageNet.
    """
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d) and norm.momentum is not None and norm.momentum > 0.5:
            norm.momentum = round(1 - norm.momentum, 6)
