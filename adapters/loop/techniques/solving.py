"""Linear heads that are solved on standardised features instead of being trained by gradient steps.

`ridge` and its leave-one-out error have closed forms; `descend` finds the minimum of any task's loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adapters.loop.tasks.metrics import Targets
from adapters.loop.tasks.tasks import MultiLabel, Regression, Task
from adapters.loop.training.eager import LBFGS

Matrix = NDArray[np.float64]
GRID: Matrix = np.logspace(-4, 4, 17)
"""Penalties tried, in units of the mean eigenvalue of the features' Gram matrix."""


@dataclass(frozen=True, slots=True)
class Ridge:
    """`weight` (outputs x D) and `bias` (outputs) of the head, the selected penalty and its leave-one-out error."""

    weight: Matrix
    bias: Matrix
    penalty: float
    error: float


def ridge(features: NDArray[Any], task: Task, targets: Targets) -> Ridge:
    """Ridge regression onto +1 and -1 per class (or standardised numbers); leave-one-out selects the penalty.

    `features` (N x D) are standardised. One singular value decomposition serves all penalties; the leave-one-out
    residual of item i is e_i / (1 - h_ii) (Allen 1974, PRESS). Selected is the penalty with the fewest leave-one-out
    mistakes for single labels, else with the smallest squared error; ties go to
    the largest penalty.
    """
    x, y = features.astype(np.float64), _signs(task, targets)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    x, y = x - mean_x, y - mean_y
    left, singular, right = np.linalg.svd(x, full_matrices=False)
    squared, rotated = singular**2, left.T @ y
    scale = float(squared.mean()) or 1.0
    best: tuple[float, float, Matrix] | None = None
    for penalty in GRID * scale:
        shrunk = squared / (squared + penalty)
        hat = (left**2) @ shrunk + 1.0 / len(x)
        alone = y - (y - left @ (shrunk[:, None] * rotated)) / np.maximum(1e-12, 1.0 - hat)[:, None]
        error = _error(alone + mean_y, y + mean_y, targets)
        if best is None or error <= best[0]:
            best = (error, float(penalty), singular / (squared + penalty))
    assert best is not None  # noqa: S101 -- for the type checker: the grid is not empty
    error, chosen, inverse = best
    weight = (right.T @ (inverse[:, None] * rotated)).T
    return Ridge(weight, mean_y - weight @ mean_x, chosen, error)


def descend(head: nn.Linear, features: Tensor, task: Task, targets: Targets, penalty: float = 1e-2) -> None:
    """Set `head` to the minimum of the task's mean loss plus `penalty`/2 |W|², in float64, by L-BFGS on all items."""
    wide = nn.Linear(head.in_features, head.out_features, dtype=torch.float64, device=features.device)
    nn.init.zeros_(wide.weight)
    nn.init.zeros_(wide.bias)
    x, y = features.double(), torch.from_numpy(targets).to(features.device)
    optimizer = LBFGS(wide.parameters(), max_iter=200, tolerance_grad=1e-7, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = task.loss(wide(x), y) + penalty / 2 * wide.weight.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(closure)
    with torch.no_grad():
        head.weight.copy_(wide.weight)
        head.bias.copy_(wide.bias)


def _signs(task: Task, targets: Targets) -> Matrix:
    if isinstance(task, Regression):
        return (targets.astype(np.float64) - task.mean) / task.deviation
    if isinstance(task, MultiLabel):
        return np.where(targets > 0.5, 1.0, -1.0)
    return np.where(targets[:, None] == np.arange(task.outputs), 1.0, -1.0)


def _error(alone: Matrix, y: Matrix, targets: Targets) -> float:
    if targets.ndim == 1:
        return float(np.mean(alone.argmax(axis=1) != targets))
    return float(np.mean((alone - y) ** 2))
