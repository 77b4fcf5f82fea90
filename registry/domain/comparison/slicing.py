"""The transfer against from scratch on each slice of the test items, with Holm's correction over the slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.arms import Arm, Measure
from registry.domain.comparison.statistics.exact import flip_test, holm
from registry.domain.comparison.statistics.resampling import Resamples, difference, spread
from registry.domain.comparison.statistics.tallies import Floats, Tally, differences
from registry.domain.comparison.statistics.units import Units
from registry.domain.comparison.verdict import FlipTest, SliceGap

FEWEST_IN_SLICE = 5
"""Items of a slice under which it is not tested: even five of five against it are no proof at 5 %."""
_AT_ONCE = 200
"""Slices of many rows that are drawn in one matrix product."""


def flips_of(one: Sequence[Tally], two: Sequence[Tally]) -> FlipTest | None:
    """The exact test of `one` against `two`; None where answers are not right or wrong."""
    found = differences(one, two)
    return None if found is None else flip_test(found)


def slices_of(
    transfer: Arm, scratch: Arm, measure: Measure, units: Units, resamples: Resamples, alpha: float
) -> tuple[SliceGap, ...]:
    """Each slice by itself: worse where both the bootstrap and the exact test show it, after Holm over all of them."""
    sign = 1 if measure.slice_higher_is_better else -1
    groups = units.groups
    tested = {name: places for name, places in measure.slices.items() if units.behind(places) >= FEWEST_IN_SLICE}
    drawn = _drawn(transfer, scratch, tested, units, resamples)
    found = []
    for name, places in measure.slices.items():
        one, two = transfer.points[name], scratch.points[name]
        p = 1.0
        if name in tested:
            left, right = (
                spread([tally.value for tally in side], draws, resamples, arm, groups)
                for arm, (side, draws) in enumerate(zip((one, two), drawn[name], strict=True))
            )
            p = difference(left, right, sign).chance(above=False)
            flips = flips_of(units.tested(one, places), units.tested(two, places))
            p = p if flips is None else max(p, flips.p_worse)
        values = [float(np.mean([tally.value for tally in side])) for side in (one, two)]
        found.append((name, len(places), values, p))
    adjusted = holm([p for *_, p in found])
    return tuple(
        SliceGap(name, items, one, two, sign * (one - two), p, p_holm, p_holm <= alpha)
        for (name, items, (one, two), p), p_holm in zip(found, adjusted, strict=True)
    )


def _drawn(
    transfer: Arm, scratch: Arm, slices: dict[str, NDArray[np.int64]], units: Units, resamples: Resamples
) -> dict[str, tuple[Floats, Floats]]:
    """By slice the draws of both arms. Of units, those of many slices at once: most units are in all of them."""
    if units.drawn is None:
        return {
            name: (
                resamples.values(transfer.points[name], places),
                resamples.values(scratch.points[name], places),
            )
            for name, places in slices.items()
        }
    found, names, width = {}, list(slices), len(transfer.seeds)
    for start in range(0, len(names), _AT_ONCE):
        batch = names[start : start + _AT_ONCE]
        sides = [(*transfer.points[name], *scratch.points[name]) for name in batch]
        gathered = [units.gather(side, slices[name]) for name, side in zip(batch, sides, strict=True)]
        drawn = resamples.values([tally for side in gathered for tally in side])
        for name, both in zip(batch, np.split(drawn, len(batch), axis=1), strict=True):
            found[name] = (both[:, :width], both[:, width:])
    return found
