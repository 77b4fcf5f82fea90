"""The loss of skip-gram with negative sampling on held-out texts.

The mean, over pairs of a word w and a word c of its context, of -log s(u_w v_c) - sum of log s(-u_n v_c) over the
negatives n, with s the logistic function, u the output weights and v the vectors (Mikolov and others 2013, equation 4).
Pairs and negatives are drawn once, by a fixed seed, so that two epochs are measured on the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gensim.models import Word2Vec
from numpy.typing import NDArray

PAIRS = 100_000
"""Pairs at most: the mean is then good to half a percent."""
AT_ONCE = 10_000
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Pairs of rows: `words` is predicted from `contexts` (both P), among `negatives` (P x K)."""

    words: Rows
    contexts: Rows
    negatives: Rows

    @classmethod
    def of(cls, model: Word2Vec, texts: Sequence[Sequence[str]]) -> HeldOut | None:
        """Pairs of `texts` within the model's window, of words that it knows; None when there are none."""
        draw = np.random.default_rng(0)
        rows = [np.array([r for w in text if (r := model.wv.key_to_index.get(w)) is not None], int) for text in texts]
        words, contexts = [], []
        for text in rows:
            for distance in range(1, model.window + 1):
                if len(text) > distance:
                    words += [text[distance:], text[:-distance]]
                    contexts += [text[:-distance], text[distance:]]
        if not words:
            return None
        pairs = np.stack([np.concatenate(words), np.concatenate(contexts)])
        if pairs.shape[1] > PAIRS:
            pairs = pairs[:, draw.choice(pairs.shape[1], PAIRS, replace=False)]
        counts = np.array([model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key], dtype=np.float64)
        shares = counts**model.ns_exponent
        negatives = draw.choice(len(counts), size=(pairs.shape[1], model.negative), p=shares / shares.sum())
        return cls(pairs[0], pairs[1], negatives.astype(np.int64))

    def loss(self, model: Word2Vec) -> float:
        """The mean loss of a pair, in nats."""
        total = 0.0
        for start in range(0, len(self.words), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            contexts = model.wv.vectors[self.contexts[part]].astype(np.float64)
            scores = np.einsum("pd,pd->p", model.syn1neg[self.words[part]], contexts)
            others = np.einsum("pkd,pd->pk", model.syn1neg[self.negatives[part]], contexts)
            total += float(np.logaddexp(0.0, -scores).sum() + np.logaddexp(0.0, others).sum())
        return total / len(self.words)
