"""The labels of rows as text, and the mistakes that every kind of label can have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from registry.domain.data.datasets import Row
from registry.errors import BadDataError
from registry.ports.transfers import DataInput

Indexes = NDArray[np.int64]
"""Positions of items."""
IGNORE_INDEX = -100
"""The target where there is nothing to predict: the value that PyTorch's cross-entropy ignores by default."""


def labelled(name: str, data: DataInput, rows: Sequence[Row]) -> list[str]:
    """The labels of `rows`. Raises: BadDataError naming the first row without one."""
    bare = next((row for row in rows if row.label is None), None)
    if bare is not None:
        raise BadDataError(
            f"row {bare.key} of {data.label} (split {data.split!r}) has no label",
            remedy=f"{name} data needs a label on every row",
        )
    return [str(row.label) for row in rows]


def refuse_strangers(name: str, data: DataInput, strangers: set[str]) -> None:
    """Raises: BadDataError naming a label that training never sees."""
    if strangers:
        raise BadDataError(
            f"{name} data ({data.label}, split {data.split!r}) has the label {min(strangers)!r}, "
            "which no training row has",
            remedy="Put rows of every class into the training split",
            facts={"labels": sorted(strangers)},
        )
