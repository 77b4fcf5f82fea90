"""Texts with a label for each word: their tokens, and the token that stands for each word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adapters.inputs.lengths import Reading
from adapters.inputs.row_texts import text_of
from adapters.transformers.texts.tokens import AT_ONCE, TokenItems, Tokens
from registry.domain.data.datasets import Row
from registry.errors import BadArtifactError, BadDataError
from registry.ports.transfers import DataInput


@dataclass(frozen=True, slots=True)
class WordItems:
    """Tokens of every text, and of its words the first token: word w of text k is `places[starts[k] + w]`.

    A place is counted from the text's first token; it is -1 for a word that was cut off, or that has no token.
    """

    PLACES: ClassVar[str] = "places"
    texts: TokenItems
    places: NDArray[np.int64]
    starts: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text."""
        return self.texts.lengths

    @property
    def reading(self) -> Reading:
        """How far the texts were read."""
        return self.texts.reading

    def __len__(self) -> int:
        return len(self.texts)

    def batch(self, indexes: NDArray[np.int64]) -> dict[str, Tensor]:
        """What `TokenItems` gives, and `places` (N x most words, int64), -1 where there is no word."""
        batch, words = self.texts.batch(indexes), self.starts[indexes + 1] - self.starts[indexes]
        places = np.full((len(indexes), int(words.max())), -1, dtype=np.int64)
        longest = batch["input_ids"].shape[1]
        for line, (index, count) in enumerate(zip(indexes, words, strict=True)):
            own = self.places[self.starts[index] : self.starts[index] + count]
            shift = longest - int(self.lengths[index]) if self.texts.left else 0
            places[line, :count] = np.where(own < 0, -1, own + shift)
        return batch | {self.PLACES: torch.from_numpy(places)}


def at_words(logits: Tensor, places: Tensor) -> Tensor:
    """Of outputs per token (N x tokens x C) those at `places` (N x words): N x words x C, zeros where there is none."""
    spots = places.clamp(min=0)[..., None].expand(-1, -1, logits.shape[-1])
    return logits.gather(1, spots) * (places >= 0)[..., None]


def read_words(tokens: Tokens, rows: Sequence[Row], data: DataInput) -> WordItems:
    """Tokenise the words of `rows`, split at whitespace.

    Raises: BadDataError naming the row that has no word, BadArtifactError for a tokenizer that does not track words.
    """
    tokenizer = tokens.load()
    if not tokenizer.is_fast:
        raise BadArtifactError(
            "The source's tokenizer cannot tell which token belongs to which word",
            remedy="Import the source with its tokenizer.json",
        )
    if hasattr(tokenizer, "add_prefix_space"):  # byte-pair tokenizers know a word by the space before it
        tokenizer.add_prefix_space = True
    found: list[NDArray[np.int64]] = []
    places: list[NDArray[np.int64]] = []
    cut = 0
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        words = [text_of(row, data).split() for row in part]
        empty = next((row for row, own in zip(part, words, strict=True) if not own), None)
        if empty is not None:
            raise BadDataError(f"Row {empty.key} of {data.label} has no word", remedy="Leave empty texts out")
        read = tokens.encode(tokenizer, words, is_split_into_words=True)
        cut += tokens.count_cut(tokenizer, words, read["input_ids"], is_split_into_words=True)
        for line, own in enumerate(words):
            spots = np.full(len(own), -1, dtype=np.int64)
            for place, word in reversed(list(enumerate(read.word_ids(line)))):
                if word is not None:
                    spots[word] = place  # going backwards, the first token of a word comes last
            places.append(spots)
            found.append(np.asarray(read["input_ids"][line], dtype=np.int64))
    texts = tokens.collect(found, tokenizer, cut)
    return WordItems(texts, np.concatenate(places), np.cumsum([0, *(len(one) for one in places)], dtype=np.int64))
