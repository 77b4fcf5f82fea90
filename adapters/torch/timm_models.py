"""Image models of timm, where it imports: it needs torchvision, which has no build for a CPU-only torch.

A folder holds what timm keeps on the Hub: its config.json, and tensors under its own names, so that
`timm.create_model("local-dir:FOLDER", pretrained=True)` loads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
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
    """A model of timm with its own classifier taken off, and put back when it is saved."""

    name: str
    classifier: str
    dim: int
    settings: Mapping[str, Any]
    """What timm calls `pretrained_cfg`: input size, normalisation, names of the first and the last layer."""

    def architecture(self, shape: HeadShape | None) -> str:
        if shape is not None and (shape.kind != "linear" or shape.reads):
            raise InvalidError(
                "a model of timm takes a linear head at its end only",
                remedy="Set the head's kind to linear, and leave params.layer out",
            )
        return f"{TIMM}{self.name}"

    def body(self, trunk: nn.Module) -> nn.Module:
        return trunk

    def tensors(self, trunk: nn.Module, shape: HeadShape | None) -> dict[str, Tensor]:  # noqa: ARG002 - one form
        return trunk.state_dict()

    def head_prefix(self, shape: HeadShape) -> str:  # noqa: ARG002 - timm has one place for it
        return self.classifier

    def config(self, shape: HeadShape | None, classes: tuple[str, ...] | None) -> dict[str, Any]:
        outputs = 0 if shape is None else len(classes or ())
        settings = dict(self.settings) | {"num_classes": outputs}
        document: dict[str, Any] = {"architecture": self.name, "num_classes": outputs, "num_features": self.dim}
        document |= {"pretrained_cfg": settings}
        return document | ({"label_names": list(classes)} | label_maps(classes) if classes else {})

    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:  # noqa: ARG002 - the name says it all
        state: dict[str, Tensor] = build(self.name, 0)[0].state_dict()
        return state


def load_timm(folder: Path, architecture: str) -> Loaded:
    """Build the model of timm that `folder` holds and fill it. Raises: MissingExtraError, MisfitError, InvalidError."""
    document, tensors = read_config(folder), read_tensors(folder)
    name, names = architecture.removeprefix(TIMM), class_names(document)
    outputs = int(document.get("num_classes", 0))
    with torch.random.fork_rng(devices=[]):
        module, classifier = build(name, outputs)
    fill(module, tensors, architecture)
    head = module.get_submodule(classifier) if outputs else None
    if head is not None and not isinstance(head, nn.Linear):
        raise InvalidError(f"the head of {architecture} is not one linear layer", remedy="Choose another source")
    module.reset_classifier(0)
    family = _family(name, classifier, module)
    if head is None:
        return Loaded(family, module, family.dim)
    if names is not None and len(names) != outputs:
        raise BadArtifactError("config.json names another number of classes than it counts")
    return Loaded(family, module, family.dim, nn.Sequential(nn.Dropout(0.0), head), HeadShape(), names)


def build(name: str, outputs: int) -> tuple[Any, str]:
    """The model `name` of timm with random weights, and what it calls its classifier. Raises as `load_timm`."""
    timm = _timm()
    if not timm.is_model(name):
        raise InvalidError(f"timm has no model {name[:80]!r}", remedy="See timm.list_models()")
    module = timm.create_model(name, pretrained=False, num_classes=outputs)
    classifier = module.pretrained_cfg.get("classifier")
    if not isinstance(classifier, str):
        raise InvalidError(f"{name} has more than one head", remedy="Choose another source")
    return module, classifier


def fit_timm(architecture: str, shapes: Shapes) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """config.json and preprocessor_config.json for weights that fit, and whether they bring a head. Raises as above."""
    name = architecture.removeprefix(TIMM)
    with torch.device("meta"):
        classifier = build(name, 0)[1]
        bias = shapes.get(f"{classifier}.bias", (0,))
        module, _ = build(name, bias[0])
    check_fit(architecture, {key: tuple(t.shape) for key, t in module.state_dict().items()}, shapes)
    config = _family(name, classifier, module).config(None, None) | {"num_classes": bias[0]}
    config["pretrained_cfg"]["num_classes"] = bias[0]
    return config, _preprocess(module.pretrained_cfg).document(), bias[0] > 0


def _family(name: str, classifier: str, module: Any) -> TimmFamily:
    kept = ("input_size", "fixed_input_size", "interpolation", "mean", "std", "crop_pct", "crop_mode", "pool_size")
    settings = {
        key: module.pretrained_cfg[key] for key in (*kept, "first_conv", "classifier") if key in module.pretrained_cfg
    }
    return TimmFamily(name, classifier, int(module.num_features), settings)


def _preprocess(settings: Mapping[str, Any]) -> Preprocess:
    side = int(settings["input_size"][-1])
    filters = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}
    mean, std = (tuple(map(float, settings[key])) for key in ("mean", "std"))
    return Preprocess(
        size=side,
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        resample=filters.get(str(settings["interpolation"]), 2),
        resize=int(side / float(settings.get("crop_pct") or 1.0)),
    )


def _timm() -> Any:
    try:
        import timm  # noqa: PLC0415 - rarely there
    except (ImportError, RuntimeError) as error:
        raise MissingExtraError(
            f"models of timm need timm, which does not import: {str(error).splitlines()[0]}",
            remedy='Run: pip install "forebear[timm]", on a machine where torchvision imports',
        ) from error
    return timm
