"""One order from several scores: ranks are averaged, because scores have no unit in common.

No published score is the best on every kind of task (Sorkhei and others 2025; Agostinelli and others, ECCV 2022), and
the mean of ranks needs no constants that would have to be tuned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import mean


def ranks(values: Sequence[float | None]) -> list[float | None]:
    """1 for the largest; equal values share the mean of their ranks; None stays None."""
    known = sorted((value for value in values if value is not None), reverse=True)
    return [None if value is None else known.index(value) + (known.count(value) + 1) / 2 for value in values]


def mean_ranks(scores: Mapping[str, Sequence[float | None]]) -> list[float | None]:
    """The mean rank of each candidate over the scores that it has; None for one that has none."""
    by_score = [ranks(values) for values in scores.values()]
    found = []
    for places in zip(*by_score, strict=True):
        known = [place for place in places if place is not None]
        found.append(mean(known) if known else None)
    return found


def ordered(means: Sequence[float | None], headline: Sequence[float | None], last: Collection[int] = ()) -> list[int]:
    """The candidates by mean rank, then by the headline score; those in `last` or without a rank at the end."""

    def key(place: int) -> tuple[bool, bool, float, float]:
        found, value = means[place], headline[place]
        return place in last, found is None, found or 0.0, -(value or 0.0)

    return sorted(range(len(means)), key=key)


def disagreement(scores: Mapping[str, Sequence[float | None]]) -> Mapping[str, int]:
    """Which candidate each score puts first, by its place, where they do not all name the same one; else empty."""
    firsts = {}
    for name, values in scores.items():
        known = [(value, -place) for place, value in enumerate(values) if value is not None]
        if known:
            firsts[name] = -max(known)[1]
    return firsts if len(set(firsts.values())) > 1 else {}
