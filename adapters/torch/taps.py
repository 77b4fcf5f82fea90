"""Where a recipe has features read inside a network: at a layer by its name, or at all blocks, of which the mean."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from adapters.torch.models import ImageModel
from adapters.torch.reading import Tap, read
from registry.errors import BadRecipeError

LAST, MEAN = "last", "mean"


def tap(model: ImageModel, layer: str, side: int) -> Tap:
    """Where `layer` says: a layer by name, or `mean` for all blocks. `side` is that of the pictures to come.

    Raises: BadRecipeError for a layer that there is not, and for a mean of layers that differ in width.
    """
    layers = {name: _told_by(part) for name, part in model.layers() if name != "head"}
    if layer != MEAN and layer not in layers:
        raise BadRecipeError(
            f"params.layer names {layer!r}, and the source has no such layer",
            remedy=f"Choose last, mean, or one of {', '.join(layers)}",
        )
    blocks = {name: part for name, part in layers.items() if name.rpartition(".")[2].isdigit()}
    chosen = (blocks or layers) if layer == MEAN else {layer: layers[layer]}
    trunk = model.module.trunk
    with torch.inference_mode():
        widths = {name: found.shape[1] for name, found in read(trunk, chosen, torch.zeros(1, 3, side, side)).items()}
    if len(widths) < len(chosen):
        silent = ", ".join(name for name in chosen if name not in widths)
        raise BadRecipeError(f"params.layer: {silent} of this source gives no features", remedy="Choose another layer")
    if len(set(widths.values())) > 1:
        told = ", ".join(f"{name} ({width})" for name, width in widths.items())
        raise BadRecipeError(
            "params.layer is mean, and the layers of this source differ in width", remedy=f"Choose one of {told}"
        )
    paths = {id(module): path for path, module in model.family.body(trunk).named_modules()}
    return Tap(layer, tuple(paths[id(module)] for module in chosen.values()), next(iter(widths.values())))


def _told_by(part: nn.Module) -> nn.Module:
    """The module whose output is the layer's.

    A BatchNorm that follows on a convolution belongs to it; a last LayerNorm does not, so that blocks are read alike.
    """
    if not isinstance(part, nn.ModuleList):
        return part
    return part[-1] if isinstance(part[-1], _BatchNorm) else _told_by(part[0])


def rest(model: ImageModel, side: int) -> list[nn.Parameter]:
    """Parameters of the trunk that no score depends on: those behind where the head reads."""
    if model.module.reading is None:
        return []
    every = list(model.module.trunk.parameters())
    with torch.enable_grad():
        features = model.features(torch.zeros(1, 3, side, side))
        gradients = torch.autograd.grad(features.sum(), every, allow_unused=True)
    return [parameter for parameter, gradient in zip(every, gradients, strict=True) if gradient is None]
