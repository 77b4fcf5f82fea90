"""The labels of rows as text, and the checks that apply to every kind of label."""

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
    unlabelled = next((row for row in rows if row.label is None), None)
    if unlabelled is not None:
        raise BadDataError(
            f"Row {unlabelled.key} of {data.label} (split {data.split!r}) has no label",
            remedy=f"Every row of the {name} data needs a label",
        )
    return [str(row.label) for row in rows]


def refuse_unknown_labels(name: str, data: DataInput, unknown: set[str]) -> None:
    """Raises: BadDataError naming one of the labels that no training row has, if there are any."""
    if unknown:
        raise BadDataError(
            f"The {name} data ({data.label}, split {data.split!r}) has the label {min(unknown)!r}, "
            "which no training row has",
            remedy="Put rows of every class into the training split",
            facts={"labels": sorted(unknown)},
        )
