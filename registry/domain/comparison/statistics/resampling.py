"""Confidence intervals of differences between arms: a bootstrap over test items and training seeds.

Items are drawn with replacement, the same draw for every arm, so the comparison stays paired. The variance that seeds
add is drawn for each arm by itself, in three steps. Drawing items and seeds in the same way would either give intervals
that are far too narrow or count noise twice.

1. Seeds of one arm differ by chance in training, and because each model errs on other items. The draws of items contain
   the second part already (Owen's pigeonhole bootstrap, 2007, counts it twice), so it is subtracted. Its size is the
   growth of the variance between seeds when items are drawn once more.
2. One seed fewer is drawn than there are, because S of S show only (S-1)/S of their variance (Hesterberg's bootknife).
3. Three seeds estimate their own variance poorly, and percentiles ignore that. They are therefore moved outwards as
   Student's t asks (the expanded percentile interval, Hesterberg 2015), with the degrees of freedom that
   Satterthwaite's formula gives for the share of the variance that is due to seeds.

`benchmarks/verdict.py` measures how often the verdicts are wrong, and how often they would be without the seeds.

The stream of draws is raw PCG64, which numpy promises never to change: equal answers give equal intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.statistics.student import normal_cdf, normal_quantile, t_cdf, t_quantile
from registry.domain.comparison.statistics.tallies import Floats, Tally
from registry.domain.comparison.verdict import Interval

RESAMPLES = 10_000
LEVEL = 0.95
_CHUNK = 1_000
_HELD = 40_000_000
"""Draws (resamples x items) that are kept for the next tally; more are drawn anew, chunk by chunk."""
_NO_LUCK = 1e-24
"""A variance between seeds that rounding alone gives: it has no degrees of freedom."""
_WHOLE = 2**24 / 256
"""Whole numbers up to 2^24 add up exactly in single precision, in any order; no draw is 256 times the whole sum."""


@dataclass(frozen=True, slots=True)
class Resamples:
    """How often each of `items` items occurs in each of `count` draws; decided by `seed` alone.

    All comparisons of one verdict use the same one, so that their draws are the same.
    """

    items: int
    count: int = RESAMPLES
    seed: int = 0
    _held: list[NDArray[np.float32]] = field(default_factory=list, repr=False, compare=False)
    _seeds: dict[tuple[int, int], Floats] = field(default_factory=dict, repr=False, compare=False)

    def values(self, tallies: Sequence[Tally], places: NDArray[np.int64] | None = None) -> Floats:
        """The metric of each draw and tally (count x tallies), which share their metric.

        With `places` the tallies are of these items only: a slice.
        """
        parts = np.stack([tally.parts for tally in tallies], axis=1)  # items x tallies x K
        shape, table = parts.shape[1:], parts.reshape(len(parts), -1)
        whole = bool((table == np.rint(table)).all()) and float(np.abs(table).sum(axis=0).max(initial=0)) < _WHOLE
        table = table.astype(np.float32 if whole else np.float64)
        found = []
        for draws in self._chunks():
            sums = (draws if places is None else draws[:, places]).astype(table.dtype, copy=False) @ table
            found.append(tallies[0].finish(sums.reshape(len(sums), *shape)))
        return np.concatenate(found).astype(np.float64, copy=False)

    def seeds(self, arm: int, seeds: int) -> Floats:
        """Weights (count x seeds) of an arm's seeds in each draw; `arm` keeps arms apart. Two seeds or more."""
        if (arm, seeds) not in self._seeds:
            drawn = _numbers(_stream(self.seed, 1 + arm), self.count * (seeds - 1), seeds).reshape(self.count, -1)
            self._seeds[arm, seeds] = _counted(drawn, seeds) / (seeds - 1)
        return self._seeds[arm, seeds]

    def _chunks(self) -> Iterator[NDArray[np.float32]]:
        if self._held:
            yield from self._held
            return
        stream, keep = _stream(self.seed, 0), self.items * self.count <= _HELD
        for start in range(0, self.count, _CHUNK):
            rows = min(_CHUNK, self.count - start)
            drawn = _numbers(stream, rows * self.items, self.items).reshape(rows, -1)
            chunk = _counted(drawn, self.items).astype(np.float32)
            if keep:
                self._held.append(chunk)
            yield chunk


@dataclass(frozen=True, slots=True)
class Luck:
    """How much of a mean over seeds is the luck of training: the variance of the mean, and its degrees of freedom."""

    variance: float
    freedom: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The draws of one number, from which its interval and p-values follow."""

    value: float
    draws: Floats
    luck: tuple[Luck, ...]
    groups: int = 0
    """Of how many groups the draws are; 0 for draws of rows, of which there are enough to know their spread."""

    freedom: float = field(init=False)
    """Satterthwaite's degrees of freedom: few if most of the variance comes from seeds, infinite if none does."""

    def __post_init__(self) -> None:
        known = sum(luck.variance**2 / luck.freedom for luck in self.luck)
        least = sum(luck.variance for luck in self.luck)
        whole = max(float(np.var(self.draws)), least)
        if self.groups > 1:
            known += (whole - least) ** 2 / (self.groups - 1)
        freedom = whole**2 / known if known > 0 else math.inf
        object.__setattr__(self, "freedom", freedom)

    def interval(self, level: float = LEVEL) -> Interval:
        """The expanded percentile interval."""
        tail = normal_cdf(self._wider * t_quantile((1 - level) / 2, self.freedom))
        low, high = float(_at(self.draws, tail, up=False)), float(_at(self.draws, 1 - tail, up=True))
        return Interval(self.value, min(low, self.value), max(high, self.value))

    @property
    def deviation(self) -> float:
        """Its standard error."""
        return self._wider * float(np.std(self.draws))

    @property
    def _wider(self) -> float:
        """The factor that makes up for the variance of a bootstrap of few groups, which is too small."""
        return math.sqrt(self.groups / (self.groups - 1)) if self.groups > 1 else 1.0

    def chance(self, *, above: bool) -> float:
        """One-sided p-value against a value that is not above (or not below) zero, the other side of the interval."""
        beyond = int(np.count_nonzero(self.draws <= 0 if above else self.draws >= 0))
        p = (1 + beyond) / (1 + self.draws.size)
        return t_cdf(normal_quantile(p) / self._wider, self.freedom) if p < 1 else 1.0


def spread(values: Sequence[float], draws: Floats, resamples: Resamples, arm: int, groups: int = 0) -> Spread:
    """The mean metric of one arm over its seeds, from the metric (seeds) and its draws (count x seeds).

    `arm` numbers the arms, so that the seeds of each are drawn independently. `groups` as in `Spread`.
    """
    mean, seeds = float(np.mean(values)), len(values)
    if seeds == 1:
        return Spread(mean, draws[:, 0], (), groups)
    between, middles = float(np.var(values, ddof=1)), draws.mean(axis=1)
    squares = float(np.square(draws - mean).sum() - seeds * np.square(middles - mean).sum())
    noise = squares / (seeds - 1) / resamples.count - between
    luck = min(max(between - noise, 0.0), between)
    if luck < _NO_LUCK:
        return Spread(mean, middles, (), groups)
    astray = (np.asarray(values) - mean) * math.sqrt(luck / between)
    return Spread(mean, middles + resamples.seeds(arm, seeds) @ astray, (Luck(luck / seeds, seeds - 1),), groups)


def difference(one: Spread, two: Spread, sign: int = 1) -> Spread:
    """`one` less `two`, or the reverse with `sign` -1, on the same draws of items."""
    return Spread(sign * (one.value - two.value), sign * (one.draws - two.draws), one.luck + two.luck, one.groups)


def _at(draws: Floats, share: float, *, up: bool) -> float:
    """The draw with `share` of them below it; between two of them the outer one."""
    place = share * (draws.size - 1)
    index = math.ceil(place) if up else math.floor(place)
    return float(np.partition(draws, index)[index])


def _stream(seed: int, part: int) -> np.random.PCG64:
    return np.random.PCG64(np.random.SeedSequence([seed, part]))


def _numbers(stream: np.random.PCG64, count: int, below: int) -> NDArray[np.int64]:
    """`count` whole numbers in [0, below): the upper 32 bits, scaled (biased by less than below / 2^32)."""
    raw = np.asarray(stream.random_raw(count), dtype=np.uint64)
    return (((raw >> np.uint64(32)) * np.uint64(below)) >> np.uint64(32)).astype(np.int64)


def _counted(drawn: NDArray[np.int64], kinds: int) -> NDArray[np.int64]:
    """How often each of `kinds` occurs in each row of `drawn`."""
    rows = drawn.shape[0]
    places = drawn + kinds * np.arange(rows)[:, None]
    return np.bincount(places.ravel(), minlength=rows * kinds).reshape(rows, kinds)
