"""Verbs of choosing what to start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from registry.domain.names import Name, Reference
from registry.domain.selection.backtest import Backtest
from registry.domain.selection.likeness import Likeness
from registry.domain.selection.report import SelectionReport
from registry.domain.selection.standings import Standings
from registry.domain.verbs.lineage import Use
from registry.errors import InvalidError

MOST_ROWS = 10_000
"""Rows that models are scored on at most: nearest neighbours and the classical baseline compare every two of them."""


@dataclass(frozen=True, slots=True)
class Recommend:
    """What to find a start for. `models` limits the candidates; empty: the newest version of every registered model,
    or an older one where the newest may not be started from.

    `use` is what the result is meant for: models whose licences forbid it are left out. `output` names what the
    recipes make; None: a name made of those of the data and the model.
    """

    dataset: Reference
    split: str = "train"
    models: tuple[Reference, ...] = ()
    use: Use | None = None
    rows: int = 2_000
    seed: int = 0
    output: Name | None = None

    def __post_init__(self) -> None:
        if not 10 <= self.rows <= MOST_ROWS:
            raise InvalidError(f"Models are scored on 10 to {MOST_ROWS:,} rows, not on {self.rows:,}")


class RankingState(StrEnum):
    """How a ranking that an engine runs stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    """Its report is kept under the same id."""
    FAILED = "failed"

    @property
    def goes_on(self) -> bool:
        """True until it has ended."""
        return self in {RankingState.QUEUED, RankingState.RUNNING}


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking that an engine runs: `id` is that of the report it makes, `told` what has happened so far, in order.

    `standings` are the candidates so far, None before the first of them is read. `code`, `error` and `remedy` say why
    it failed; they are empty otherwise.
    """

    id: str
    wanted: Recommend
    state: RankingState
    created_at: datetime
    created_by: str
    engine: str
    told: tuple[str, ...] = ()
    code: str = ""
    error: str = ""
    remedy: str = ""
    standings: Standings | None = None


@dataclass(frozen=True, slots=True)
class CompareDatasets:
    """Two datasets to compare: all their rows, or those of one `split`; at most `rows` of each are read.

    With `through` the rows are compared by the features of that model, else by TF-IDF or pixels.
    """

    first: Reference
    second: Reference
    through: Reference | None = None
    split: str | None = None
    rows: int = 2_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 20 <= self.rows <= MOST_ROWS:
            raise InvalidError(f"Datasets are compared on 20 to {MOST_ROWS:,} rows each, not on {self.rows:,}")


class SelectionVerbs(Protocol):
    """Which model to start from, and whether data is like other data."""

    def recommend(
        self,
        wanted: Recommend,
        watch: Callable[[str], None] = lambda _: None,
        show: Callable[[Standings], None] = lambda _: None,
    ) -> SelectionReport:
        """Score every eligible model on the data and keep the report.

        `watch` is told what happens, as it happens; `show` gets the ranking so far when a candidate has finished.

        Raises: NotFoundError, also where no model is eligible; InvalidError for data that cannot be scored.
        """
        ...

    def start(self, wanted: Recommend) -> Ranking:
        """Have the engine run `recommend` in a process of its own, and return at once.

        Raises: NotFoundError, BadReferenceError, InvalidError for data that cannot be scored, RefusedError,
        UnavailableError.
        """
        ...

    def ranking(self, ranking_id: str) -> Ranking:
        """How a ranking that was started stands. Raises: NotFoundError."""
        ...

    def report(self, report_id: str) -> SelectionReport:
        """One report. Raises: NotFoundError."""
        ...

    def reports(self, dataset: Reference | None = None) -> Sequence[SelectionReport]:
        """The newest reports, at most 50, newest first; with `dataset` those about that version."""
        ...

    def backtest(self) -> Backtest:
        """How well kept rankings and priors would have chosen, over the transfers on record, one target left out each.

        Raises: NotFoundError where no data has transfers from two models.
        """
        ...

    def compare(self, wanted: CompareDatasets, watch: Callable[[str], None] = lambda _: None) -> Likeness:
        """Whether two datasets are the same, near or far, with effect sizes. Nothing is kept of it.

        Raises: NotFoundError, InvalidError for data that cannot be compared, RefusedError, AdapterError.
        """
        ...
