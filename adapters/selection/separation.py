"""The regularised H-score: how far apart the classes lie, against how far the features spread.

Bao and others, "An Information-Theoretic Approach to Transferability in Task Transfer Learning" (ICIP 2019), with the
shrinkage of Ibrahim, Ponomareva and Mazumder, "Newer is not always better" (2021): the covariance is shrunk as Ledoit
and Wolf (2004) say, and that between classes by the same share.
"""

from __future__ import annotations

import numpy as np

from adapters.selection.moments import Matrix, Moments


def h_score(moments: Moments) -> float:
    """tr(cov_a(f)⁻¹ (1 - a) cov(E[f | y])) for targets that are one column for each class; 0 where nothing varies."""
    rows, mean = moments.rows, moments.mean
    covariance = moments.gram / rows - np.outer(mean, mean)
    share = shrinkage(moments, covariance)
    scale = float(np.trace(covariance)) / len(mean)
    if scale <= 0 or rows < 2:
        return 0.0
    shrunk = (1 - share) * covariance
    shrunk[np.diag_indices_from(shrunk)] += share * scale
    present = moments.targets > 0
    count = moments.targets[present]
    apart = (moments.cross[:, present] / count - mean[:, None]) * np.sqrt(count)
    try:
        solved = np.linalg.solve(shrunk, apart)
    except np.linalg.LinAlgError:  # no shrinkage, and features that depend on one another
        solved = np.linalg.pinv(shrunk, hermitian=True) @ apart
    return float((1 - share) * (apart * solved).sum() / (rows - 1))


def shrinkage(moments: Moments, covariance: Matrix) -> float:
    """The share of the identity in Ledoit and Wolf's estimate of the covariance, from 0 to 1.

    "A well-conditioned estimator for large-dimensional covariance matrices" (Journal of Multivariate Analysis 2004),
    lemmas 3.1 to 3.4, with the sum of |f - mean|⁴ taken from the sums over rows.
    """
    rows, mean = moments.rows, moments.mean
    squared = float(mean @ mean)
    fourth = (
        moments.lengths
        + 4 * float(mean @ moments.gram @ mean)
        + rows * squared**2
        - 4 * float(mean @ moments.pulled)
        + 2 * squared * float(np.trace(moments.gram))
        - 4 * squared * float(mean @ moments.features)
    )
    size = len(mean)
    norm = float((covariance**2).sum())
    spread = norm - float(np.trace(covariance)) ** 2 / size  # |S - mu I|², in all of its D² places
    error = (fourth / rows - norm) / rows
    return 0.0 if spread <= 0 else min(max(error / spread, 0.0), 1.0)
