"""The kernel of `forebear recommend`: LogME of all classes at once, against one class at a time and its exact value.

The peer is the fixed point as its authors publish it (You and others, JMLR 2022, algorithm 3), written here from the
formula in the order in which their code computes it: left singular vectors of all rows, then one class after another.
Both score the same features in one process, and CPU time is counted, so that a busy machine slows neither more. The
exact value is the log density of a normal distribution with covariance 1/beta I + 1/alpha FF', by Cholesky. Run it as
`python -m benchmarks.selection`; `--check` exits 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from adapters.selection.evidence import CLOSE, MOST_STEPS, TINY, Basis, evidence
from adapters.selection.moments import Matrix, gather

SHAPES = ((5_000, 512, 10), (10_000, 768, 100), (50_000, 768, 1_000))
"""Rows, features and classes."""
GRID = ((30, 64, "full"), (64, 64, "full"), (200, 64, "full"), (200, 64, "half rank"), (200, 64, "constant columns"))
FASTER, EXACT = 10.0, 1e-9
Classes = NDArray[np.int64]


def one_by_one(features: Matrix, classes: Classes) -> float:
    """LogME as published: for features of full rank and more rows than features, where it is right."""
    rows, size = features.shape
    _, squared, turn = np.linalg.svd(features.T @ features)
    lengths = np.sqrt(squared)
    left = features @ turn.T / lengths
    found = []
    for number in range(int(classes.max()) + 1):
        y = (classes == number).astype(np.float64)
        x2 = (left.T @ y) ** 2
        rest = float((y**2).sum() - x2.sum())
        alpha = beta = 1.0
        for _ in range(MOST_STEPS):
            t = alpha / beta
            gamma = float((squared / (squared + t)).sum())
            m2 = float((squared * x2 / (t + squared) ** 2).sum())
            r2 = float((x2 / (1 + squared / t) ** 2).sum()) + rest
            alpha, beta = gamma / (m2 + TINY), (rows - gamma) / (r2 + TINY)
            if abs(alpha / beta - t) / t <= CLOSE:
                break
        t = alpha / beta
        m2 = float((squared * x2 / (t + squared) ** 2).sum())
        r2 = float((x2 / (1 + squared / t) ** 2).sum()) + rest
        total = size / 2 * np.log(alpha) + rows / 2 * np.log(beta) - np.log(alpha + beta * squared).sum() / 2
        found.append((total - beta * r2 / 2 - alpha * m2 / 2 - rows / 2 * np.log(2 * np.pi)) / rows)
    return float(np.mean(found))


def at_once(features: Matrix, classes: Classes) -> float:
    """LogME as Forebear computes it."""
    moments = gather(features, None, classes)
    return float(evidence(moments, Basis.of(moments)).values.mean())


def from_exact(rows: int, size: int, kind: str) -> float:
    """How far the evidence of Forebear is from the exact density at the same precisions, at most over three classes."""
    draw = np.random.default_rng([rows, size])
    features = draw.normal(size=(rows, size))
    if kind == "half rank":
        features[:, size // 2 :] = features[:, : size - size // 2]
    if kind == "constant columns":
        features[:, : size // 4] = 1.0
    classes = draw.integers(0, 3, rows)
    moments = gather(features, None, classes)
    found = evidence(moments, Basis.of(moments))
    worst = 0.0
    for number in range(3):
        y = (classes == number).astype(np.float64)
        covariance = np.eye(rows) / found.beta[number] + features @ features.T / found.alpha[number]
        root = np.linalg.cholesky(covariance)
        solved = np.linalg.solve(root, y)
        exact = -(2 * np.log(np.diag(root)).sum() + solved @ solved + rows * np.log(2 * np.pi)) / 2 / rows
        worst = max(worst, abs(float(exact) - float(found.values[number])))
    return worst


def timed(work: Callable[[Matrix, Classes], float], features: Matrix, classes: Classes) -> tuple[float, float]:
    began = time.process_time()
    value = work(features, classes)
    return value, time.process_time() - began


def compared(rows: int, size: int, count: int) -> tuple[float, float, float]:
    """Seconds of the peer and of Forebear, and how far their values are apart. Features say something of the class."""
    draw = np.random.default_rng([rows, size, count])
    classes = draw.permutation(np.arange(rows) % count)
    features = draw.normal(size=(rows, size)) + draw.normal(size=(count, size))[classes]
    one, slow = timed(one_by_one, features, classes)
    two, fast = timed(at_once, features, classes)
    return slow, fast, abs(one - two)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    given = parser.parse_args()
    print(f"{'rows':>7} {'features':>8}  {'kind':<17} {'from exact':>10}")
    away = [(shape, from_exact(*shape)) for shape in GRID]
    for (rows, size, kind), value in away:
        print(f"{rows:>7,} {size:>8,}  {kind:<17} {value:>10.1e}")
    print(f"\n{'rows':>7} {'features':>8} {'classes':>7} {'one by one':>10} {'at once':>9} {'ratio':>6} {'apart':>8}")
    ratio = 0.0
    for shape in SHAPES:
        slow, fast, apart = compared(*shape)
        ratio = slow / fast
        print(
            f"{shape[0]:>7,} {shape[1]:>8,} {shape[2]:>7,} {slow:>8.2f} s {fast:>7.2f} s {ratio:>5.1f}x {apart:>8.1e}"
        )
    missed = [f"exactness of {shape}" for shape, value in away if value > EXACT]
    missed += [f"{FASTER:.0f}x at the largest shape"] if ratio < FASTER else []
    if missed:
        print(f"Bars missed: {', '.join(missed)}")
    return int(given.check and bool(missed))


if __name__ == "__main__":
    sys.exit(main())
