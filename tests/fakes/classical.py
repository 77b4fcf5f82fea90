"""A fake classical model that is right on a given share of the test rows; without one it cannot learn the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.errors import InvalidError
from registry.ports.classical import ClassicalAnswers
from registry.ports.transfers import DataInput


@dataclass
class FakeClassical:
    """Right on the first `share` of the rows in order of key; None: learns no such labels."""

    share: float | None = 0.5

    def answer(self, train: DataInput, test: DataInput) -> ClassicalAnswers:
        if self.share is None:
            raise InvalidError("No classical model here learns such labels")
        rows, classes = test.chosen, sorted({str(row.label) for row in train.chosen})
        right = round(len(rows) * self.share)
        wrong = {label: classes[n - 1] for n, label in enumerate(classes)}
        found = [row.label if n < right else wrong[str(row.label)] for n, row in enumerate(rows)]
        return ClassicalAnswers(tuple(found), {"model": "by hand"})

    def features(self, data: DataInput) -> tuple[str, NDArray[np.float32]]:
        if self.share is None:
            raise InvalidError("No classical model here reads such data")
        return "lengths", np.array([[len(row.text or ""), 1.0] for row in data.chosen], dtype=np.float32)
