"""Features from inside a network: the output of a layer, or the mean of the outputs of all blocks."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from adapters.torch.models import ImageModel
from adapters.torch.reading import Tap, read
from registry.errors import BadRecipeError

LAST, MEAN = "last", "mean"


def tap_at(model: ImageModel, layer: str, side: int) -> Tap:
    """The tap for `layer`: a layer by name, or `mean` for all blocks. `side` is the size of the images in pixels.

    Raises: BadRecipeError for an unknown layer, or for the mean of layers of different widths.
    """
    layers = {name: _output_module(part) for name, part in model.layers() if name != "head"}
    if layer != MEAN and layer not in layers:
        raise BadRecipeError(
            f"'params.layer' is {layer!r}, but the source has no such layer",
            remedy=f"Choose last, mean, or one of {', '.join(layers)}",
        )
    blocks = {name: part for name, part in layers.items() if name.rpartition(".")[2].isdigit()}
    chosen = (blocks or layers) if layer == MEAN else {layer: layers[layer]}
    trunk = model.module.trunk
    with torch.inference_mode():
        given = read(trunk, chosen, torch.zeros(2, 3, side, side))
    widths = {name: found.shape[1] for name, found in given.items() if len(found) == 2}  # one row for each picture
    if len(widths) < len(chosen):
        missing = ", ".join(name for name in chosen if name not in widths)
        raise BadRecipeError(
            f"'params.layer': {missing} of this source gives no features", remedy="Choose another layer"
        )
    if len(set(widths.values())) > 1:
        listed = ", ".join(f"{name} ({width})" for name, width in widths.items())
        raise BadRecipeError(
            "'params.layer' is mean, but the layers of this source have different widths",
            remedy=f"Choose one of {listed}",
        )
    paths = {id(module): path for path, module in model.family.body(trunk).named_modules()}
    return Tap(layer, tuple(paths[id(module)] for module in chosen.values()), next(iter(widths.values())))


def _output_module(part: nn.Module) -> nn.Module:
    """The module whose output is the output of the layer `part`.

    A BatchNorm after a convolution belongs to its layer. A LayerNorm at the end does not, so that all blocks are read
    at the same place.
    """
    if not isinstance(part, nn.ModuleList):
        return part
    return part[-1] if isinstance(part[-1], _BatchNorm) else _output_module(part[0])


def unused_parameters(model: ImageModel, side: int) -> list[nn.Parameter]:
    """Parameters of the trunk that do not influence the scores: those after the place where the head reads."""
    if model.module.reading is None:
        return []
    every = list(model.module.trunk.parameters())
    with torch.enable_grad():
        features = model.features(torch.zeros(1, 3, side, side))
        gradients = torch.autograd.grad(features.sum(), every, allow_unused=True)
    return [parameter for parameter, gradient in zip(every, gradients, strict=True) if gradient is None]
