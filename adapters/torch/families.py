"""Where image architectures come from: transformers' own vision models, and our one-file definitions.

A family knows how its trunk is built, which names its tensors are saved under, and what its config.json says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from adapters.torch.definitions import efficientnet_lite
from adapters.torch.heads import HeadShape
from registry.errors import BadArtifactError, InvalidError, MisfitError, MissingExtraError


class Family(Protocol):
    """How one kind of architecture is saved. `body` holds the layers of a trunk, in order, as its children."""

    def architecture(self, shape: HeadShape | None) -> str: ...
    def body(self, trunk: nn.Module) -> nn.Module: ...
    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]: ...
    def head_prefix(self, shape: HeadShape) -> str: ...
    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a family built and filled from a folder."""

    family: Family
    trunk: nn.Module
    dim: int
    head: nn.Module | None
    shape: HeadShape | None
    classes: tuple[str, ...] | None


def load_family(folder: Path, architecture: str) -> Loaded:
    """Raises: InvalidError for an architecture that is no image model's, MisfitError, BadArtifactError."""
    document = read_config(folder)
    if architecture == "efficientnet_lite0":
        return _load_own(folder, document)
    if architecture.startswith("transformers:"):
        return _load_stock(folder)
    raise InvalidError(
        f"{architecture!r} is not an image architecture that is known here",
        remedy="Use efficientnet_lite0, squeezenet1_1, or transformers:<Class> with its config.json",
    )


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of `folder`. Raises: BadArtifactError."""
    try:
        document = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadArtifactError(f"config.json cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise BadArtifactError("config.json is not a JSON object")
    return document


def class_names(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The names in `id2label`, in order; None when there are none, or only the placeholders LABEL_0, LABEL_1, …"""
    labels = document.get("id2label")
    if not isinstance(labels, Mapping) or not labels:
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
    wanted = module.state_dict()
    missing = sorted(wanted.keys() - tensors.keys())
    left_over = sorted(tensors.keys() - wanted.keys())
    misshapen = [
        f"{name}: {list(tensors[name].shape)} instead of {list(wanted[name].shape)}"
        for name in sorted(wanted.keys() & tensors.keys())
        if tensors[name].shape != wanted[name].shape
    ]
    if missing or left_over or misshapen:
        raise misfit(what, missing, left_over, misshapen)
    module.load_state_dict(dict(tensors))


def misfit(what: str, missing: list[str], left_over: list[str], misshapen: list[str]) -> MisfitError:
    """One error that counts and names the tensors that do not fit."""
    parts = [
        f"{len(names)} {word} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for word, names in (("missing", missing), ("left over", left_over), ("misshapen", misshapen))
        if names
    ]
    return MisfitError(
        f"the weights do not fit {what}: " + "; ".join(parts),
        remedy="Name the architecture that these weights were made for",
        facts={"missing": missing, "left_over": left_over, "misshapen": misshapen},
    )


# --- our own definitions -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnFamily:
    """A network of `adapters.torch.definitions`: its `classifier` is the head, all else the trunk."""

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


def _load_own(folder: Path, document: dict[str, Any]) -> Loaded:
    head_document = document.get("head") or {"kind": "linear"}
    headed = head_document.get("kind") != "none"
    shape = HeadShape.from_document(head_document) if headed else None
    outputs = int(document.get("num_labels", 1000))
    with torch.random.fork_rng(devices=[]):  # building draws random numbers that the weights replace
        trunk = efficientnet_lite.EfficientNetLite0(nn.Identity())
        head = shape.build(trunk.dim, outputs) if shape is not None else None
        whole = efficientnet_lite.EfficientNetLite0(efficientnet_lite.make_head(document))
    tensors = load_file(folder / "model.safetensors")
    fill(whole, tensors, "efficientnet_lite0")
    trunk.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("classifier.")})
    if shape is not None and head is not None:
        shape.fill(head, tensors, "classifier")
    family = OwnFamily("efficientnet_lite0", outputs)
    return Loaded(family, trunk, trunk.dim, head, shape, class_names(document))


# --- transformers --------------------------------------------------------------------------------------------------


class StockTrunk(nn.Module):
    """A transformers image classifier whose classifier was taken off: pictures to its input, [N, D]."""

    def __init__(self, stock: nn.Module) -> None:
        super().__init__()
        self.stock = stock

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.stock(pixel_values=x).logits
        return features.flatten(1)


@dataclass(frozen=True)
class StockFamily:
    """A model of transformers, saved so that stock `AutoModelForImageClassification.from_pretrained` loads it."""

    base_class: str
    head_class: str
    head_name: str
    settings: Mapping[str, Any]

    def architecture(self, shape: HeadShape | None) -> str:
        if shape is None:
            return f"transformers:{self.base_class}"
        return f"transformers:{self.head_class}" if shape.kind == "linear" else f"transformers+mlp:{self.head_class}"

    def body(self, trunk: nn.Module) -> nn.Module:
        stock: Any = trunk.stock
        base: nn.Module = getattr(stock, stock.base_model_prefix)
        return base

    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]:
        stock: Any = trunk.stock
        cut = f"{stock.base_model_prefix}." if shape is None else ""
        return {name.removeprefix(cut): tensor for name, tensor in stock.state_dict().items()}

    def head_prefix(self, shape: HeadShape) -> str:
        return self.head_name if shape.kind == "linear" else "classifier"

    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]:
        document = dict(self.settings) | {"architectures": [self.base_class if shape is None else self.head_class]}
        if classes is not None:
            document |= label_maps(classes)
        if shape is not None and "classifier_dropout_prob" in document:
            document["classifier_dropout_prob"] = shape.dropout
        return document


def _load_stock(folder: Path) -> Loaded:
    transformers = _transformers()
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        kinds = transformers.models.auto.modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING
        if type(config) not in kinds:
            raise InvalidError(f"transformers has no image classifier for {config.model_type!r} models")
        with torch.random.fork_rng(devices=[]), _quiet(transformers):
            stock, report = transformers.AutoModelForImageClassification.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True, dtype=torch.float32
            )
    except (OSError, ValueError, RuntimeError) as error:
        raise BadArtifactError(f"transformers cannot load this folder: {error}") from error
    head_name, linear = _classifier(stock)
    headless = sorted(report["missing_keys"]) == sorted(f"{head_name}.{k}" for k in linear.state_dict())
    missing = [] if headless else sorted(report["missing_keys"])
    misshapen = [f"{name}: {list(a)} instead of {list(b)}" for name, a, b in report["mismatched_keys"]]
    if missing or report["unexpected_keys"] or misshapen:
        raise misfit(type(stock).__name__, missing, sorted(report["unexpected_keys"]), misshapen)
    return _split_stock(stock, linear, head_name, headless=headless)


def _split_stock(stock: Any, linear: nn.Linear, head_name: str, *, headless: bool) -> Loaded:
    settings = stock.config.to_diff_dict()
    settings.pop("_name_or_path", None)
    shape = None if headless else HeadShape(dropout=float(settings.get("classifier_dropout_prob", 0.0)))
    if "classifier_dropout_prob" in stock.config.to_dict():
        settings["classifier_dropout_prob"] = stock.config.classifier_dropout_prob
    head = None if shape is None else nn.Sequential(nn.Dropout(shape.dropout), linear)
    stock.classifier = nn.Identity()
    for child in stock.children():
        if isinstance(child, nn.Dropout):  # dropout before the last layer belongs to the head here
            child.p = 0.0
    _mend_momentum(stock)
    base_class = type(getattr(stock, stock.base_model_prefix)).__name__
    family = StockFamily(base_class, type(stock).__name__, head_name, settings)
    classes = None if headless else class_names(stock.config.to_dict())
    return Loaded(family, StockTrunk(stock), linear.in_features, head, shape, classes)


def _classifier(stock: nn.Module) -> tuple[str, nn.Linear]:
    """The name and the layer that turns features into scores. Raises: InvalidError when there is no single one."""
    classifier = getattr(stock, "classifier", None)
    if isinstance(classifier, nn.Linear):
        return "classifier", classifier
    if isinstance(classifier, nn.Sequential):
        *before, last = classifier.children()
        if isinstance(last, nn.Linear) and not any(True for layer in before for _ in layer.parameters()):
            return f"classifier.{len(before)}", last
    raise InvalidError(f"the head of {type(stock).__name__} is not one linear layer", remedy="Choose another source")


def _mend_momentum(module: nn.Module) -> None:
    """Turn a decay written as a momentum into the momentum it means.

    PyTorch's BatchNorm momentum is the share of the *new* batch; MobileNet in transformers gives TensorFlow's decay
    (0.997) there, so that one training batch would wipe out the statistics of ImageNet.
    """
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d) and norm.momentum is not None and norm.momentum > 0.5:
            norm.momentum = round(1 - norm.momentum, 6)


def _transformers() -> Any:
    try:
        import transformers  # noqa: PLC0415 - own definitions need torch alone
    except ImportError as error:
        raise MissingExtraError(
            f"transformers does not import: {error}", remedy="Install it with: pip install 'forebear[transformers]'"
        ) from error
    return transformers


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """No progress bar and no table of missing tensors: what does not fit is raised as one error instead."""
    log = transformers.utils.logging
    before, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(before)
        if bars:
            log.enable_progress_bar()
