"""Scores of a source model that keeps its own head: what its answers say about the new labels.

Both take P (N x Cs), the probabilities of the source's classes for each row, and y (N), the new classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from adapters.selection.moments import Matrix


def leep(answers: Matrix, classes: NDArray[np.int64]) -> float:
    """The mean log of sum_z P(y | z) p(z | x): Nguyen and others, "LEEP" (ICML 2020), equation 2. 0 is the best.

    A source class without any weight says nothing, and adds nothing.
    """
    joint = np.zeros((int(classes.max()) + 1, answers.shape[1]))
    np.add.at(joint, classes, answers)
    weight = joint.sum(axis=0)
    given = joint[:, weight > 0] / weight[weight > 0]  # P(y | z)
    expected = (answers[:, weight > 0] @ given.T)[np.arange(len(classes)), classes]
    return float(np.log(expected).mean())


def nce(answers: Matrix, classes: NDArray[np.int64]) -> float:
    """Minus the entropy of the new class given the source's answer: Tran, Nguyen and Hassner (ICCV 2019). 0 is best."""
    hard = answers.argmax(axis=1)
    joint = np.zeros((int(classes.max()) + 1, answers.shape[1]))
    np.add.at(joint, (classes, hard), 1.0 / len(classes))
    weight = np.broadcast_to(joint.sum(axis=0), joint.shape)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / weight[there])).sum())
