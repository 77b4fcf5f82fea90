"""Merges the weights of several parents tensor by tensor in float32: averages, spherical interpolation, task vectors.

All parents have one architecture. Integer tensors (counters, position ids) are taken from the first parent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from registry.errors import BadRecipeError

Combine = Callable[[Sequence[Tensor], Tensor | None], Tensor]
"""Takes one tensor of each parent and of the base; gives the tensor of the child."""


def linear(shares: Sequence[float]) -> Combine:
    """Sum of a_i W_i, the a_i normalised to sum 1 (Wortsman and others 2022, model soups)."""
    total = sum(shares)

    def combine(parents: Sequence[Tensor], _base: Tensor | None) -> Tensor:
        return torch.stack([share / total * w for share, w in zip(shares, parents, strict=True)]).sum(dim=0)

    return combine


def slerp(share: float) -> Combine:
    """Spherical interpolation between two parents, per tensor, at t = `share` (Shoemake 1985).

    sin((1-t) w)/sin(w) W_1 + sin(t w)/sin(w) W_2, w being the angle between them; linear if they are nearly parallel.
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
        assert base is not None  # noqa: S101 -- checked by methods.merge before training
        return base + scale * torch.stack([a * (w - base) for a, w in zip(shares, parents, strict=True)]).sum(dim=0)

    return combine


def ties(shares: Sequence[float], scale: float, density: float) -> Combine:
    """Trim, elect sign, merge (Yadav and others 2023, TIES): base + scale times the mean of the agreeing differences.

    Of each parent's difference from the base the share `density` of largest values is kept. At each position the sign
    with the larger sum wins, and the weighted mean is over the parents that have this sign.
    """

    def combine(parents: Sequence[Tensor], base: Tensor | None) -> Tensor:
        assert base is not None  # noqa: S101 -- checked by methods.merge before training
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
    """Compare tensor shapes, given by label. Raises: BadRecipeError naming the first parent and tensor that differ."""
    (first, wanted), *others = parents.items()
    for label, shapes in others:
        strange = sorted(name for name in wanted.keys() | shapes.keys() if wanted.get(name) != shapes.get(name))
        if strange:
            name = strange[0]
            raise BadRecipeError(
                f"The architectures of {first} and {label} differ: the tensor {name} is "
                f"{_shape(wanted.get(name))} in the former and {_shape(shapes.get(name))} in the latter",
                remedy="Merge versions of one architecture with the same classes",
                facts={"tensors": strange[:20]},
            )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else str(list(shape))
