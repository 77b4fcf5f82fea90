"""Texts as rows of a table of vectors: looked up once, batched by length, averaged with a weight for each word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapters.gensim.definitions.static_embeddings import StaticEmbeddings
from adapters.inputs.row_texts import text_of
from registry.domain.data.datasets import Row
from registry.ports.transfers import DataInput


@dataclass(frozen=True, slots=True)
class RowItems:
    """The rows of every text's words, one after another; text k is `rows[starts[k]:starts[k + 1]]`.

    `weights` (V) is what each word counts in the average; None: all alike.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    weights: NDArray[np.float32] | None = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Known words of each text."""
        return np.diff(self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def batch(self, indexes: NDArray[np.int64]) -> dict[str, Tensor]:
        """`rows` (N x longest, int64) and `shares` (N x longest, float32): what each counts; 0 where there is none."""
        lengths = self.starts[indexes + 1] - self.starts[indexes]
        rows = np.zeros((len(indexes), max(1, int(lengths.max()))), dtype=np.int64)
        shares = np.zeros(rows.shape, dtype=np.float32)
        for line, (index, length) in enumerate(zip(indexes, lengths, strict=True)):
            if length:
                found = self.rows[self.starts[index] : self.starts[index] + length]
                rows[line, :length] = found
                shares[line, :length] = (1 if self.weights is None else self.weights[found]) / np.float32(length)
        return {"rows": torch.from_numpy(rows), "shares": torch.from_numpy(shares)}

    def average(self, index: int, matrix: NDArray[Any]) -> NDArray[np.float32]:
        """The weighted average (D) of one text's vectors, rows of `matrix` (V x D); zeros where there is none."""
        found = self.rows[self.starts[index] : self.starts[index + 1]]
        shares = np.ones(len(found), np.float32) if self.weights is None else self.weights[found]
        return shares @ matrix[found].astype(np.float32) / np.float32(max(1, len(found)))


def look_up(tokens: Sequence[Sequence[str]], rows: Mapping[str, int], weights: NDArray[np.float32] | None) -> RowItems:
    """The rows of tokenised texts; tokens without a row are left out of the average."""
    found = [[row for token in text if (row := rows.get(token)) is not None] for text in tokens]
    starts = np.cumsum([0, *(len(text) for text in found)], dtype=np.int64)
    return RowItems(np.array([row for text in found for row in text], dtype=np.int64), starts, weights)


def read_tokens(rows: Iterable[Row], data: DataInput, vectors: StaticEmbeddings, limit: int | None) -> list[list[str]]:
    """The first `limit` tokens of each row's text. Raises: BadDataError naming the row that is no text."""
    return [vectors.tokens(text_of(row, data), limit) for row in rows]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of the words of some texts that have no vector: of distinct words and of all words."""

    types: float
    tokens: float

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]], known: Mapping[str, int]) -> Coverage:
        """Of tokenised texts; both 0 where there is not one token."""
        counts = Counter(token for text in texts for token in text)
        unknown = {token: count for token, count in counts.items() if token not in known}
        return cls(len(unknown) / max(1, len(counts)), sum(unknown.values()) / max(1, counts.total()))

    def document(self) -> dict[str, float]:
        """For the manifest."""
        return {"types": self.types, "tokens": self.tokens}
