"""Sums over rows that all the scores are computed from: rows come in blocks, and need never be held together.

With features F (N x D) and targets Y (N x C) these are F'F, F'Y, the sums of F, of Y and of Y², and two sums that
Ledoit and Wolf's shrinkage needs. Sums of separate parts of the data are added with `merged`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.errors import BadDataError

Matrix = NDArray[np.float64]
Features = NDArray[np.floating[Any]]
BLOCK = 4096
"""Rows that are converted to float64 at once."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The sums. `rows` is N; `gram` is F'F, `cross` F'Y, `targets` and `squares` the sums of Y and of Y².

    `lengths` is the sum of |f|⁴ and `pulled` that of |f|² f: from them follows the fourth moment around the mean.
    """

    rows: int
    gram: Matrix
    cross: Matrix
    features: Matrix
    targets: Matrix
    squares: Matrix
    lengths: float
    pulled: Matrix

    def merged(self, other: Moments) -> Moments:
        """The sums over the rows of both."""
        return Moments(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def mean(self) -> Matrix:
        """The mean of each feature (D)."""
        return self.features / self.rows


def blocks(features: Features) -> Iterator[tuple[int, Matrix]]:
    """Each block of rows in float64, with the number of its first row. Raises: BadDataError where one is not finite."""
    for start in range(0, len(features), BLOCK):
        part = np.asarray(features[start : start + BLOCK], dtype=np.float64)
        if not np.isfinite(part).all():
            raise BadDataError(
                "The features hold values that are not finite numbers, so they cannot be scored",
                remedy="Check the weights of the model, and how it reads this data",
            )
        yield start, part


def gather(features: Features, targets: Matrix | None, classes: NDArray[np.int64] | None = None) -> Moments:
    """The sums over all rows; with `classes` (N) the targets are one column of zeros and ones for each class.

    Raises: BadDataError.
    """
    count = 0 if classes is None else int(classes.max(initial=0)) + 1
    total: Moments | None = None
    for start, part in blocks(features):
        if classes is not None:
            found = _of_classes(part, classes[start : start + len(part)], count)
        else:
            assert targets is not None  # noqa: S101 -- for the type checker: one of the two is given
            y = targets[start : start + len(part)]
            found = _sums(part, part.T @ y, y.sum(axis=0), (y**2).sum(axis=0))
        total = found if total is None else total.merged(found)
    if total is None:
        raise BadDataError("There are no rows to score", remedy="Choose a split that has rows")
    return total


def _of_classes(part: Matrix, numbers: NDArray[np.int64], count: int) -> Moments:
    """Sums by class over rows in order of class: no N x C matrix is made or multiplied."""
    order = np.argsort(numbers, kind="stable")
    there, first = np.unique(numbers[order], return_index=True)
    cross = np.zeros((count, part.shape[1]))
    cross[there] = np.add.reduceat(part[order], first, axis=0)
    rows = np.bincount(numbers, minlength=count).astype(np.float64)
    return _sums(part, cross.T, rows, rows)


def _sums(part: Matrix, cross: Matrix, targets: Matrix, squares: Matrix) -> Moments:
    squared = np.einsum("nd,nd->n", part, part)
    return Moments(
        rows=len(part),
        gram=part.T @ part,
        cross=np.ascontiguousarray(cross),
        features=part.sum(axis=0),
        targets=np.asarray(targets, dtype=np.float64),
        squares=np.asarray(squares, dtype=np.float64),
        lengths=float(squared @ squared),
        pulled=squared @ part,
    )
