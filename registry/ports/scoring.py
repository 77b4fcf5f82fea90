"""Scoring a source model for somebody's data, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from registry.domain.data.datasets import LabelKind

if TYPE_CHECKING:  # the server starts without NumPy
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sample:
    """The labelled rows that every candidate is scored on, as one candidate sees them.

    `features` (N x D) may be a memory map. `targets` are class numbers (N) for labels of one class, numbers (N) for
    numbers, and zeros and ones (N x C) for rows of several classes. `answers` (N x Cs) are the chances that the head of
    the candidate gives to the classes that it was trained on; None where it has no head, and for labels of other kinds.
    Rows with the same number in `groups` (N) depend on one another, like the words of a sentence: none of them is
    answered by what was learnt from another one. None where all rows are independent.
    """

    features: NDArray[np.float32]
    targets: NDArray[np.float64]
    labels: LabelKind
    seed: int = 0
    answers: NDArray[np.float32] | None = None
    groups: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One number of one candidate: larger is better.

    `rows` (N) says how well each row was answered, for scores that are their mean: two candidates can then be compared
    row by row. It is None for other scores.
    """

    value: float
    rows: NDArray[np.float64] | None = None


class Scorer(Protocol):
    """Scores frozen features. Registered under the entry points `forebear.scorers`; several may be installed."""

    names: tuple[str, ...]
    """The scores that it gives. A name that begins with `_` is shown, but takes no part in the order."""

    def scores(self, sample: Sample) -> Mapping[str, Score]:
        """The scores by name; one that has no meaning for `sample.labels` is left out.

        Raises: BadDataError for features that are not finite, or rows that cannot be scored.
        """
        ...
