"""The verbs of choosing what to start from, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.client.transport.addresses import part
from registry.client.transport.connection import Connection
from registry.domain.names import Reference
from registry.domain.selection.backtest import Backtest
from registry.domain.selection.likeness import Likeness
from registry.domain.selection.report import SelectionReport
from registry.domain.verbs.selection import CompareDatasets, Recommend
from registry.errors import NotRemoteError


@dataclass(frozen=True, slots=True)
class RemoteSelection:
    """Implements `SelectionVerbs`."""

    server: Connection

    def recommend(self, wanted: Recommend, watch: Callable[[str], None] = lambda _: None) -> SelectionReport:  # noqa: ARG002 - the verb's own signature
        raise NotRemoteError(
            f"The server reads no models, so it cannot rank them for {wanted.dataset}",
            remedy="Rank on the machine of the registry folder: forebear --home FOLDER recommend DATASET",
        )

    def report(self, report_id: str) -> SelectionReport:
        return self.server.get(SelectionReport, f"/selections/{part(report_id)}")

    def reports(self, dataset: Reference | None = None) -> Sequence[SelectionReport]:
        return self.server.get(tuple[SelectionReport, ...], "/selections", {"dataset": dataset})

    def backtest(self) -> Backtest:
        return self.server.get(Backtest, "/selections/backtest")

    def compare(self, wanted: CompareDatasets, watch: Callable[[str], None] = lambda _: None) -> Likeness:  # noqa: ARG002 - the verb's own signature
        raise NotRemoteError(
            f"The server reads no data, so it cannot compare {wanted.first} with {wanted.second}",
            remedy="Compare on the machine of the registry folder: forebear --home FOLDER dataset compare A B",
        )
