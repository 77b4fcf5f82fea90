"""The order of an epoch is a function of seed and epoch, and covers every item."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.loop.training.order import batches_per_epoch, epoch_order, reading_order

sizes = st.integers(1, 400)
batch = st.integers(1, 40)


@given(sizes, batch, st.integers(0, 2**31), st.integers(0, 20), st.booleans(), st.integers(1, 8))
def test_every_item_comes_once_an_epoch(
    items: int, size: int, seed: int, epoch: int, by_length: bool, least: int
) -> None:
    lengths = np.random.default_rng(seed).integers(1, 50, items) if by_length else None
    order = epoch_order(items, size, seed=seed, epoch=epoch, lengths=lengths, least=least)
    assert sorted(np.concatenate(order).tolist()) == list(range(items))
    assert len(order) == batches_per_epoch(items, size, least)
    again = epoch_order(items, size, seed=seed, epoch=epoch, lengths=lengths, least=least)
    assert all(np.array_equal(a, b) for a, b in zip(order, again, strict=True))
    assert min(len(part) for part in order) >= min(least, size, items)


def test_epochs_and_seeds_differ() -> None:
    orders = [np.concatenate(epoch_order(100, 10, seed=s, epoch=e)).tolist() for s, e in ((0, 0), (0, 1), (1, 0))]
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]


def test_bucketing_by_length_saves_most_of_the_padding() -> None:
    lengths = np.random.default_rng(0).integers(5, 200, 2000)

    def padded(order: list[np.ndarray]) -> int:
        return sum(int(lengths[part].max()) * len(part) for part in order)

    plain = padded(epoch_order(2000, 16, seed=0, epoch=0))
    bucketed = padded(epoch_order(2000, 16, seed=0, epoch=0, lengths=lengths))
    assert bucketed < 1.05 * lengths.sum()
    assert plain > 1.7 * lengths.sum()


@given(sizes, batch)
def test_reading_goes_from_long_to_short_and_loses_no_item(items: int, size: int) -> None:
    lengths = np.random.default_rng(items).integers(1, 9, items)
    order = np.concatenate(reading_order(items, size, lengths))
    assert sorted(order.tolist()) == list(range(items))
    assert (np.diff(lengths[order]) <= 0).all()
    assert np.concatenate(reading_order(items, size)).tolist() == list(range(items))


@pytest.mark.parametrize(("items", "size", "batches"), [(17, 8, 2), (18, 8, 3), (16, 8, 2), (1, 8, 1)])
def test_a_lone_last_item_joins_the_batch_before_it(items: int, size: int, batches: int) -> None:
    assert batches_per_epoch(items, size) == batches
