"""Training of word2vec by gensim, starting from the vectors of a source: the model and the pieces of its corpus.

The vocabulary is the corpus's; words that the source has start with its vectors, the others as word2vec starts them.
One worker and a fixed order make runs equal to the bit; a run resumes at the end of an epoch from the vectors, the
output weights and the state of gensim's generator.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from gensim.models import Word2Vec
from numpy.typing import NDArray
from torch import Tensor

from adapters.gensim.definitions.static_embeddings import StaticEmbeddings
from adapters.gensim.offer import setting
from adapters.loop.training.checkpoints import Checkpoint
from registry.domain.recipes.params import params_of
from registry.domain.recipes.recipe import Recipe
from registry.errors import BadDataError, BadRecipeError

PIECE = 50_000
"""Words between two progress events."""
FLOOR = 1e-4
"""The learning rate never falls below this: word2vec's own `min_alpha`."""

Texts = Sequence[Sequence[str]]


@dataclass
class Training:
    """A model that trains on `pieces` of the corpus, `epochs` times."""

    model: Word2Vec
    pieces: list[Texts]
    shared: NDArray[np.int64]
    """For each word of the model its row in the source, or -1."""
    lr: float
    epochs: int

    @classmethod
    def begin(cls, recipe: Recipe, source: StaticEmbeddings, texts: Texts, seed: int) -> Training:
        """A vocabulary of `texts`, with the source's vectors. Raises: BadDataError when no word comes often enough."""
        model = Word2Vec(
            vector_size=source.dim,
            sg=int(setting(recipe, "algorithm") == "skip-gram"),
            window=int(str(setting(recipe, "window"))),
            negative=int(str(setting(recipe, "negative"))),
            sample=float(str(setting(recipe, "sample"))),
            min_count=int(str(setting(recipe, "min_count"))),
            seed=seed,
            workers=1,
            hashfxn=_stable_hash,
        )
        with quiet():
            model.build_vocab(texts)
            if len(model.wv):
                model.init_weights()
        if not len(model.wv):
            raise BadDataError(
                f"No word occurs {model.min_count} times in the corpus", remedy="Add texts, or lower params.min_count"
            )
        shared = np.array([source.rows.get(word, -1) for word in model.wv.index_to_key], dtype=np.int64)
        known = shared >= 0
        model.wv.vectors[known] = source.matrix[shared[known]]
        model.wv.vectors_lockf = np.where(known, float(str(setting(recipe, "vectors_lockf"))), 1.0).astype(np.float32)
        return cls(model, list(_pieces(texts)), shared, recipe.optimizer.lr, recipe.epochs)

    @property
    def steps(self) -> int:
        """Pieces over all epochs."""
        return len(self.pieces) * self.epochs

    def step(self, done: int) -> tuple[float, int]:
        """Learn from the piece after `done` pieces: the loss summed over its words, and how many they were.

        gensim passes over words that are too common, so fewer words are trained on than there are.
        """
        piece = self.pieces[done % len(self.pieces)]
        with quiet():
            words, _ = self.model.train(
                piece,
                total_examples=len(piece),
                epochs=1,
                start_alpha=self._rate(done),
                end_alpha=self._rate(done + 1),
                compute_loss=True,
            )
            return float(self.model.get_latest_training_loss()), int(words)

    def _rate(self, done: int) -> float:
        return max(FLOOR, self.lr * (1 - done / self.steps)) if self.lr > FLOOR else self.lr

    def tensors(self) -> dict[str, Tensor]:
        """The state that the next epoch starts from."""
        _, keys, place, has_gauss, gauss = self.model.random.get_state()
        return {
            "vectors": torch.from_numpy(self.model.wv.vectors.copy()),
            "output": torch.from_numpy(self.model.syn1neg.copy()),
            "generator": torch.from_numpy(keys.astype(np.int64)),
            "place": torch.tensor([place, has_gauss], dtype=torch.int64),
            "gauss": torch.tensor([gauss], dtype=torch.float64),
        }

    def restore(self, found: Checkpoint) -> None:
        """Restore the state `found`, to the bit."""
        self.model.wv.vectors[:] = found.tensors["vectors"].numpy()
        self.model.syn1neg[:] = found.tensors["output"].numpy()
        place, has_gauss = found.tensors["place"].tolist()
        keys = found.tensors["generator"].numpy().astype(np.uint32)
        self.model.random.set_state(("MT19937", keys, place, has_gauss, found.tensors["gauss"].item()))

    def shift(self, source: StaticEmbeddings) -> float:
        """Mean distance, 1 - cosine, of the shared words' vectors from where they began; 0 where there are none."""
        known = self.shared >= 0
        if not known.any():
            return 0.0
        now, before = self.model.wv.vectors[known].astype(np.float64), source.matrix[self.shared[known]].astype(float)
        lengths = np.linalg.norm(now, axis=1) * np.linalg.norm(before, axis=1)
        return float(np.mean(1 - (now * before).sum(axis=1) / np.maximum(lengths, 1e-12)))


def check(recipe: Recipe) -> None:
    """Raises: BadRecipeError for settings that word2vec's training does not have.

    A rate above 1 is one too: when a product overflows, gensim reads outside its table of exponentials.
    """
    rate, plan = recipe.optimizer, recipe.schedule
    unused = [
        name
        for name, param in params_of(recipe.method).items()
        if recipe.params.get(name, param.default) != param.default
    ]
    for wrong, key, remedy in (
        (rate.name != "sgd", f"optimizer.name is {rate.name}", "Write sgd, or leave it out"),
        (bool(rate.momentum), f"optimizer.momentum is {rate.momentum:g}", "Write 0, or leave it out"),
        (bool(rate.weight_decay), f"optimizer.weight_decay is {rate.weight_decay:g}", "Write 0, or leave it out"),
        (bool(rate.clip), f"optimizer.clip is {rate.clip:g}", "Write 0, or leave it out"),
        (rate.lr > 1, f"optimizer.lr is {rate.lr:g}", "Write 1 or less: word2vec's own is 0.025"),
        (bool(unused), f"params.{', '.join(unused)} is given", "Leave it out"),
        (plan.name != "linear" or bool(plan.warmup), f"schedule is {plan.name}", "Write linear, or leave it out"),
    ):
        if wrong:
            raise BadRecipeError(
                f"{key}, and word2vec trains with plain gradient steps at a falling rate", remedy=remedy
            )


def cut(texts: Texts, length: int) -> list[Sequence[str]]:
    """Texts in pieces of `length` words at most: no window reaches from one to the next, and no word is lost."""
    return [text[start : start + length] for text in texts for start in range(0, len(text), length)]


def _pieces(texts: Texts) -> Iterator[Texts]:
    """`texts` by the piece of some thousand words, in their order."""
    piece: list[Sequence[str]] = []
    words = 0
    for text in texts:
        piece.append(text)
        words += len(text)
        if words >= PIECE:
            yield piece
            piece, words = [], 0
    if piece:
        yield piece


def _stable_hash(text: str) -> int:
    """A stable hash: Python's own differs from run to run."""
    return zlib.crc32(text.encode())


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress gensim's warnings about small corpora."""
    log = logging.getLogger("gensim")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
