"""What is drawn when test data is drawn again: rows, or groups of rows that depend on one another.

Rows of one book, patient or video err together, so that drawing rows alone gives intervals that are too narrow. Where
rows have groups, whole groups are drawn with replacement (the cluster bootstrap: Field and Welsh 2007; Cameron,
Gelbach and Miller 2008), and the flip test flips the sign of a group's sum (Fisher's randomisation with groups as
units). The spread between few groups is poorly known: Student's t with groups - 1 degrees of freedom, and the factor
groups / (groups - 1) of a variance, widen the intervals (Hesterberg 2015).

More than 4,000 rows or groups are put into 4,000 blocks at random, which are drawn in their place (random groups:
Wolter, Introduction to Variance Estimation, 2007, chapter 2). The standard error is then itself known to 1 in 90, and
the cost does not grow with the rows. Exact tests still count single rows, or groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.statistics.tallies import Tally

MOST = 4_000
"""Rows, or groups, that are drawn one by one, at most."""
Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True)
class Units:
    """What is drawn (`drawn`: the number of each row's unit; None: each row is its own) and how many there are.

    `group` is the number of each row's group, None where rows have none.
    """

    count: int
    drawn: NDArray[np.int64] | None = None
    group: NDArray[np.int64] | None = None
    groups: int = 0

    def gather(self, tallies: Sequence[Tally], rows: NDArray[np.int64] | None = None) -> tuple[Tally, ...]:
        """The tallies summed by what is drawn, over all units; with `rows`, the tallies are of these rows only."""
        return tuple(tallies) if self.drawn is None else _summed(tallies, self.drawn, self.count, rows)

    def tested(self, tallies: Sequence[Tally], rows: NDArray[np.int64] | None = None) -> tuple[Tally, ...]:
        """The tallies that the flip test compares: by group where there are groups, else row by row."""
        return tuple(tallies) if self.group is None else _summed(tallies, self.group, self.groups, rows)

    def behind(self, rows: NDArray[np.int64]) -> int:
        """How many of what is tested stand behind `rows`."""
        return len(rows) if self.group is None else len(np.unique(self.group[rows]))


def units_of(rows: int, groups: NDArray[np.int64] | None, *, blocks: bool = True) -> Units:
    """The units of `rows` rows, whose groups are numbered in `groups` where they have some."""
    if groups is not None:
        found, group = np.unique(groups, return_inverse=True)
        group = group.astype(np.int64)
        if len(found) <= MOST:
            return Units(len(found), group, group, len(found))
        return Units(MOST, _blocks(len(found))[group], group, len(found))
    return Units(rows) if rows <= MOST or not blocks else Units(MOST, _blocks(rows))


def _blocks(count: int) -> NDArray[np.int64]:
    """A block for each of `count`, at random but always the same."""
    shuffled = np.argsort(np.random.PCG64(np.random.SeedSequence([0, count])).random_raw(count), kind="stable")
    numbers = np.empty(count, dtype=np.int64)
    numbers[shuffled] = np.arange(count) % MOST
    return numbers


def _summed(
    tallies: Sequence[Tally], numbers: NDArray[np.int64], count: int, rows: NDArray[np.int64] | None
) -> tuple[Tally, ...]:
    numbers = numbers if rows is None else numbers[rows]
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)

    def by_unit(values: NDArray[Number]) -> NDArray[Number]:
        table = np.zeros((count, *values.shape[1:]), dtype=values.dtype)
        if found.size:
            table[found] = np.add.reduceat(values[order], starts, axis=0)
        return table

    return tuple(
        Tally(by_unit(tally.parts), tally.finish, None if tally.right is None else by_unit(tally.right))
        for tally in tallies
    )
