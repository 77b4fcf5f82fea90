"""What a recipe's roles hold: rows in order of key, their class numbers, and the mistakes found before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adapters.loop.metrics import Labels
from registry.domain.data import Row
from registry.errors import BadDataError, BadRecipeError
from registry.ports import DataInput, TransferJob

USED = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Role:
    """The rows of one role and their class numbers (int64, one per row)."""

    name: str
    data: DataInput
    rows: tuple[Row, ...]
    labels: Labels


@dataclass(frozen=True, slots=True)
class Roles:
    """The data of one step by role. Classes come from the training rows alone."""

    classes: tuple[str, ...]
    train: Role
    validation: Role | None
    test: Role | None

    @property
    def chosen_on(self) -> tuple[Role, ...]:
        """What the model is learnt and chosen on."""
        return (self.train,) if self.validation is None else (self.train, self.validation)

    @property
    def tested(self) -> tuple[Role, ...]:
        """What it is tested on once it is chosen."""
        return () if self.test is None else (self.test,)

    @property
    def test_rows_seen_in_train(self) -> int:
        """Test rows whose very content is also a training row: above 0, the test flatters."""
        if self.test is None:
            return 0
        seen = {row.digest for row in self.train.rows}
        return sum(row.digest in seen for row in self.test.rows)


def read_roles(job: TransferJob, parent_classes: Sequence[str] | None = None) -> Roles:
    """Read and check all roles; classes are in the parent head's order where it knows the same ones, else sorted.

    Raises: BadRecipeError for a missing train role or one that is not used here, BadDataError for an empty split, a
    row without a label, a single class, or a label that training never sees.
    """
    unused = [name for name in job.data if name not in USED]
    if unused:
        raise BadRecipeError(
            f"{job.recipe.method} does not use data in the role {unused[0]!r}",
            remedy=f"Give data as {', '.join(USED)}",
        )
    if "train" not in job.data:
        raise BadRecipeError("the recipe names no training data", remedy="Add data.train")
    found = {label for _, label in _labelled("train", job.data["train"])}
    if len(found) < 2:
        raise BadDataError(
            f"the split {job.data['train'].split!r} of {job.data['train'].label} has one class only: {min(found)!r}",
            remedy="A classifier needs two classes or more",
        )
    same = parent_classes is not None and found == set(parent_classes)
    classes = tuple(parent_classes) if same and parent_classes is not None else tuple(sorted(found))
    roles = {name: _role(name, data, classes) for name, data in job.data.items()}
    return Roles(classes, roles["train"], roles.get("validation"), roles.get("test"))


def _role(name: str, data: DataInput, classes: tuple[str, ...]) -> Role:
    number = {label: n for n, label in enumerate(classes)}
    pairs = _labelled(name, data)
    strangers = sorted({label for _, label in pairs} - number.keys())
    if strangers:
        raise BadDataError(
            f"{name} data ({data.label}, split {data.split!r}) has the label {strangers[0]!r}, "
            "which no training row has",
            remedy="Put rows of every class into the training split",
            facts={"labels": strangers},
        )
    labels = np.array([number[label] for _, label in pairs], dtype=np.int64)
    return Role(name, data, tuple(row for row, _ in pairs), labels)


def _labelled(name: str, data: DataInput) -> list[tuple[Row, str]]:
    rows = sorted(data.chosen, key=lambda row: row.key)
    if not rows:
        raise BadDataError(
            f"the split {data.split!r} of {data.label}, wanted as {name} data, has no rows",
            remedy=f"Its splits are {', '.join(sorted({row.split for row in data.rows})) or 'none'}",
        )
    pairs = [(row, row.label) for row in rows if row.label is not None]
    if len(pairs) < len(rows):
        bare = next(row for row in rows if row.label is None)
        raise BadDataError(
            f"row {bare.key} of {data.label} (split {data.split!r}) has no label",
            remedy=f"{name} data needs a label on every row",
        )
    return pairs
