"""Outputs of modules inside a backbone: averaged over pixels or tokens, then over the modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from registry.errors import BadArtifactError


@dataclass(frozen=True, slots=True)
class Tap:
    """Where features are read: what a recipe calls the place, the modules' paths in the trunk's body, their width."""

    layer: str
    reads: tuple[str, ...]
    width: int


@dataclass(frozen=True)
class Reading:
    """`modules` of one trunk, by path; `width` numbers come out for one picture."""

    modules: Mapping[str, nn.Module]
    width: int

    @classmethod
    def of(cls, body: nn.Module, reads: Sequence[str], width: int) -> Reading:
        """The modules of `body` at the paths `reads`. Raises: BadArtifactError naming the first that is not there."""
        known = dict(body.named_modules())
        if strange := [name for name in reads if name not in known]:
            raise BadArtifactError(
                f"The key head.reads in config.json names {strange[0][:80]!r}, and the model has no such module",
                remedy="Take config.json and the weights from the same version",
            )
        return cls({name: known[name] for name in reads}, width)

    def __call__(self, trunk: nn.Module, x: Tensor) -> Tensor:
        """Features [N, width] of pictures [N, 3, H, W]. Raises: BadArtifactError where the modules give others."""
        if torch.compiler.is_compiling():
            # Hooks are added and removed with each call, which a compiler cannot follow, so this part runs uncompiled.
            # As a decorator, `disable` would import the compiler (a second) in every process that reads this module.
            uncompiled: Tensor = torch.compiler.disable(self._features)(trunk, x)
            return uncompiled
        return self._features(trunk, x)

    def _features(self, trunk: nn.Module, x: Tensor) -> Tensor:
        found = read(trunk, self.modules, x)
        widths = {name: found[name].shape[1] if name in found else 0 for name in self.modules}
        if set(widths.values()) != {self.width}:
            given = ", ".join(f"{name} gives {width}" for name, width in widths.items())
            raise BadArtifactError(
                f"The head in config.json reads {self.width} features, and {given}",
                remedy="Take config.json and the weights from the same version",
            )
        return torch.stack(list(found.values())).mean(dim=0)


def read(trunk: nn.Module, modules: Mapping[str, nn.Module], x: Tensor) -> dict[str, Tensor]:
    """What each of `modules` gives (N x its width) while `trunk` runs; what did not run is left out."""
    found: dict[str, Tensor] = {}
    with _hooked(modules, found):
        trunk(x)
    return {name: found[name] for name in modules if name in found}


@contextmanager
def _hooked(modules: Mapping[str, nn.Module], found: dict[str, Tensor]) -> Iterator[None]:
    def listen(name: str, module: nn.Module) -> Any:
        def hear(_module: nn.Module, _inputs: object, output: Any) -> None:
            if (pooled := _pooled(output)) is not None:
                found[name] = pooled

        return module.register_forward_hook(hear)

    handles = [listen(name, module) for name, module in modules.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _pooled(output: Any) -> Tensor | None:
    """N x D of feature maps (N x D x H x W, or channels last), tokens (N x T x D) or features; None for others."""
    if isinstance(output, tuple | list) or hasattr(output, "to_tuple"):
        output = output[0]
    if not isinstance(output, Tensor) or output.ndim not in {2, 3, 4}:
        return None
    if output.ndim != 4:
        return output if output.ndim == 2 else output.mean(dim=1)
    last = output.shape[1] == output.shape[2] != output.shape[3]  # pictures are square: the other axis has channels
    return output.mean(dim=(1, 2) if last else (2, 3))
