"""The data of each role in a recipe: rows in order of key and their targets, checked before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adapters.loop.tasks.labelled import Indexes
from adapters.loop.tasks.metrics import Targets
from adapters.loop.tasks.tasks import Task, task_of
from registry.domain.data.datasets import LabelKind, Row
from registry.errors import BadDataError, BadRecipeError
from registry.ports.transfers import DataInput, TransferJob


@dataclass(frozen=True, slots=True)
class Role:
    """The rows of one role and their targets (first axis: the rows)."""

    name: str
    data: DataInput
    rows: tuple[Row, ...]
    targets: Targets

    def take(self, indexes: Indexes) -> Role:
        """The rows at `indexes`, in that order."""
        return replace(self, rows=tuple(self.rows[n] for n in indexes.tolist()), targets=self.targets[indexes])


@dataclass(frozen=True, slots=True)
class Roles:
    """The labelled data of one step: for training, for the selection of the best epoch, and for the test."""

    task: Task
    train: Role
    validation: Role | None
    test: Role | None

    @property
    def chosen_on(self) -> tuple[Role, ...]:
        """The roles used for training and selection."""
        return (self.train,) if self.validation is None else (self.train, self.validation)

    @property
    def tested(self) -> tuple[Role, ...]:
        """The test role, if there is one."""
        return () if self.test is None else (self.test,)

    @property
    def test_rows_seen_in_train(self) -> int:
        """The number of test rows with the same content as a training row; above 0, test results are too good."""
        if self.test is None:
            return 0
        seen = {row.digest for row in self.train.rows}
        return sum(row.digest in seen for row in self.test.rows)


def read_roles(
    job: TransferJob,
    parent_classes: Sequence[str] | None = None,
    *,
    train: str = "train",
    validation: str = "validation",
    test: str = "test",
) -> Roles:
    """Read and check the labelled roles. Some methods name them differently (`train.digits`).

    Raises: BadRecipeError for a missing train role; BadDataError for an empty split, a row without a label, a single
    class, or a label that no training row has.
    """
    if train not in job.data:
        raise BadRecipeError(f"The recipe has no {train} data", remedy=f"Add data.{train}")
    rows = rows_of(train, job.data[train])
    task = task_of(job.data[train], rows, parent_classes)

    def role(name: str) -> Role | None:
        return labelled_role(name, job.data[name], task) if name in job.data else None

    first = role(train)
    assert first is not None  # noqa: S101 -- for the type checker: looked up above
    return Roles(task, first, role(validation), role(test))


def labelled_role(name: str, data: DataInput, task: Task) -> Role:
    """The rows of `data` with the targets of `task`. Raises: BadDataError, also for labels of another kind."""
    if data.labels is not task.labels:
        raise BadDataError(
            f"The {name} data ({data.label}) has labels of kind {data.labels.value}, but the model is trained on "
            f"labels of kind {task.labels.value}",
            remedy="Register both datasets with the same --labels",
        )
    rows = rows_of(name, data)
    return Role(name, data, rows, task.targets(name, data, rows))


def unlabelled_role(name: str, data: DataInput) -> Role:
    """The rows of `data`, ignoring any labels; the targets are zeros. Raises: BadDataError."""
    rows = rows_of(name, data)
    return Role(name, data, rows, np.zeros(len(rows), dtype=np.int64))


def rows_of(name: str, data: DataInput) -> tuple[Row, ...]:
    """The rows of the chosen split in order of key. Raises: BadDataError when there are none."""
    rows = tuple(sorted(data.chosen, key=lambda row: row.key))
    if not rows:
        raise BadDataError(
            f"The split {data.split!r} of {data.label}, used as {name} data, has no rows",
            remedy=f"Its splits are {', '.join(sorted({row.split for row in data.rows})) or 'none'}",
        )
    return rows


def few(role: Role, shots: int, seed: int) -> Indexes:
    """Indexes, in ascending order, of `shots` rows of each class, drawn with `seed`; of all rows if `shots` is 0.

    A class with fewer rows gives all of them. Without single-label classes, `shots` is the total number of rows.
    """
    generator, everything = np.random.default_rng([seed, shots]), np.arange(len(role.rows), dtype=np.int64)
    if not shots:
        return everything
    groups = [everything]
    if role.data.labels is LabelKind.CLASS:
        groups = [np.flatnonzero(role.targets == number) for number in np.unique(role.targets)]
    chosen = [group if len(group) <= shots else generator.choice(group, shots, replace=False) for group in groups]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def has_labels(data: DataInput) -> bool:
    """True if the rows were registered with labels of any kind."""
    return data.labels is not LabelKind.NONE
