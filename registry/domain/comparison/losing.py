"""How much a model lost beside another on the same rows, with an interval.

The interval is that of a bootstrap over test rows, or over their groups, drawn the same for both models, so that it is
paired. It is as wide at least as with one more row that differs (Agresti and Min 2005, as in `facets`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from registry.domain.comparison.answers import TestRows
from registry.domain.comparison.judging import FEWEST
from registry.domain.comparison.scoring import Answers, reading_of
from registry.domain.comparison.statistics.resampling import LEVEL, Resamples, Spread, difference
from registry.domain.comparison.statistics.student import t_quantile
from registry.domain.comparison.statistics.units import units_of
from registry.domain.comparison.verdict import Interval
from registry.domain.transfers.metrics import LESS_IS_BETTER
from registry.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Loss:
    """The scores of two models on the same rows, and what the second lost: the difference; of an error, its growth."""

    metric: str
    before: float
    after: float
    lost: Interval


def loss_on(rows: TestRows, metrics: Sequence[str], before: Answers, after: Answers) -> Loss:
    """What the answers `after` lost beside `before`, by the first of `metrics` that labels of this kind have.

    Raises: InvalidError for labels that cannot be compared, too few rows, and an error of 0 before, of which no growth
    can be a part.
    """
    reading = reading_of(rows)
    metric = next((name for name in metrics if name in reading.metrics), next(iter(reading.metrics)))
    tallies = [reading.metrics[metric](answers) for answers in (before, after)]
    groups = np.unique(rows.groups, return_inverse=True)[1] if rows.groups else None
    units = units_of(len(rows.keys), groups)
    enough = units.groups or len(rows.keys)
    if enough < FEWEST:
        what = "groups of test rows" if units.groups else "test rows"
        raise InvalidError(f"{enough} {what} are too few: {FEWEST} are needed")
    drawn = Resamples(units.count).values(units.gather(tallies))
    first, second = (Spread(tally.value, drawn[:, n], (), units.groups) for n, tally in enumerate(tallies))
    if metric not in LESS_IS_BETTER:
        return Loss(metric, first.value, second.value, _allowing(difference(first, second), 1 / enough))
    if not first.value or not first.draws.all():
        raise InvalidError(f"The {metric} of the model above is 0, so nothing can be a part of it")
    grown = Spread(second.value / first.value - 1, second.draws / first.draws - 1, (), units.groups)
    return Loss(metric, first.value, second.value, grown.interval())


def _allowing(found: Spread, unit: float) -> Interval:
    """The interval, at least as wide as with one more row that differs, which changes the metric by `unit` at most."""
    own = found.interval()
    reach = t_quantile((1 + LEVEL) / 2, found.freedom) * math.hypot(found.deviation, unit)
    return Interval(own.value, min(own.low, own.value - reach), max(own.high, own.value + reach))
