"""What every arm of a step answered to every test row: the artifact that any comparison can be computed from again.

JSON Lines, each line canonical (RFC 8785): the header with schema, data and split; the rows with their labels; then one
line for each arm and seed, its answers in the order of the rows. An answer is a prediction for one row: the name of a
class, a list of names, a number, or a list of tags.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from lineage import Digest
from registry.domain.codec import from_json, to_json
from registry.domain.comparison.verdict import ArmKind
from registry.domain.data.datasets import LabelKind
from registry.domain.manifests import canonical_json
from registry.errors import IntegrityError, RegistryError

SCHEMA = "forebear/arms/v1"
FILE_NAME = "arms.jsonl"
SAME_AS = "same_as"
"""The key in an arm's facts that names the arm whose answers these are, where it is the same model."""


@dataclass(frozen=True, slots=True)
class TestRows:
    """The test rows in order of key, with their true labels as the dataset writes them."""

    __test__ = False  # no test class, whatever pytest makes of the name

    data: Digest
    split: str
    labels: LabelKind
    keys: tuple[int, ...]
    truth: tuple[str, ...]
    groups: tuple[str, ...] = ()
    """The group of each row, where the dataset has groups: rows of one group depend on one another."""

    def __post_init__(self) -> None:
        if self.groups and len(self.groups) != len(self.keys):
            raise IntegrityError(f"{len(self.groups)} groups are given for {len(self.keys)} test rows")


@dataclass(frozen=True, slots=True)
class ArmAnswers:
    """The answers of one arm with one seed. `facts` hold its learning rate and what it cost."""

    arm: ArmKind
    seed: int
    answers: tuple[object, ...]
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arms:
    """All arms of one step. `metrics` are the recipe's, in order; `skipped` gives the reason for each missing arm."""

    step: str
    rows: TestRows
    metrics: tuple[str, ...]
    margin: float
    arms: tuple[ArmAnswers, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    published: int | None = None
    """The seed of the transfer that became the version; None in files from before it was written."""
    looks: int = 1
    """The how many-th verdict on these test rows it is."""

    def __post_init__(self) -> None:
        for arm in self.arms:
            if len(arm.answers) != len(self.rows.keys):
                raise IntegrityError(
                    f"The arm {arm.arm}, seed {arm.seed}, answered {len(arm.answers)} rows of {len(self.rows.keys)}"
                )

    def write(self) -> bytes:
        """The file."""
        rows = self.rows
        head = {
            "schema": SCHEMA,
            "step": self.step,
            "role": "test",
            "data": str(rows.data),
            "split": rows.split,
            "labels": rows.labels.value,
            "metrics": list(self.metrics),
            "margin": self.margin,
            "skipped": dict(self.skipped),
        }
        head |= {"looks": self.looks} if self.looks > 1 else {}
        head |= {} if self.published is None else {"published": self.published}
        listed = {"keys": list(rows.keys), "truth": list(rows.truth)}
        listed |= {"groups": list(rows.groups)} if rows.groups else {}
        lines = [head, listed, *map(to_json, self.arms)]
        return b"".join(canonical_json(line) + b"\n" for line in lines)


def read_arms(text: bytes) -> Arms:
    """The arms that `write` wrote. Raises: IntegrityError for anything else."""
    try:
        head, rows, *arms = map(json.loads, text.splitlines())
        if head["schema"] != SCHEMA:
            raise IntegrityError(f"Answers of schema {head['schema']!r} cannot be read: this Forebear reads {SCHEMA}")
        return Arms(
            step=head["step"],
            rows=TestRows(
                Digest.parse(head["data"]),
                head["split"],
                LabelKind(head["labels"]),
                tuple(rows["keys"]),
                tuple(rows["truth"]),
                tuple(rows.get("groups", ())),
            ),
            metrics=tuple(head["metrics"]),
            margin=float(head["margin"]),
            arms=tuple(from_json(ArmAnswers, arm) for arm in arms),
            skipped=dict(head["skipped"]),
            published=head.get("published"),
            looks=head.get("looks", 1),
        )
    except (ValueError, KeyError, TypeError, RegistryError) as error:
        raise IntegrityError(f"These are not the answers of arms: {error}") from error
