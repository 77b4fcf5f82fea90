"""Compares what converted weights answer with what their source answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import MisfitError

TOLERANCE = 1e-4
"""The largest difference between two answers."""
_FIVE_DIGITS = 1e-5
"""The largest difference as a share of the largest answer: small outputs must agree too."""
_SINGLE = 1e-6
"""As a share of the largest answer: the error of single precision, which exceeds the others for outputs beyond 100."""


def compare(what: str, ours: NDArray[Any], theirs: NDArray[Any]) -> str:
    """How far the answers lie apart, in words. Raises: MisfitError when that is more than rounding."""
    if ours.shape != theirs.shape:
        raise MisfitError(f"The converted model gives {what} {list(ours.shape)}, the source {list(theirs.shape)}")
    apart, largest = float(np.abs(ours - theirs).max()), float(np.abs(theirs).max())
    allowed = max(min(TOLERANCE, _FIVE_DIGITS * largest), _SINGLE * largest)
    if not apart <= allowed:  # also true for NaN
        raise MisfitError(
            f"The converted model differs from the source: its {what} differ by up to {apart:.3g} (the largest is "
            f"{largest:.3g})",
            remedy="Name the architecture that these weights were made for",
            facts={"largest_difference": apart, "largest": largest, "allowed": allowed},
        )
    return f"{what} differ by at most {apart:.1e} (the largest is {largest:.3g})"
