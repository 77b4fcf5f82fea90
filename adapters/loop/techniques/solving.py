"""Linear heads that are solved on standardised features instead of being trained by gradient steps.

`ridge` and its leave-one-out error have closed forms. `logistic` finds the minimum of any task's loss plus a penalty on
the weights; for classes this is logistic regression. Its penalty is chosen by cross-validation. Both use training rows
only, start from no random weights, and so depend on no seed.
"""

from __future__ import annotations

from collections.abc import Iterator
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
"""Penalties of a ridge that are tried, in units of the mean eigenvalue of the features' Gram matrix."""
STRENGTHS = (1e4, 1e3, 1e2, 1e1, 1e0, 1e-1)
"""Penalties of `logistic` that are tried, strongest first: 1/C of scikit-learn, whose own choices are 1e4 to 1e-4."""
FOLDS = 3
MOST_ROWS = 2_000
"""Rows that take part in the choice of that penalty; of more, so many are drawn evenly."""


@dataclass(frozen=True, slots=True)
class Solved:
    """`weight` (outputs x D) and `bias` (outputs) of a head, the selected penalty and its error on rows left out.

    The error of a ridge is that of leave-one-out; of `logistic` it is the mean loss of held-out folds.
    """

    weight: Matrix
    bias: Matrix
    penalty: float
    error: float

    def write(self, layer: nn.Linear) -> None:
        """Set `layer` to it."""
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(self.weight))
            layer.bias.copy_(torch.from_numpy(self.bias))


def ridge(features: NDArray[Any], task: Task, targets: Targets) -> Solved:
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
    return Solved(weight, mean_y - weight @ mean_x, chosen, error)


def logistic(
    features: NDArray[Any],
    task: Task,
    targets: Targets,
    *,
    penalty: float | None = None,
    device: torch.device | None = None,
) -> Solved:
    """The head for standardised `features` (N x D): the minimum of sum(loss) + `penalty`/2 |W|².

    Without a `penalty`, it is the one of `STRENGTHS` with the lowest mean loss over held-out folds. For fewer rows than
    features, the problem is solved in the span of the rows, where its minimum lies.
    """
    x, back = _spanned(features.astype(np.float64))
    inputs = torch.from_numpy(x).to(device)
    error = float("nan")
    if penalty is None:
        penalty, error = _chosen(inputs, task, targets)
    weight, bias = _Fit(inputs, task, targets).minimum(penalty / len(inputs), tight=True)
    return Solved(weight.cpu().numpy() @ back, bias.cpu().numpy(), penalty, error)


def _spanned(x: Matrix) -> tuple[Matrix, Matrix]:
    """`x` in a basis of its rows (N x r), and that basis (r x D), where it has fewer rows than columns."""
    if len(x) >= x.shape[1]:
        return x, np.eye(x.shape[1])
    values, vectors = np.linalg.eigh(x @ x.T)
    kept = values > values[-1] * 1e-12
    root = np.sqrt(values[kept])
    return vectors[:, kept] * root, (vectors[:, kept] / root).T @ x


def _chosen(x: Tensor, task: Task, targets: Targets) -> tuple[float, float]:
    """The penalty with the lowest mean loss on rows left out, and that loss."""
    parts = list(_folds(targets, np.random.default_rng(0)))
    fits = [_Fit(x[rest], task, targets[rest]) for rest, _ in parts]
    best: tuple[float, float] | None = None
    for strength in STRENGTHS:
        error = 0.0
        for fit, (rest, held) in zip(fits, parts, strict=True):
            weight, bias = fit.minimum(strength / len(rest))
            outputs = x[held] @ weight.T + bias
            error += float(task.loss(outputs, torch.from_numpy(targets[held]).to(x.device))) * len(held)
        error /= sum(len(held) for _, held in parts)
        if best is not None and error >= best[1]:
            break  # the held-out loss falls and then rises: weaker penalties are worse still
        best = (strength, error)
    assert best is not None  # noqa: S101 -- for the type checker: there are strengths
    return best


def _folds(targets: Targets, draw: np.random.Generator) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Indexes to fit and indexes to measure, for each fold; each class is spread evenly over the folds."""
    order = draw.permutation(len(targets))[:MOST_ROWS]
    if targets.ndim == 1:
        order = order[np.argsort(targets[order], kind="stable")]
    fold = np.arange(len(order)) % min(FOLDS, len(order))
    for number in np.unique(fold):
        yield np.sort(order[fold != number]), np.sort(order[fold == number])


class _Fit:
    """L-BFGS in float64 on all rows; each minimum starts from the one before."""

    def __init__(self, x: Tensor, task: Task, targets: Targets) -> None:
        self.x, self.task, self.y = x, task, torch.from_numpy(targets).to(x.device)
        self.weight = torch.zeros(task.outputs, x.shape[1], dtype=torch.float64, device=x.device, requires_grad=True)
        self.bias = torch.zeros(task.outputs, dtype=torch.float64, device=x.device, requires_grad=True)

    def minimum(self, penalty: float, *, tight: bool = False) -> tuple[Tensor, Tensor]:
        """Weights and bias at the minimum of the mean loss plus `penalty`/2 |W|²."""
        optimizer = LBFGS(
            [self.weight, self.bias],
            max_iter=500 if tight else 60,
            tolerance_grad=1e-5 if tight else 1e-3,
            tolerance_change=1e-10 if tight else 1e-5,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            outputs = self.x @ self.weight.T + self.bias
            loss = self.task.loss(outputs, self.y) + penalty / 2 * self.weight.square().sum()
            loss.backward()
            return loss

        with torch.enable_grad():
            optimizer.step(closure)
        return self.weight.detach(), self.bias.detach()


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
