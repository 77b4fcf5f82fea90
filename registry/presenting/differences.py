"""The difference of two versions as rows for people, and how far a bar reaches for a change of a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.presenting.formats import number

if TYPE_CHECKING:
    from lineage import TensorChange, WeightChanges
    from registry.domain.cascade.run import Compared
    from registry.domain.verbs.catalog import VersionDifference

NOTHING = "not there"
LOWEST = 1e-8
"""Relative distances below this are drawn as this."""


def rows(found: VersionDifference) -> list[tuple[str, str, str, str]]:
    """What is on record otherwise: part, name, and the value of each version."""
    parts = {
        "version": found.facts,
        "parents": found.parents,
        "data": found.data,
        "recipe": found.recipe,
        "environment": found.environment,
    }
    listed = [(part, one.name, _said(one.one), _said(one.other)) for part, every in parts.items() for one in every]
    return [*listed, *(("interface", one.what, one.parent, one.child) for one in found.interface or ())]


def _said(value: str | None) -> str:
    return NOTHING if value is None else value


def answered(found: Compared) -> str:
    """How much better the second answers the same test rows, as a sentence without its end."""
    value, low, high = (f"{one:+.4g}" for one in (found.gain.value, found.gain.low, found.gain.high))
    verdict = "better" if found.gain.low > 0 else "worse" if found.gain.high < 0 else "not shown to be better or worse"
    counted = f"On the same {found.rows:,} test rows, the second is {verdict}: {value} [{low}, {high}]"
    return counted if found.p is None else f"{counted}, p {found.p:.2g}"


def weights_in_words(found: WeightChanges) -> str:
    """How many tensors are equal, changed, left out and added, as a sentence without its end."""
    words = [f"{found.equal:,} equal", f"{len(found.changed):,} changed"]
    if rounded := sum(one.rounded for one in found.changed):
        words[-1] += f" ({rounded:,} only rounded to another type)"
    if found.left_out:
        words.append(f"{len(found.left_out):,} only in the first")
    if found.added:
        words.append(f"{len(found.added):,} only in the second")
    return f"Tensors: {', '.join(words)}"


def farthest_first(found: WeightChanges) -> list[TensorChange]:
    """The changed tensors, those that moved most first; those without a distance lead."""
    return sorted(found.changed, key=lambda one: -math.inf if one.distance is None else -one.distance)


def distance(change: TensorChange) -> str:
    """Its relative distance, or why there is none."""
    return "was all zeros" if change.distance is None else number(change.distance)


def decades(changes: Sequence[TensorChange]) -> tuple[int, int]:
    """The powers of ten between which all distances lie: the ends of a logarithmic axis."""
    known = [math.log10(max(one.distance, LOWEST)) for one in changes if one.distance is not None]
    if not known:
        return -1, 0
    low, high = math.floor(min(known)), math.ceil(max(known))
    return low, max(high, low + 1)


def reach(change: TensorChange, low: int, high: int) -> float:
    """How far a bar goes, 0 to 1, on an axis from 10^low to 10^high; all the way where there is no distance."""
    if change.distance is None:
        return 1.0
    return (math.log10(max(change.distance, LOWEST)) - low) / (high - low)
