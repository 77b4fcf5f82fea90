"""The verbs of choosing what to start from, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.client.transport.addresses import part
from registry.client.transport.connection import Connection
from registry.client.transport.waiting import waits
from registry.domain.codec.problems import error_of
from registry.domain.names import Reference
from registry.domain.selection.backtest import Backtest
from registry.domain.selection.likeness import Likeness
from registry.domain.selection.report import SelectionReport
from registry.domain.selection.standings import Standings
from registry.domain.verbs.selection import CompareDatasets, Ranking, RankingState, Recommend
from registry.errors import AdapterError, NotRemoteError


@dataclass(frozen=True, slots=True)
class RemoteSelection:
    """Implements `SelectionVerbs`."""

    server: Connection

    def recommend(
        self,
        wanted: Recommend,
        watch: Callable[[str], None] = lambda _: None,
        show: Callable[[Standings], None] = lambda _: None,
    ) -> SelectionReport:
        """Have the server's engine rank, and wait for it. Ctrl-C ends the waiting, not the ranking."""
        found, seen, wait = self.start(wanted), 0, waits()
        shown: Standings | None = None
        while True:
            for said in found.told[seen:]:
                watch(said)
            seen = len(found.told)
            if found.standings is not None and found.standings != shown:
                shown = found.standings
                show(shown)
            if not found.state.goes_on:
                break
            self.server.sleep(next(wait))
            found = self.ranking(found.id)
        if found.state is RankingState.FAILED:
            raise error_of(found.code, found.error, remedy=found.remedy) or AdapterError(
                found.error, remedy=found.remedy
            )
        return self.report(found.id)

    def start(self, wanted: Recommend) -> Ranking:
        return self.server.send(Ranking, "POST", "/selections", wanted)

    def ranking(self, ranking_id: str) -> Ranking:
        return self.server.get(Ranking, f"/selections/{part(ranking_id)}/ranking")

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
