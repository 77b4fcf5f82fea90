"""Error rates of the two-sample tests behind `forebear dataset compare`: false alarms, and shifts that are found.

False alarms are counted over worlds without any difference (5 % is right); power over worlds in which a tenth of 50
features is shifted by 0.2 standard deviations, with 1,000 rows on each side. Run it as
`python -m benchmarks.two_samples`; `--check` exits 1 when a bar is missed. `--others` prints other estimates of MMD²
for many rows instead, at 1,000 rows on each side: their false alarms, power and milliseconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.material.alarms import LEVEL, missed, rates
from benchmarks.material.many_rows import blocks, incomplete, linear_time
from registry.domain.comparison.statistics.feature_summaries import FeatureSummary, energy, farther
from registry.domain.comparison.statistics.two_samples import Floats, discrepancy, shift, told_apart
from registry.domain.comparison.verdict import Interval
from registry.domain.selection.likeness import LikenessVerdict, judged

CLASSES = 4
SHIFTS = (("none", 0.0, 0.0), ("0.2 in a tenth", 0.2, 0.1), ("0.2 in all", 0.2, 1.0), ("1 in all", 1.0, 1.0))


def _p_values(x: Floats, y: Floats, seed: int) -> dict[str, float]:
    return {
        "classifier": told_apart(x, y, seed=seed).p,
        "mmd": discrepancy(x, y, seed=seed).p,
        "mmd, random features": discrepancy(x, y, seed=seed, linear_from=0).p,
    }


def without(world: int, rows: int = 100, features: int = 10) -> dict[str, bool]:
    """Which tests give p <= 0.05 in one world without a difference."""
    draw = np.random.default_rng([1, world])
    x, y = draw.normal(size=(rows, features)), draw.normal(size=(rows, features))
    p = _p_values(x, y, world)
    counts = [np.bincount(draw.integers(0, CLASSES, rows), minlength=CLASSES) for _ in range(2)]
    p["label shift"] = shift(counts[0], counts[1], seed=world).p
    return {name: value <= LEVEL for name, value in p.items()}


def shifted(world: int, rows: int = 1_000, features: int = 50, by: float = 0.2) -> dict[str, bool]:
    """Which tests give p <= 0.05 in one world with the shift."""
    draw = np.random.default_rng([2, world])
    x, y = draw.normal(size=(rows, features)), draw.normal(size=(rows, features))
    y[:, : features // 10] += by
    return {name: value <= LEVEL for name, value in _p_values(x, y, world).items()}


def others(worlds: int) -> None:
    """Print what the alternatives to random features see, with the same rows in each world."""
    tests: dict[str, Callable[[Floats, Floats, int], float]] = {
        "whole kernel": lambda x, y, seed: discrepancy(x, y, seed=seed).p,
        "random features": lambda x, y, seed: discrepancy(x, y, seed=seed, linear_from=0).p,
        "incomplete, 50": lambda x, y, seed: incomplete(x, y, seed=seed),
        "blocks of sqrt(N)": lambda x, y, seed: blocks(x, y, seed=seed),
        "disjoint pairs": lambda x, y, seed: linear_time(x, y, seed=seed),
    }
    print(f"{'test':<20} {'false alarms':>12} {'power':>6} {'ms':>6}")
    for name, p_of in tests.items():
        found, began = [0, 0], time.process_time()
        for world in range(worlds):
            draw = np.random.default_rng([2, world])
            x, y = draw.normal(size=(1_000, 50)), draw.normal(size=(1_000, 50))
            for place, by in enumerate((0.0, 0.2)):
                y[:, :5] += by
                found[place] += p_of(x, y, world) <= LEVEL
        spent = 1_000 * (time.process_time() - began) / (2 * worlds)
        print(f"{name:<20} {found[0] / worlds:>12.1%} {found[1] / worlds:>6.2f} {spent:>6.0f}")


def of_a_ranking(world: int, by: float, share: float, rows: int = 500, features: int = 384) -> tuple[float, ...]:
    """AUC, energy and k-NN distance of one world, at the rows of a ranking: `by` in a `share` of the features."""
    draw = np.random.default_rng([3, world])
    x, y = draw.normal(size=(rows, features)), draw.normal(size=(rows, features))
    y[:, : round(features * share)] += by
    summary = FeatureSummary.of(x)
    turned = summary.turned(y)
    return told_apart(x, y).auc.value, energy(summary.seen, turned), farther(summary.seen, turned)


def print_rankings(worlds: int) -> None:
    """What `forebear recommend` says of data that differs by this much: means, and the 5 % and 95 % points."""
    print(f"{'shift, in deviations':<24} {'same/near/far':>14} {'AUC':>18} {'energy':>20} {'k-NN distance':>18}")
    for name, by, share in SHIFTS:
        found = np.array([of_a_ranking(world, by, share) for world in range(worlds)])
        words = [judged(Interval(auc, auc, auc)) for auc in found[:, 0]]
        counts = "/".join(str(words.count(word)) for word in LikenessVerdict)
        low, high = np.quantile(found, (0.05, 0.95), axis=0)
        shown = [f"{m:.2f} ({a:.2f} to {b:.2f})" for m, a, b in zip(found.mean(axis=0), low, high, strict=True)]
        print(f"{name:<24} {counts:>14} {shown[0]:>18} {shown[1]:>20} {shown[2]:>18}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=2_000, help="worlds without a difference")
    parser.add_argument("--shifted", type=int, default=100, help="worlds with a shift")
    parser.add_argument("--rankings", type=int, default=100, help="worlds of the size of a ranking, for each shift")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    parser.add_argument("--others", type=int, default=0, metavar="WORLDS", help="compare other estimates of MMD²")
    given = parser.parse_args()
    if given.others:
        others(given.others)
        return 0
    alarms, seen = rates(given.worlds, without), rates(given.shifted, shifted)
    print(f"{'test':<20} {'false alarms':>12} {'power':>6}")
    for name, rate in alarms.items():
        print(f"{name:<20} {rate:>12.2%} {f'{seen[name]:.2f}' if name in seen else '':>6}")
    print_rankings(given.rankings)
    return int(bool(missed(alarms, seen)) and given.check)


if __name__ == "__main__":
    sys.exit(main())
