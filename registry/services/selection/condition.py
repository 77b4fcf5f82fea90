"""Whether weights look as if they were never trained: a checkpoint may say that it is pretrained, and hold none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lineage.kinship import Weights

CONSTANT = 0.99
"""The share of features that are the same for every row from which a model is taken for damaged."""


def untrained(weights: Weights) -> str:
    """Why these weights look untrained, as the end of a sentence; empty where nothing says so.

    Looks at what every training moves from its initial value: the running statistics of normalisations (0 and 1), and
    their scales and shifts (1 and 0). A model without normalisations shows nothing.
    """
    means = [name for name in weights.tensors if name.endswith("running_mean")]
    if means and all(_is(weights, name, 0.0) for name in means):
        return f"all of its {len(means)} normalisations have the statistics that they begin with: it was never trained"
    scales = [
        name
        for name, info in weights.tensors.items()
        if len(info.shape) == 1 and name.endswith((".weight", ".gamma")) and _shift(name) in weights.tensors
    ]
    if len(scales) > 1 and all(_is(weights, name, 1.0) and _is(weights, _shift(name), 0.0) for name in scales):
        return f"all of its {len(scales)} normalisations have the scales that they begin with: it was never trained"
    return ""


def constant(features: NDArray[np.floating]) -> str:
    """Why these features say nothing, as the end of a sentence; empty where they do."""
    spread = features.std(axis=0, dtype=np.float64) > 1e-6 * np.maximum(1.0, np.abs(features).max(axis=0))
    still = 1.0 - float(spread.mean())
    return f"{still:.0%} of its features are the same for every row" if still >= CONSTANT else ""


def parameters(weights: Weights) -> int:
    """Numbers that training could move."""
    return sum(info.elements for info in weights.tensors.values() if info.learnt)


def _shift(scale: str) -> str:
    """The name of the shift beside a scale."""
    return scale.removesuffix("gamma") + "beta" if scale.endswith("gamma") else scale.removesuffix("weight") + "bias"


def _is(weights: Weights, name: str, value: float) -> bool:
    from lineage.kinship.tensors import decode  # noqa: PLC0415 - it needs NumPy

    return bool((decode(weights.raw(name), weights.tensors[name].dtype) == value).all())
