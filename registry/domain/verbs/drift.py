"""Verbs of drift: whether a version still meets the data that it was tested on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from registry.domain.drift.report import KeptReport
from registry.domain.names import Reference
from registry.errors import InvalidError

LEAST_ROWS, MOST_ROWS = 50, 10_000
"""Rows of each side that are compared."""


@dataclass(frozen=True, slots=True)
class CheckDrift:
    """A version and the data that it meets now: all rows of it, or those of one `split`; at most `rows` are read.

    `reference` is a dataset to compare with instead of the rows that the version was tested on. With `new_only`, rows
    whose content stands in the reference's dataset are left out, and with `after` those that stand in that dataset.
    """

    model: Reference
    data: Reference
    split: str | None = None
    reference: Reference | None = None
    rows: int = 2_000
    seed: int = 0
    new_only: bool = False
    after: Reference | None = None

    def __post_init__(self) -> None:
        if not LEAST_ROWS <= self.rows <= MOST_ROWS:
            raise InvalidError(f"Drift is checked on {LEAST_ROWS} to {MOST_ROWS:,} rows, not on {self.rows:,}")


class DriftVerbs(Protocol):
    """Whether the data has moved away from a version."""

    def check(self, wanted: CheckDrift, watch: Callable[[str], None] = lambda _: None) -> KeptReport:
        """Compare, and keep the report as evidence about the version. `watch` is told what happens, as it happens.

        A drift asks for a new approval of the version where its policy says so (`reattest.triggers: [drift_alert]`).
        Raises: NotFoundError, InvalidError for data that cannot be compared, WithheldError, RecalledError,
        RefusedError, AdapterError.
        """
        ...

    def watch(
        self, model: Reference, data: Reference, watch: Callable[[str], None] = lambda _: None
    ) -> KeptReport | None:
        """Check what is new in a growing dataset: the rows of its newest version that stand in none checked before.

        `data` names the dataset. Each call takes the next window: where nothing is new, or too few rows are, it gives
        None, and they wait for the next version. Raises: as `check`.
        """
        ...

    def reports(self, model: Reference) -> Sequence[KeptReport]:
        """The reports on record about a version, at most 50, newest first. Raises: NotFoundError."""
        ...
