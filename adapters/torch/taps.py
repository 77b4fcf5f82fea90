"""Features from inside a network: what a layer gives, averaged over pixels or tokens; or the mean of all blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from adapters.torch.models import ImageModel
from registry.errors import BadRecipeError

LAST, MEAN = "last", "mean"


@dataclass(frozen=True)
class Tap:
    """Reads `layers` of `model` (name: module) while it runs; `size` numbers come out for one picture."""

    model: ImageModel
    name: str
    layers: Mapping[str, nn.Module]
    size: int

    def __call__(self, x: Tensor) -> Tensor:
        """Features [N, size] of pictures [N, 3, H, W]: of one layer, or the mean over several of one width."""
        return torch.stack(list(_read(self.model, self.layers, x).values())).mean(dim=0)


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
    with torch.inference_mode():
        widths = {name: found.shape[1] for name, found in _read(model, chosen, torch.zeros(1, 3, side, side)).items()}
    if len(widths) < len(chosen):
        silent = ", ".join(name for name in chosen if name not in widths)
        raise BadRecipeError(f"params.layer: {silent} of this source gives no features", remedy="Choose another layer")
    if len(set(widths.values())) > 1:
        told = ", ".join(f"{name} ({width})" for name, width in widths.items())
        raise BadRecipeError(
            "params.layer is mean, and the layers of this source differ in width", remedy=f"Choose one of {told}"
        )
    return Tap(model, layer, chosen, next(iter(widths.values())))


def _told_by(part: nn.Module) -> nn.Module:
    """The module whose output is the layer's.

    A BatchNorm that follows on a convolution belongs to it; a last LayerNorm does not, so that blocks are read alike.
    """
    if not isinstance(part, nn.ModuleList):
        return part
    return part[-1] if isinstance(part[-1], _BatchNorm) else _told_by(part[0])


def _read(model: ImageModel, layers: Mapping[str, nn.Module], x: Tensor) -> dict[str, Tensor]:
    """What each of `layers` gives while the trunk runs, in the order of `layers`; what did not run is left out."""
    found: dict[str, Tensor] = {}
    with _hooked(layers, found):
        model.features(x)
    return {name: found[name] for name in layers if name in found}


@contextmanager
def _hooked(layers: Mapping[str, nn.Module], found: dict[str, Tensor]) -> Iterator[None]:
    def listen(name: str, module: nn.Module) -> Any:
        def hear(_module: nn.Module, _inputs: object, output: Any) -> None:
            if (said := _pooled(output)) is not None:
                found[name] = said

        return module.register_forward_hook(hear)

    handles = [listen(name, module) for name, module in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _pooled(output: Any) -> Tensor | None:
    """N x D of feature maps (N x D x H x W), tokens (N x T x D) or features; None for anything else."""
    if isinstance(output, tuple | list) or hasattr(output, "to_tuple"):
        output = output[0]
    if not isinstance(output, Tensor) or output.ndim not in {2, 3, 4}:
        return None
    return output if output.ndim == 2 else output.mean(dim=(2, 3) if output.ndim == 4 else 1)
