"""What earlier transfers say of a candidate that was never tried on the new data: three priors of one form.

An outcome is where a source came among the sources that were tried on the same data, from -1/2 (the worst) to 1/2 (the
best): shares of ranks, because metrics of different data have no unit in common. The prior of a candidate is the mean
of a Gaussian process given all outcomes (Rasmussen and Williams 2006, equation 2.25), with noise as large as the signal
where an outcome counts fully. What differs is only which sources count as alike:

- `history`: a source is like itself alone. A candidate then has the mean of its own outcomes, drawn towards 0 as by one
  more, average outcome: the mean rank on earlier targets, for those that have one.
- `lineage`: sources are alike by how near their common ancestor is, as in LRMF (arXiv 2504.19811).
- `metadata`: sources are alike by architecture and size, as in ModelLens (arXiv 2605.07075).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import numpy as np

from registry.domain.names import VersionRef
from registry.domain.selection.ordering import ranks
from registry.domain.selection.past import Source, Task, Tried

NEARER = 0.7
"""How alike two sources are, for each generation between them and their common ancestor."""


def shares(values: Sequence[float]) -> list[float]:
    """Where each value comes among all, from -1/2 for the least to 1/2 for the largest; 0 for one alone."""
    if len(values) < 2:
        return [0.0] * len(values)
    return [0.5 - ((place or 1.0) - 1) / (len(values) - 1) for place in ranks(values)]


def weight(task: Task, other: Task) -> float:
    """How much an outcome on `other` counts for `task`, from 0 to 1: as modality, labels, rows and classes are alike.

    The priors ask for no features, so neither does this: only what a registry knows of every dataset.
    """
    if (task.modality, task.labels) != (other.modality, other.labels):
        return 0.0
    rows = abs(math.log(max(task.rows, 1) / max(other.rows, 1)))
    classes = abs(math.log(max(task.classes, 1) / max(other.classes, 1)))
    return 1.0 / (1.0 + rows / 2 + classes / 2)


def itself(one: Source, other: Source) -> float:
    """1 for the same version, else 0."""
    return float(one.ref == other.ref)


def kinship(one: Source, other: Source) -> float:
    """1 for the same version, less for each generation to the nearest common ancestor; 0 without one."""
    common = one.ancestors.keys() & other.ancestors.keys()
    away = min((one.ancestors[ref] + other.ancestors[ref] for ref in common), default=None)
    return 0.0 if away is None else NEARER**away


def metadata(one: Source, other: Source) -> float:
    """The mean of: the same version, the same architecture, and how alike the sizes are (e-fold steps)."""
    apart = math.log(max(one.size, 1) / max(other.size, 1))
    return fmean((itself(one, other), float(one.architecture == other.architecture), math.exp(-(apart**2) / 2)))


PRIORS: Mapping[str, Callable[[Source, Source], float]] = {
    "history": itself,
    "lineage": kinship,
    "metadata": metadata,
}


def expected(
    candidates: Sequence[Source],
    task: Task,
    past: Sequence[Tried],
    sources: Mapping[VersionRef, Source],
    alike: Callable[[Source, Source], float],
) -> list[float]:
    """The prior of each candidate for `task`, from -1/2 to 1/2; 0 where no outcome says anything.

    Outcomes on any version of the data of `task` itself are left out. Several outcomes of one source are to the process
    the same as their weighted mean with the sum of their weights: so it costs the cube of the number of sources.
    """
    weights: dict[VersionRef, float] = defaultdict(float)
    totals: dict[VersionRef, float] = defaultdict(float)
    for one in past:
        counts = 0.0 if one.task.name == task.name else weight(task, one.task)
        if counts > 0:
            for ref, share in zip(one.merits, shares(list(one.merits.values())), strict=True):
                weights[ref] += counts
                totals[ref] += counts * share
    if not weights:
        return [0.0] * len(candidates)
    seen = [sources[ref] for ref in weights]
    between = np.array([[alike(one, other) for other in seen] for one in seen])
    noise = np.diag([1.0 / counts for counts in weights.values()])
    solved = np.linalg.solve(between + noise, np.array([totals[ref] / counts for ref, counts in weights.items()]))
    found = np.array([[alike(one, other) for other in seen] for one in candidates]) @ solved
    return [float(value) for value in found]
