"""Selection reports as storage keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lineage import Digest
from registry.domain.names import VersionRef
from registry.domain.selection.past import Task
from registry.domain.selection.report import SelectionReport
from registry.domain.verbs.selection import Ranking


@dataclass(frozen=True, slots=True)
class PastTransfer:
    """One transfer that succeeded, with one source and one training dataset, measured on one set of test rows.

    `tested` names the test rows, by digest and split. `size` (bytes) and `architecture` are those of the source.
    """

    source: VersionRef
    data: VersionRef
    task: Task
    tested: str
    metrics: Mapping[str, float]
    size: int
    architecture: str


class SelectionRepository(Protocol):
    """Selection reports, which are never changed, and the rankings that engines run to make them."""

    def add(self, report: SelectionReport) -> None: ...
    def get(self, report_id: str) -> SelectionReport | None: ...
    def newest(self, *, dataset: VersionRef | None, limit: int) -> Sequence[SelectionReport]: ...
    def about(self, dataset: VersionRef) -> Iterator[SelectionReport]:
        """All of one dataset version, newest first, read in pages."""
        ...

    def add_ranking(self, ranking: Ranking) -> None: ...
    def ranking(self, ranking_id: str) -> Ranking | None: ...
    def move_ranking(self, ranking: Ranking) -> bool:
        """Write how it stands now; False, and nothing is written, where it has ended already."""
        ...

    def summary(self, model: Digest, data: Digest, split: str) -> bytes | None:
        """The kept summary of the features that a model gives for data that it learnt from."""
        ...

    def add_summary(self, model: Digest, data: Digest, split: str, body: bytes) -> None:
        """Keep one; where there is one already, that stays."""
        ...

    def past_transfers(self) -> Sequence[PastTransfer]:
        """All of them, oldest first. Transfers that our own adapters did not run are left out."""
        ...
