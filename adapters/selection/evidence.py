"""LogME: the evidence of a Bayesian linear model on frozen features, for every number of rows and features.

You, Liu, Wang and Long, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning" (ICML 2021), with the
fixed point of their later article (JMLR 2022, "Ranking and Tuning Pre-trained Models"). Their published code keeps
D/2 ln(alpha) while it sums ln(alpha + beta sigma) over the directions with weight only, which is wrong by
(D - rank)/2 ln(alpha) where there are fewer rows than features, or where features depend on one another. Here the two
terms are written as one sum of ln(1 + beta sigma / alpha), to which such directions add nothing, so that the result is
the exact log density of y under a normal distribution with covariance 1/beta I + 1/alpha FF'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.selection.moments import Matrix, Moments

MOST_STEPS, CLOSE, TINY = 11, 1e-3, 1e-5
"""As in the published code: steps of the fixed point, the relative change at which it ends, and what keeps the
denominators from being zero."""


@dataclass(frozen=True, slots=True)
class Basis:
    """The eigenvalues (D, ascending, none below zero) and eigenvectors (D x D, columns) of F'F.

    `used` marks the directions whose eigenvalue is not zero to the precision of the sums.
    """

    values: Matrix
    vectors: Matrix
    used: np.ndarray

    @classmethod
    def of(cls, moments: Moments) -> Basis:
        """The one factorisation that all the scores share: about 9 D³ operations."""
        values, vectors = np.linalg.eigh(moments.gram)
        values = np.maximum(values, 0.0)
        least = float(values.max(initial=0.0)) * np.finfo(np.float64).eps * max(moments.rows, len(values))
        return cls(values, vectors, values > least)


@dataclass(frozen=True, slots=True)
class Evidence:
    """For each target (C): the evidence for each row, in nats, and the precisions of the weights and of the noise."""

    values: Matrix
    alpha: Matrix
    beta: Matrix


def evidence(moments: Moments, basis: Basis) -> Evidence:
    """LogME of every column of the targets at once: O(D² C) after the factorisation."""
    rows, sigma = moments.rows, basis.values[basis.used][:, None]
    seen = basis.vectors[:, basis.used].T @ moments.cross
    x2 = seen**2 / sigma  # k x C: the part of |y|² in each direction
    rest = np.maximum(moments.squares - x2.sum(axis=0), 0.0)
    alpha, beta = np.ones(x2.shape[1]), np.ones(x2.shape[1])
    going = np.ones(x2.shape[1], dtype=bool)
    for _ in range(MOST_STEPS):
        if not going.any():
            break
        t = alpha[going] / beta[going]
        m2, r2 = _fit(sigma, x2[:, going], rest[going], t)
        gamma = (sigma / (sigma + t)).sum(axis=0)
        alpha[going] = gamma / (m2 + TINY)
        beta[going] = (rows - gamma) / (r2 + TINY)
        moved = np.abs(alpha[going] / beta[going] - t) / t
        going[np.flatnonzero(going)[moved <= CLOSE]] = False
    m2, r2 = _fit(sigma, x2, rest, alpha / beta)
    total = (
        rows / 2 * np.log(beta)
        - np.log1p(beta * sigma / alpha).sum(axis=0) / 2
        - beta / 2 * r2
        - alpha / 2 * m2
        - rows / 2 * np.log(2 * np.pi)
    )
    return Evidence(total / rows, alpha, beta)


def _fit(sigma: Matrix, x2: Matrix, rest: Matrix, t: Matrix) -> tuple[Matrix, Matrix]:
    """The squared length of the posterior weights, and the squared error that they leave."""
    m2 = (sigma * x2 / (t + sigma) ** 2).sum(axis=0)
    r2 = (x2 / (1 + sigma / t) ** 2).sum(axis=0) + rest
    return m2, r2
