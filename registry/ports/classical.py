"""A classical model on raw rows: what needs no source model, and often does as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from registry.ports.transfers import DataInput


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
