"""The order of items in an epoch: a pure function of seed and epoch, so a resumed run needs no saved state for it."""

from __future__ import annotations

import numpy as np

from adapters.loop.tasks.labelled import Indexes

BUCKET = 50
"""Batches per length bucket: enough to keep the order random, few enough to save padding."""


def epoch_order(
    items: int, batch_size: int, *, seed: int, epoch: int, lengths: Indexes | None = None, least: int = 2
) -> list[Indexes]:
    """Index arrays, one per batch, that cover 0 … items-1 once. Needs `items >= 1`.

    With `lengths` (any unit), a batch has items of similar length: a random order is cut into runs of `BUCKET` batches,
    each run is sorted by length, and the batches are shuffled. A last batch of fewer than `least` items is joined to
    the one before it, because BatchNorm cannot be trained on one item.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(items).astype(np.int64)
    if lengths is not None:
        run = BUCKET * batch_size
        parts = [order[start : start + run] for start in range(0, items, run)]
        order = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])
    batches = [order[start : start + batch_size] for start in range(0, items, batch_size)]
    if len(batches) > 1 and len(batches[-1]) < min(least, batch_size):
        tail = batches.pop()
        batches[-1] = np.concatenate([batches[-1], tail])
    if lengths is not None:
        batches = [batches[n] for n in generator.permutation(len(batches))]
    return batches


def reading_order(items: int, batch_size: int, lengths: Indexes | None = None) -> list[Indexes]:
    """Index arrays that cover every item once, outside training: in order, or from the longest to the shortest."""
    order = np.arange(items, dtype=np.int64)
    if lengths is not None:
        order = order[np.argsort(-lengths, kind="stable")]
    return [order[start : start + batch_size] for start in range(0, items, batch_size)]


def batches_per_epoch(items: int, batch_size: int, least: int = 2) -> int:
    """The number of batches that `epoch_order` gives."""
    whole, rest = divmod(items, batch_size)
    return whole + (1 if rest and (rest >= min(least, batch_size) or not whole) else 0)
