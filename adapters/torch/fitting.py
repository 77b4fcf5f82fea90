"""Architectures for weights that come without a config: the tensors they need, and the folder that they become."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.torch.architectures import KNOWN, Known, translate
from adapters.weights.misfits import check_fit
from registry.domain.catalog.models import Modality
from registry.errors import InvalidError, MissingExtraError
from registry.ports.importing import SourceFacts

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Our name of each foreign tensor, and the two JSON files of the folder."""

    names: Mapping[str, str]
    architecture: str
    config: Mapping[str, Any]
    preprocessor: Mapping[str, Any]
    headed: bool

    def facts(self, format: str) -> SourceFacts:
        """The facts for an importer: all of these are image models."""
        task = "image-classification" if self.headed else "image-feature-extraction"
        return SourceFacts(format=format, architecture=self.architecture, modality=Modality.IMAGE, task=task)

    def write(self, target: Path) -> None:
        """Write config.json and preprocessor_config.json into `target`."""
        for name, document in (("config.json", self.config), ("preprocessor_config.json", self.preprocessor)):
            (target / name).write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def known_architectures() -> str:
    """For messages: every architecture that a bare file of weights can be imported as."""
    return f"{', '.join(sorted(KNOWN))} or timm:<name>"


def fit(architecture: str, shapes: Shapes) -> Fitted:
    """Find the layout that knows every tensor of `shapes`, and compare names and shapes with the architecture's own.

    Raises: InvalidError for one that is not known or needs more than weights, MisfitError, MissingExtraError.
    """
    if architecture.startswith("timm:"):
        return _fit_timm(architecture, shapes)
    known = KNOWN.get(architecture)
    if known is None:
        stock = architecture.startswith("transformers:")
        raise InvalidError(
            f"Weights alone cannot be imported as {architecture[:80]!r}",
            remedy="Put them into one folder with their config.json, and import the folder"
            if stock
            else f"Name one of {known_architectures()}",
        )
    names = translate(shapes, known.layouts) or {name: name for name in shapes}
    ours = {names[name]: shape for name, shape in shapes.items()}
    outputs = ours.get(known.outputs)
    return _FITTERS.get(architecture, _fit_own)(known, names, ours, outputs[0] if outputs else None)


def _fit_own(known: Known, names: Mapping[str, str], ours: Shapes, outputs: int | None) -> Fitted:
    import torch  # noqa: PLC0415 - most imports need no torch
    from torch import nn  # noqa: PLC0415 - as above

    from adapters.torch.families import DEFINITIONS  # noqa: PLC0415 - as above

    config = {
        "architectures": [known.name],
        "model_type": known.name,
        "num_labels": outputs or 0,
        "head": {"kind": "none" if outputs is None else known.head},
    }
    definition = DEFINITIONS[known.name]
    with torch.device("meta"):
        module: nn.Module = definition.network(definition.make_head(config))
    check_fit(known.name, {name: tuple(t.shape) for name, t in module.state_dict().items()}, ours)
    return Fitted(names, known.name, config, known.preprocessor, headed=outputs is not None)


def _fit_mobilenet(known: Known, names: Mapping[str, str], ours: Shapes, outputs: int | None) -> Fitted:
    """As transformers' own class, so that stock transformers loads the folder and its children."""
    try:
        import torch  # noqa: PLC0415 - most imports need no torch
        from transformers import (  # noqa: PLC0415 - as above
            MobileNetV2Config,
            MobileNetV2ForImageClassification,
            MobileNetV2Model,
        )
    except ImportError as error:
        raise MissingExtraError(
            f"Building 'mobilenet_v2' needs transformers, which cannot be imported: {error}",
            remedy='Run: pip install "forebear[transformers]"',
        ) from error
    kind = MobileNetV2Model if outputs is None else MobileNetV2ForImageClassification
    config = dict(known.config) | {"architectures": [kind.__name__]}
    if outputs is not None:
        prefixed = {name: name if name.startswith("classifier.") else f"mobilenet_v2.{name}" for name in ours}
        names = {foreign: prefixed[name] for foreign, name in names.items()}
        ours = {prefixed[name]: shape for name, shape in ours.items()}
        config |= {"id2label": {str(i): f"LABEL_{i}" for i in range(outputs)}}
        config |= {"label2id": {f"LABEL_{i}": i for i in range(outputs)}}
    settings = MobileNetV2Config.from_dict(dict(config))
    with torch.device("meta"):
        module = kind(settings)
    check_fit(known.name, {name: tuple(t.shape) for name, t in module.state_dict().items()}, ours)
    return Fitted(names, f"transformers:{kind.__name__}", config, known.preprocessor, headed=outputs is not None)


def _fit_timm(architecture: str, shapes: Shapes) -> Fitted:
    from adapters.torch.timm_models import fit_timm  # noqa: PLC0415 - most imports need no torch

    config, preprocessor, headed = fit_timm(architecture, shapes)
    return Fitted({name: name for name in shapes}, architecture, config, preprocessor, headed=headed)


_FITTERS: Mapping[str, Callable[[Known, Mapping[str, str], Shapes, int | None], Fitted]] = {
    "mobilenet_v2": _fit_mobilenet,
}
"""Architectures that are not built by a definition of ours."""
