"""A classifier on averaged vectors during a transfer, and the table of vectors that it starts from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adapters.gensim.bag import PROBLEMS, Bag, save_classifier
from adapters.gensim.definitions.static_embeddings import WORD, StaticEmbeddings
from adapters.gensim.texts import RowItems, look_up, read_tokens
from adapters.gensim.vectors import CLASSIFIER
from adapters.inputs.lengths import Limit, Reading, TextsRead
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.loop import Inputs
from adapters.loop.training.optimizers import Layers
from lineage import Digest
from registry.errors import BadDataError


@dataclass(frozen=True, slots=True)
class Table:
    """The words of a new table of vectors, in order of their rows, and their vectors (V x D, float32)."""

    words: tuple[str, ...]
    vectors: Tensor
    copied: int
    """How many rows are the source's, bit for bit; the others were drawn."""

    @classmethod
    def of(
        cls, source: StaticEmbeddings, texts: Sequence[Sequence[str]], *, least: int, whole: bool, fresh: bool
    ) -> Table:
        """The words that come `least` times in `texts`, commonest first; with `whole` the source's others after them.

        A word's vector is the source's where it has one, else drawn from torch's global generator with the deviation
        of those copied (Kim 2014); with `fresh` every one is drawn. Raises: BadDataError when no word has a vector.
        """
        counts = Counter(token for text in texts for token in text)
        seen = [word for word, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])) if count >= least]
        words = (
            [*seen, *(word for word in source.words if word not in counts or counts[word] < least)] if whole else seen
        )
        rows = np.array([source.rows.get(word, -1) for word in words], dtype=np.int64)
        known = rows >= 0
        if not known.any():
            raise BadDataError(
                "No word of the training texts has a vector in the source",
                remedy="Use vectors of the language of the texts, or a lower params.min_count",
            )
        copied = np.asarray(source.matrix[rows[known]], dtype=np.float32)
        vectors = torch.randn(len(words), source.dim) * float(copied.std(dtype=np.float64))
        if not fresh:
            vectors[torch.from_numpy(known)] = torch.from_numpy(copied)
        return cls(tuple(words), vectors, 0 if fresh else int(known.sum()))


class BagLearner:
    """Vectors under a head. `table` None: the source's own, which stay; `pool` weighs them in the average."""

    feature_layer = "average"
    architecture = CLASSIFIER

    def __init__(
        self,
        source: StaticEmbeddings,
        bag: Bag,
        limit: Limit,
        *,
        table: Table | None = None,
        pool: Mapping[str, NDArray[np.float32]] | None = None,
        keeps_head: bool = False,
    ) -> None:
        self.source, self.bag, self.limit, self.table = source, bag, limit.size, table
        self.texts = TextsRead(limit)
        self.pool = dict(pool or {})
        self.keeps_head = keeps_head
        self.module: nn.Module = bag
        self.head: nn.Module = bag.head
        self.feature_size = source.dim
        self.layers: Layers = [("embedding", bag.embedding)]

    @cached_property
    def reader(self) -> StaticEmbeddings:
        """What cuts texts into words as the child will.

        A word that the vocabulary lacks is tried in lower case and in its parts, so with a table of its own words the
        child cuts texts otherwise than the source does.
        """
        if self.table is None:
            return self.source
        reader = copy(self.source)
        reader.words = list(self.table.words)
        reader.__dict__.pop("rows", None)  # known to the source already, and kept
        return reader

    @property
    def preprocessing(self) -> Digest:
        """A digest of how a text is split into words, how many are used, and their weights."""
        pool = {name: str(Digest.of(array.tobytes())) for name, array in sorted(self.pool.items())}
        words = None if self.table is None else str(Digest.of("\n".join(self.table.words).encode()))
        own = [] if words is None else [words, "read by these words"]
        return Digest.of(json.dumps([WORD.pattern, self.limit, pool, "cut texts counted", *own]).encode())

    def items(self, role: Role) -> RowItems:
        """The texts of `role` as rows of the table."""
        longer = read_tokens(role.rows, role.data, self.reader, self.limit + 1)
        tokens = [text[: self.limit] for text in longer]
        cut, longest = sum(len(text) > self.limit for text in longer), max(map(len, tokens))
        self.texts.add(role.name, Reading(len(tokens), cut, longest))
        return look_up(tokens, self.reader.rows, self.pool.get("weights"))

    def predict(self, inputs: Inputs) -> Tensor:
        """The head's outputs (N x outputs)."""
        assert isinstance(inputs, dict)  # noqa: S101 -- rows and shares: for the type checker
        outputs: Tensor = self.bag(**inputs)
        return outputs

    def features(self, inputs: Inputs) -> Tensor:
        """Averages (N x D)."""
        assert isinstance(inputs, dict)  # noqa: S101 -- as above
        return self.bag.features(**inputs)

    def classify(self, features: Tensor) -> Tensor:
        """Outputs of averages."""
        outputs: Tensor = self.head(features)
        return outputs

    def first_linear(self) -> nn.Linear:
        """The head's first linear layer."""
        return self.bag.head.hidden or self.bag.head.output

    def last_linear(self) -> nn.Linear:
        """The head's last linear layer."""
        return self.bag.head.output

    def save(self, folder: Path, task: Task) -> None:
        """Words, vectors and head; the definition of `static_embeddings` reads them with numpy alone."""
        names = task.classes or ("value",)
        learnt = self.table is not None or self.bag.embedding.weight.requires_grad
        save_classifier(
            folder,
            self.source,
            self.bag.head,
            words=None if self.table is None else self.table.words,
            vectors=self.bag.embedding.weight if learnt else None,
            pool=self.pool,
            max_length=self.limit,
            problem_type=PROBLEMS[task.labels],
            id2label={str(n): name for n, name in enumerate(names)},
        )
