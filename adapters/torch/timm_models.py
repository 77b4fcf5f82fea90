"""Image models of timm. Optional: timm needs torchvision, which does not work with a CPU-only build of torch.

A folder has the same form as timm's on the Hub (its config.json and its tensor names), so that
`timm.create_model("local-dir:FOLDER", pretrained=True)` loads it, and the transforms that timm makes of its
`pretrained_cfg` prepare pictures as in training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from adapters.heads import HeadShape
from adapters.inputs.preprocess import Preprocess
from adapters.torch.families import Loaded, class_names, fill, label_maps, read_config, read_tensors
from adapters.weights.misfits import check_fit
from registry.errors import BadArtifactError, InvalidError, MissingExtraError

TIMM = "timm:"
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class TimmFamily:
    """A timm model; its classifier is removed when it is loaded and added again when it is saved."""

    name: str
    classifier: str
    dim: int
    settings: Mapping[str, Any]
    """Of timm's `pretrained_cfg`, what does not depend on the pictures: the names of the first and the last layer, …"""
    arguments: Mapping[str, Any]
    """The `model_args` of config.json, with which timm builds the model."""

    def architecture(self, shape: HeadShape | None) -> str:
        if shape is not None and (shape.kind != "linear" or shape.reads):
            raise InvalidError(
                "A timm model supports only a linear head after its last layer",
                remedy="Set the head's kind to linear, and leave params.layer out",
            )
        return f"{TIMM}{self.name}"

    def body(self, trunk: nn.Module) -> nn.Module:
        return trunk

    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]:  # noqa: ARG002 - the same with any head
        return trunk.state_dict()

    def head_prefix(self, shape: HeadShape) -> str:  # noqa: ARG002 - the same with any head
        return self.classifier

    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]:
        outputs = 0 if shape is None else len(classes or ())
        settings = dict(self.settings) | {"num_classes": outputs}
        document: dict[str, Any] = {"architecture": self.name, "num_classes": outputs, "num_features": self.dim}
        document |= {"pretrained_cfg": settings} | ({"model_args": dict(self.arguments)} if self.arguments else {})
        return document | ({"label_names": list(classes)} | label_maps(classes) if classes else {})

    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:
        size = getattr(trunk, "pretrained_cfg", {}).get("input_size")
        document = {"model_args": self.arguments} | ({"pretrained_cfg": {"input_size": size}} if size else {})
        state: dict[str, Tensor] = build(self.name, 0, document)[0].state_dict()
        return state


def load_timm(folder: Path, architecture: str) -> Loaded:
    """Load the timm model in `folder`. Raises: MissingExtraError, MisfitError, InvalidError, BadArtifactError."""
    document, tensors = read_config(folder), read_tensors(folder)
    name, names = architecture.removeprefix(TIMM), class_names(document)
    outputs = int(document.get("num_classes", 0))
    with torch.random.fork_rng(devices=[]):
        module, classifier = build(name, outputs, document)
    fill(module, tensors, architecture)
    head = module.get_submodule(classifier) if outputs else None
    if head is not None and not isinstance(head, nn.Linear):
        raise InvalidError(f"The head of {architecture} is not one linear layer", remedy="Choose another source")
    module.reset_classifier(0)
    family = _family(name, classifier, module, document)
    if head is None:
        return Loaded(family, module, family.dim)
    if names is not None and len(names) != outputs:
        raise BadArtifactError("In config.json, the number of class names differs from num_classes")
    return Loaded(family, module, family.dim, nn.Sequential(nn.Dropout(0.0), head), HeadShape(), names)


def load_by_timm(folder: Path) -> Callable[[Image.Image], Tensor]:
    """The model of `folder` as stock timm loads it, with the transforms that its own config asks for."""
    timm = _timm()
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)

    def scores(picture: Image.Image) -> Tensor:
        found: Tensor = model(transform(picture).unsqueeze(0))
        return found

    return scores


def build(name: str, outputs: int, document: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """The timm model `name` with random weights, and the name of its classifier; sized as a config.json says.

    Raises: MissingExtraError, InvalidError.
    """
    timm, settings = _timm(), dict(document or {})
    if not timm.is_model(name):
        raise InvalidError(f"The library timm has no model {name[:80]!r}", remedy="See timm.list_models()")
    own = settings.get("pretrained_cfg")
    overlay = {"input_size": tuple(own["input_size"])} if isinstance(own, Mapping) and "input_size" in own else None
    try:
        module = timm.create_model(
            name,
            pretrained=False,
            num_classes=outputs,
            pretrained_cfg_overlay=overlay,
            **_arguments(settings),
        )
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise InvalidError(f"The library timm cannot build {name} as config.json asks: {error}") from error
    classifier = module.pretrained_cfg.get("classifier")
    if not isinstance(classifier, str):
        raise InvalidError(f"The timm model {name} has more than one head", remedy="Choose another source")
    return module, classifier


def fit_timm(
    architecture: str, shapes: Shapes, document: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """config.json and preprocessor_config.json for the weights, and whether they include a head.

    `document` is the config.json that came with them; without one, the size of pictures and their normalisation are
    those of the name. Raises: MissingExtraError, InvalidError, MisfitError, BadArtifactError.
    """
    name = architecture.removeprefix(TIMM)
    with torch.device("meta"):
        classifier = build(name, 0, document)[1]
        bias = shapes.get(f"{classifier}.bias", (0,))
        module, _ = build(name, bias[0], document)
    check_fit(architecture, {key: tuple(t.shape) for key, t in module.state_dict().items()}, shapes)
    settings = module.pretrained_cfg | dict((document or {}).get("pretrained_cfg") or {})
    preprocess = preprocess_of(settings)
    config = _family(name, classifier, module, document).config(None, None) | {"num_classes": bias[0]}
    config["pretrained_cfg"] |= {"num_classes": bias[0]} | pretrained_cfg(preprocess)
    labels = (document or {}).get("label_names")
    if isinstance(labels, list) and len(labels) == bias[0] > 0:
        config |= {"label_names": labels} | label_maps(tuple(map(str, labels)))
    return config, preprocess.document(), bias[0] > 0


def _family(name: str, classifier: str, module: Any, document: Mapping[str, Any] | None) -> TimmFamily:
    kept = ("fixed_input_size", "pool_size", "first_conv", "classifier")
    settings = {key: module.pretrained_cfg[key] for key in kept if key in module.pretrained_cfg}
    dim = int(getattr(module, "head_hidden_size", None) or module.num_features)
    return TimmFamily(name, classifier, dim, settings, _arguments(document or {}))


def _arguments(document: Mapping[str, Any]) -> dict[str, Any]:
    """The `model_args` of a config.json, but for the number of classes, which changes with the head."""
    found = document.get("model_args") or {}
    return {key: value for key, value in dict(found).items() if key != "num_classes"}


def preprocess_of(settings: Mapping[str, Any]) -> Preprocess:
    """The preprocessing that a `pretrained_cfg` asks for, as timm's own transforms do it. Raises: BadArtifactError."""
    try:
        side, mode = int(settings["input_size"][-1]), settings.get("crop_mode") or "center"
        share = float(settings.get("crop_pct") or 1.0)
        mean, std = (tuple(map(float, settings[key])) for key in ("mean", "std"))
        filters = {one.name.lower(): one.value for one in Image.Resampling}
        squashed = mode == "squash" and share == 1.0
        return Preprocess(
            size=side,
            mean=(mean[0], mean[1], mean[2]),
            std=(std[0], std[1], std[2]),
            resample=filters.get(str(settings.get("interpolation")), filters["bicubic"]),
            resize=None if squashed else math.floor(side / share),
            even=True,
        )
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise BadArtifactError(f"The pretrained_cfg in config.json cannot be read: {error!r}") from error


def pretrained_cfg(preprocess: Preprocess) -> dict[str, Any]:
    """The keys of a `pretrained_cfg` with which timm's own transforms do what `preprocess` does.

    timm scales bytes to 0 … 1 before it normalises, so another scale goes into mean and deviation.
    Raises: InvalidError for reversed channels, which timm does not know.
    """
    if preprocess.bgr:
        raise InvalidError("The transforms of timm cannot reverse the channels", remedy="Choose another source")
    unit = preprocess.rescale * 255
    return {
        "input_size": [3, preprocess.size, preprocess.size],
        "interpolation": preprocess.interpolation,
        "mean": [value / unit for value in preprocess.mean],
        "std": [value / unit for value in preprocess.std],
        "crop_pct": 1.0 if preprocess.resize is None else _share(preprocess.size, preprocess.resize),
        "crop_mode": "squash" if preprocess.resize is None else "center",
    }


def _share(size: int, resize: int) -> float:
    """The share for which timm's floor(size / share) is `resize`."""
    exact = size / resize
    return exact if math.floor(size / exact) == resize else size / (resize + 0.5)


def _timm() -> Any:
    try:
        import timm  # noqa: PLC0415 - an optional library
    except (ImportError, RuntimeError) as error:
        raise MissingExtraError(
            f"This model needs timm, which cannot be imported: {str(error).splitlines()[0]}",
            remedy='Run: pip install "forebear[timm]", on a machine where torchvision can be imported',
        ) from error
    return timm
