"""What a version lost on the test data of the models that it was made from, measured on the same rows.

A model that is trained on a second task forgets the first (McCloskey and Cohen 1989). How much is the score that the
model above had on its own test data, less the score of the version on the same rows (the forgetting measure of
Chaudhry et al. 2018). A version that was given a new head cannot answer those rows any more. What its layers still
know of them is then measured by a linear probe: the same head is fitted to the features of both models, on the rows
that the model above was trained on (Davari et al. 2022). A loss by the probe is one of the representation alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lineage import Digest
from registry.domain.codec import from_json, to_json
from registry.domain.comparison.verdict import Interval

FORGETTING = "forgetting"
"""The type of evidence that the registry records of it."""


class Way(StrEnum):
    """How the version was asked about the rows of a model above it."""

    HEAD = "head"
    """By its own head, which knows the labels."""
    PROBE = "probe"
    """By a linear probe on its features, beside the same probe on those of the model above."""

    @property
    def phrase(self) -> str:
        """For people."""
        return "its own head" if self is Way.HEAD else "a linear probe"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One test set of one model above a version, and what the version lost on it.

    `lost` is the difference of the metric; of an error, the part by which it grew. It is below 0 for a gain. None of it
    is there where it cannot be measured: `reason` then says why; beside a probe, why the head was not asked.
    """

    parent: str
    """The model above, as `models:/team/name/1`."""
    data: Digest
    data_label: str
    split: str
    reason: str = ""
    way: Way | None = None
    metric: str = ""
    before: float | None = None
    """What the model above scores on these rows, in the same way."""
    after: float | None = None
    """What the version scores."""
    lost: Interval | None = None
    rows: int = 0

    @property
    def place(self) -> tuple[Digest, str]:
        """The test set: a split of a dataset version."""
        return self.data, self.split


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What was measured of one version on the test sets of the models above it; `measured_at` as ISO 8601, or empty."""

    version: str
    step: str
    sets: tuple[Forgotten, ...] = ()
    measured_at: str = ""


def body_of(sets: Sequence[Forgotten]) -> dict[str, object]:
    """As evidence keeps it."""
    return {"sets": [to_json(one) for one in sets]}


def sets_of(body: Mapping[str, object]) -> tuple[Forgotten, ...]:
    """The opposite of `body_of`."""
    found = body.get("sets")
    return tuple(from_json(Forgotten, one) for one in found) if isinstance(found, list) else ()
