"""Weights of several parents put together, tensor by tensor, in float32: averages, arcs, and what was added to a base.

All parents have one architecture. Whole numbers (counters, position ids) are the first parent's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from registry.errors import BadRecipeError

Combine = Callable[[Sequence[Tensor], Tensor | None], Tensor]
"""From one tensor of each parent, and the base's, to the child's."""


def linear(shares: Sequence[float]) -> Combine:
    """Sum of a_i W_i, the shares normalised to 1 (Wortsman and others 2022, model soups)."""
    total = sum(shares)

    def combine(parents: Sequence[Tensor], _base: Tensor | None) -> Tensor:
        return torch.stack([share / total * w for share, w in zip(shares, parents, strict=True)]).sum(dim=0)

    return combine


def slerp(share: float) -> Combine:
    """From the first of two parents by `share` along the arc to the second (Shoemake 1985), per tensor.

    sin((1-t) w)/sin(w) W_1 + sin(t w)/sin(w) W_2 with w the angle between them; nearly parallel ones go straight.
    """

    def combine(parents: Sequence[Tensor], _base: Tensor | None) -> Tensor:
        one, two = parents
        cosine = torch.nn.functional.cosine_similarity(one.flatten().double(), two.flatten().double(), dim=0)
        angle = torch.arccos(cosine.clamp(-1, 1))
        if float(angle) < 1e-4 or float(torch.pi - angle) < 1e-4:
            return torch.lerp(one, two, share)
        first, second = torch.sin((1 - share) * angle), torch.sin(share * angle)
        return ((first * one.double() + second * two.double()) / torch.sin(angle)).float()

    return combine


def task_arithmetic(shares: Sequence[float], scale: float) -> Combine:
    """Base + scale times the sum of a_i (W_i - base) (Ilharco and others 2023)."""

    def combine(parents: Sequence[Tensor], base: Tensor | None) -> Tensor:
        assert base is not None  # noqa: S101 -- checked before any work
        return base + scale * torch.stack([a * (w - base) for a, w in zip(shares, parents, strict=True)]).sum(dim=0)

    return combine


def ties(shares: Sequence[float], scale: float, density: float) -> Combine:
    """Trim, elect sign, merge (Yadav and others 2023, TIES): base + scale times the mean of what agrees.

    Of each parent's difference the `density` largest values stay; the sign with more mass wins at each place; the
    weighted mean is over the parents that have that sign there.
    """

    def combine(parents: Sequence[Tensor], base: Tensor | None) -> Tensor:
        assert base is not None  # noqa: S101 -- checked before any work
        trimmed = torch.stack([a * _trimmed(w - base, density) for a, w in zip(shares, parents, strict=True)])
        elected = torch.sign(trimmed.sum(dim=0))
        agree = (torch.sign(trimmed) == elected) & (trimmed != 0)
        weight = torch.tensor(list(shares)).reshape(-1, *[1] * base.ndim) * agree
        mean = (trimmed * agree).sum(dim=0) / weight.sum(dim=0).clamp_min(1e-12)
        return base + scale * mean

    return combine


def _trimmed(difference: Tensor, density: float) -> Tensor:
    flat = difference.flatten()
    kept = max(1, round(density * flat.numel()))
    if kept >= flat.numel():
        return difference
    places = flat.abs().topk(kept).indices
    return torch.zeros_like(flat).scatter(0, places, flat[places]).reshape(difference.shape)


def check_alike(parents: Mapping[str, Mapping[str, tuple[int, ...]]]) -> None:
    """Shapes of each parent's tensors, by its label. Raises: BadRecipeError naming the first that is another."""
    (first, wanted), *others = parents.items()
    for label, shapes in others:
        strange = sorted(name for name in wanted.keys() | shapes.keys() if wanted.get(name) != shapes.get(name))
        if strange:
            name = strange[0]
            raise BadRecipeError(
                f"{label} has another architecture than {first}: the tensor {name} is "
                f"{_shape(shapes.get(name))} there and {_shape(wanted.get(name))} here",
                remedy="Merge versions of one architecture with heads for the same classes",
                facts={"tensors": strange[:20]},
            )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(list(shape))
