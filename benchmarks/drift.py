"""Error rates of the tests behind `forebear drift check`: false alarms, and shifts that are found.

False alarms are counted over worlds without any difference (5 % is right); power over worlds in which a tenth of 50
features is shifted by 0.2 standard deviations, with 1,000 rows on each side. Errors are 0 or 1 with a chance of 0.2,
which a shift raises to 0.3 for the second half. The verdict needs an effect of some size beside the p-value: its rates
are printed too. Run it as `python -m benchmarks.drift`; `--check` exits 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import partial

import numpy as np

from benchmarks.material.alarms import LEVEL, missed, rates
from registry.domain.comparison.statistics.two_samples import discrepancy, shift, told_apart
from registry.domain.drift.distributions import carried_apart, columns_apart
from registry.domain.drift.label_shift import Estimate, estimated
from registry.domain.drift.report import Finding, settled
from registry.domain.drift.streams import adaptive_window, page_hinkley

ROWS, FEATURES, CLASSES, BY = 1_000, 50, 4, 0.2
BOUNDED = ("the verdict",)
"""What allows itself fewer false alarms than 5 % by its construction: it asks for an effect, too."""


def world(number: int, *, shifted: bool, rows: int = ROWS, features: int = FEATURES) -> Mapping[str, bool]:
    """Which tests raise an alarm in one world."""
    draw = np.random.default_rng([3, number])
    x, y = draw.normal(size=(rows, features)), draw.normal(size=(rows, features))
    chances = np.full(CLASSES, 1 / CLASSES)
    if shifted:
        y[:, : features // 10] += BY
        chances = chances + np.array([BY, -BY, BY, -BY]) / CLASSES
    classes = [draw.choice(CLASSES, rows, p=p).astype(np.int64) for p in (np.full(CLASSES, 1 / CLASSES), chances)]
    errors = (draw.random(2 * rows) < np.repeat([0.2, 0.3 if shifted else 0.2], rows)).astype(float)
    columns, told, apart = columns_apart(x, y), told_apart(x, y, seed=number), discrepancy(x, y, seed=number)
    labels = shift(*(np.bincount(one, minlength=CLASSES) for one in classes), seed=number)
    rise = page_hinkley(errors, seed=number)
    findings = [
        Finding("features", "Kolmogorov-Smirnov, Holm", float(columns.distance.max()), "D", p=columns.p),
        Finding("embeddings", "classifier", told.auc.value, "AUC", p=told.p),
        Finding("embeddings", "MMD²", apart.value, "MMD²", p=apart.p, auc=told.auc.value),
        Finding("predicted classes", "chi-squared", labels.effect, "V", p=labels.p),
    ]
    return {
        "KS over features, Holm": columns.p <= LEVEL,
        "classifier (C2ST)": told.p <= LEVEL,
        "MMD², permutation": apart.p <= LEVEL,
        "MMD², random features": discrepancy(x, y, seed=number, linear_from=0).p <= LEVEL,
        "chi-squared on classes": labels.p <= LEVEL,
        "permutation of rows": several(number, shifted=shifted, rows=rows) <= LEVEL,
        "Page-Hinkley on errors": rise[1] <= LEVEL,
        "ADWIN on errors": adaptive_window(errors, seed=number)[0] <= LEVEL,
        "the verdict": any(one.moved for one in settled(findings)),
    }


def several(number: int, *, shifted: bool, rows: int = ROWS) -> float:
    """The p-value over rows that may have each of four classes, of which the second goes along with the first.

    A shift raises the share of the rows with the first class from 30 % to 40 %.
    """
    draw = np.random.default_rng([5, number])
    sides = [(draw.random((rows, CLASSES)) < 0.3).astype(float), (draw.random((rows, CLASSES)) < 0.3).astype(float)]
    if shifted:
        sides[1][:, 0] = draw.random(rows) < 0.4
    for side in sides:
        side[:, 1] = np.where(draw.random(rows) < 0.8, side[:, 0], side[:, 1])
    return carried_apart(*sides, seed=number).p


def coverage(worlds: int, rows: int = ROWS) -> float:
    """How often the interval of the estimated accuracy holds the true one where only class shares have changed."""
    held = 0
    for number in range(worlds):
        draw = np.random.default_rng([4, number])
        truth, now = draw.integers(0, 2, rows), (draw.random(rows) < 0.8).astype(np.int64)
        right = [draw.random(rows) < np.array([0.9, 0.7])[part] for part in (truth, now)]
        answers = [np.where(hit, part, 1 - part) for hit, part in zip(right, (truth, now), strict=True)]
        found = estimated(truth, answers[0], answers[1], 2, seed=number)
        held += isinstance(found, Estimate) and found.accuracy.low <= 0.2 * 0.9 + 0.8 * 0.7 <= found.accuracy.high
    return held / worlds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=1_000, help="worlds without a difference")
    parser.add_argument("--shifted", type=int, default=200, help="worlds with a shift")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    given = parser.parse_args()
    alarms = rates(given.worlds, partial(world, shifted=False))
    seen = rates(given.shifted, partial(world, shifted=True))
    print(f"{'test':<24} {'false alarms':>12} {'power':>6}")
    for name, rate in alarms.items():
        print(f"{name:<24} {rate:>12.2%} {seen[name]:>6.2f}")
    held = coverage(given.shifted)
    print(f"{'estimated accuracy':<24} holds the true one in {held:.1%} of {given.shifted} worlds (95 % is right)")
    return int(bool(missed(alarms, seen, bounded=BOUNDED)) and given.check)


if __name__ == "__main__":
    sys.exit(main())
