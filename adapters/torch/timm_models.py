"""Image models of timm. Optional: timm needs torchvision, which does not work with a CPU-only build of torch.

A folder has the same form as timm's on the Hub (its config.json and its tensor names), so that
`timm.create_model("local-dir:FOLDER", pretrained=True)` loads it.
"""

from __future__ import annotations

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
    """The `pretrained_cfg` of timm: input size, normalisation, names of the first and the last layer."""

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
        document |= {"pretrained_cfg": settings}
        return document | ({"label_names": list(classes)} | label_maps(classes) if classes else {})

    def fresh(self, trunk: nn.Module) -> dict[str, Tensor]:  # noqa: ARG002 - the name determines the trunk
        state: dict[str, Tensor] = build(self.name, 0)[0].state_dict()
        return state


def load_timm(folder: Path, architecture: str) -> Loaded:
    """Load the timm model in `folder`. Raises: MissingExtraError, MisfitError, InvalidError, BadArtifactError."""
    document, tensors = read_config(folder), read_tensors(folder)
    name, names = architecture.removeprefix(TIMM), class_names(document)
    outputs = int(document.get("num_classes", 0))
    with torch.random.fork_rng(devices=[]):
        module, classifier = build(name, outputs)
    fill(module, tensors, architecture)
    head = module.get_submodule(classifier) if outputs else None
    if head is not None and not isinstance(head, nn.Linear):
        raise InvalidError(f"The head of {architecture} is not one linear layer", remedy="Choose another source")
    module.reset_classifier(0)
    family = _family(name, classifier, module)
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


def build(name: str, outputs: int) -> tuple[Any, str]:
    """The timm model `name` with random weights, and the name of its classifier. Raises: as `load_timm`."""
    timm = _timm()
    if not timm.is_model(name):
        raise InvalidError(f"The library timm has no model {name[:80]!r}", remedy="See timm.list_models()")
    module = timm.create_model(name, pretrained=False, num_classes=outputs)
    classifier = module.pretrained_cfg.get("classifier")
    if not isinstance(classifier, str):
        raise InvalidError(f"The timm model {name} has more than one head", remedy="Choose another source")
    return module, classifier


def fit_timm(architecture: str, shapes: Shapes) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """config.json and preprocessor_config.json for the weights, and whether they include a head. Raises: as above."""
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
        import timm  # noqa: PLC0415 - an optional library
    except (ImportError, RuntimeError) as error:
        raise MissingExtraError(
            f"This model needs timm, which cannot be imported: {str(error).splitlines()[0]}",
            remedy='Run: pip install "forebear[timm]", on a machine where torchvision can be imported',
        ) from error
    return timm
