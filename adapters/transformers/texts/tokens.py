"""Texts as a model reads them: tokenised once, grouped by length, padded to the longest of their batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoTokenizer

from adapters.inputs.lengths import MOST, POSITIONS, RECIPE, TOKENIZER, Limit, Reading
from adapters.inputs.row_texts import text_of
from adapters.transformers.folders import has_tokenizer, read_settings
from adapters.transformers.models import positions_of
from lineage import Digest
from registry.domain.data.datasets import Row
from registry.domain.recipes.recipe import WHOLE_TEXT
from registry.errors import BadArtifactError, BadDataError
from registry.ports.transfers import DataInput

INPUTS = ("input_ids", "attention_mask")
"""What models are given. Many classes take no `token_type_ids`, and XLNet's tokenizer gives other ones than zeros."""
AT_ONCE = 1000
"""Texts given to the tokenizer at a time."""


@dataclass(frozen=True, slots=True)
class TokenItems:
    """Token numbers of every text, one after another; text k is `tokens[starts[k]:starts[k + 1]]`."""

    tokens: NDArray[np.int64]
    starts: NDArray[np.int64]
    padding: int
    left: bool = False
    """Pad on the left."""
    cut: int = 0
    """How many of the texts were longer than this."""

    @property
    def reading(self) -> Reading:
        """How far the texts were read."""
        return Reading(len(self), self.cut, int(self.lengths.max()))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text."""
        return np.diff(self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def batch(self, indexes: NDArray[np.int64]) -> dict[str, Tensor]:
        """`input_ids` and `attention_mask` (N x longest, int64) of the texts at `indexes`."""
        lengths = self.starts[indexes + 1] - self.starts[indexes]
        longest = int(lengths.max())
        ids = np.full((len(indexes), longest), self.padding, dtype=np.int64)
        mask = np.zeros_like(ids)
        for line, (index, length) in enumerate(zip(indexes, lengths, strict=True)):
            place = slice(longest - length, longest) if self.left else slice(0, length)
            ids[line, place] = self.tokens[self.starts[index] : self.starts[index] + length]
            mask[line, place] = 1
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}


def packed(items: TokenItems, size: int, end: int | None) -> TokenItems:
    """The texts one after another (with `end` after each, if there is such a token), cut every `size` tokens.

    A last piece of one token is left out, unless it is the only one: it has no token to predict.
    """
    stream = items.tokens
    if end is not None:
        stream = np.insert(stream, items.starts[1:], end)
    starts = np.unique([*range(0, len(stream), size), len(stream)]).astype(np.int64)
    if len(starts) > 2 and starts[-1] - starts[-2] < 2:
        starts = starts[:-1]
        stream = stream[: starts[-1]]
    return TokenItems(stream, starts, items.padding, items.left)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A source's tokenizer, cutting texts at `max_length` tokens."""

    folder: Path
    max_length: int
    rows: int | None = None
    """Rows of the model's embeddings, where they are known."""
    left: bool = False
    """Pad on the left, whatever the tokenizer's own setting: for models that read the last position."""
    why: str = RECIPE
    """What decides `max_length`, for people."""

    @property
    def limit(self) -> Limit:
        """How far texts are read."""
        return Limit(self.max_length, self.why)

    def load(self) -> Any:
        """A fresh tokenizer. Raises: BadArtifactError when the source folder has none that can be read."""
        if not has_tokenizer(self.folder):
            raise BadArtifactError("The source has no tokenizer", remedy="Import it again, with its tokenizer files")
        side = {"padding_side": "left"} if self.left else {}
        try:
            tokenizer: Any = AutoTokenizer.from_pretrained(
                self.folder, local_files_only=True, model_max_length=self.max_length, **side
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadArtifactError(
                f"The source has no readable tokenizer: {error}",
                remedy="Import it again, with its tokenizer files",
            ) from error
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return tokenizer

    def save(self, folder: Path) -> None:
        """Write the tokenizer; by itself it truncates, pads and gives the inputs that training used, and no others."""
        tokenizer = self.load()
        tokenizer.model_input_names = list(INPUTS)
        tokenizer.save_pretrained(folder)

    @property
    def padding(self) -> int:
        """The number of the token that texts are padded with."""
        return int(self.load().pad_token_id or 0)

    @property
    def digest(self) -> Digest:
        """A digest of the tokenizer and of where it truncates."""
        tokenizer = self.load()
        if tokenizer.is_fast:
            state = str(tokenizer.backend_tokenizer.to_str())
        else:
            state = type(tokenizer).__name__ + json.dumps(tokenizer.get_vocab(), sort_keys=True)
        return Digest.of(f"{self.max_length}\ncut texts counted\n{state}".encode())

    def read(self, rows: Sequence[Row], data: DataInput) -> TokenItems:
        """Tokenise the texts of `rows`. Raises: BadDataError naming the row that is no text."""
        tokenizer, found, cut = self.load(), [], 0
        for start in range(0, len(rows), AT_ONCE):
            texts = [text_of(row, data) for row in rows[start : start + AT_ONCE]]
            ids = self.encode(tokenizer, texts)["input_ids"]
            cut += self.count_cut(tokenizer, texts, ids)
            found += [np.asarray(one, dtype=np.int64) for one in ids]
        empty = next((row for row, one in zip(rows, found, strict=True) if not len(one)), None)
        if empty is not None:
            raise BadDataError(f"Row {empty.key} of {data.label} has no token", remedy="Leave empty texts out")
        return self.collect(found, tokenizer, cut)

    def encode(self, tokenizer: Any, texts: Sequence[Any], **more: Any) -> Any:
        """What `tokenizer` gives for `texts`, cut at `max_length`; `more` is passed on."""
        return tokenizer(texts, truncation=True, max_length=self.max_length, return_attention_mask=False, **more)

    def count_cut(self, tokenizer: Any, texts: Sequence[Any], ids: Sequence[Sequence[int]], **more: Any) -> int:
        """How many of `texts`, which `encode` made into `ids`, have more tokens than that."""
        full = [text for text, one in zip(texts, ids, strict=True) if len(one) >= self.max_length]
        if not full:
            return 0
        whole = tokenizer(full, truncation=False, return_attention_mask=False, verbose=False, **more)["input_ids"]
        return sum(len(one) > self.max_length for one in whole)

    def collect(self, texts: Sequence[NDArray[np.int64]], tokenizer: Any, cut: int) -> TokenItems:
        """The tokens of `texts` as items. Raises: BadArtifactError for a token that the model has no embedding for."""
        tokens, padding = np.concatenate(texts), int(tokenizer.pad_token_id or 0)
        self.check(max(int(tokens.max()), padding), tokenizer)
        starts = np.cumsum([0, *(len(one) for one in texts)], dtype=np.int64)
        return TokenItems(tokens, starts, padding, tokenizer.padding_side == "left", cut)

    def check(self, number: int, tokenizer: Any) -> None:
        """Raises: BadArtifactError if the model has no embedding for the token `number`."""
        if self.rows is not None and number >= self.rows:
            raise BadArtifactError(
                f"The tokenizer gives {tokenizer.convert_ids_to_tokens(number)!r} the number {number}, and the model "
                f"has embeddings for the numbers 0 to {self.rows - 1} only",
                remedy="Import the model again, with the tokenizer that belongs to it",
            )


def tokens_for(folder: Path, model: Any, wanted: int) -> Tokens:
    """The tokenizer of `folder` as `model` needs it.

    It cuts texts at `wanted` tokens; where that is `WHOLE_TEXT`, at the limit that the tokenizer names; and in any case
    where the positions of the model end.
    """
    try:
        rows = getattr(model.get_input_embeddings(), "num_embeddings", None)
    except (NotImplementedError, AttributeError):  # CANINE has no table of characters; FSMT's encoder names none
        rows = None
    left = getattr(getattr(model, "sequence_summary", None), "summary_type", None) == "last"
    size, why = _limit(folder, model, wanted)
    tokens = Tokens(folder, size, rows, left, why)
    tokenizer = tokens.load()
    tokens.check(int(tokenizer.pad_token_id or 0), tokenizer)
    return tokens


def _limit(folder: Path, model: Any, wanted: int) -> tuple[int, str]:
    """Tokens per text at most, and what decides it."""
    limits = [(wanted, RECIPE if wanted < WHOLE_TEXT else MOST)]
    if wanted >= WHOLE_TEXT:
        named = read_settings(folder).get("model_max_length")
        limits += [(named, TOKENIZER)] if isinstance(named, int) and named > 1 else []
    positions = positions_of(model)
    limits += [] if positions is None else [(positions, POSITIONS)]
    return min(limits, key=lambda one: one[0])
