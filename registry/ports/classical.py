"""A classical model on raw rows: what needs no source model, and often does as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from registry.ports.transfers import DataInput

if TYPE_CHECKING:  # the server starts without NumPy
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassicalAnswers:
    """What a classical model answered to each test row, in order of key, and what is recorded of the model.

    An answer is what adapters write: the class, the list of classes, or the number.
    """

    answers: tuple[object, ...]
    facts: Mapping[str, object]


class ClassicalLearner(Protocol):
    """Learns from the training rows alone, without a source model, and answers the test rows."""

    def answer(self, train: DataInput, test: DataInput) -> ClassicalAnswers:
        """Learn from the labelled rows of `train`; settings are chosen on them too, by cross-validation.

        Raises: InvalidError for data that it does not read, BadDataError naming a row, AdapterError.
        """
        ...

    def features(self, data: DataInput) -> tuple[str, NDArray[np.float32]]:
        """What it calls its features, and those of each chosen row in order of key (N x D), made without any labels.

        Inner products of rows are those of the features that `answer` learns from; D may be smaller. Raises: as above.
        """
        ...
