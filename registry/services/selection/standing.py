"""The order of candidates: when all have been scored, and after each of them for whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from registry.domain.data.datasets import LabelKind
from registry.domain.names import VersionRef
from registry.domain.selection.differences import interval
from registry.domain.selection.ordering import mean_ranks, ordered
from registry.domain.selection.report import HEADLINE, LeftOut
from registry.domain.selection.standings import Standing, Standings
from registry.services.selection.candidates import Eligible
from registry.services.selection.measuring import Measured, names_of

Show = Callable[[Standings], None]


def in_order(measured: Sequence[Measured]) -> tuple[list[float | None], list[int]]:
    """The mean rank of each candidate, and the candidates in their order as places in `measured`."""
    scores = {name: [one.scores.get(name) for one in measured] for name in names_of(measured)}
    means = mean_ranks(scores)
    flagged = {place for place, one in enumerate(measured) if one.flag}
    return means, ordered(means, scores[HEADLINE], flagged)


@dataclass
class Course:
    """Shows how a ranking stands, whenever a candidate has been scored or left out."""

    labels: LabelKind
    seed: int
    waiting: list[VersionRef]
    show: Show
    _measured: list[Measured] = field(default_factory=list)
    _standings: list[Standing] = field(default_factory=list)
    _left: list[LeftOut] = field(default_factory=list)

    @classmethod
    def of(cls, eligible: Sequence[Eligible], labels: LabelKind, seed: int, show: Show) -> Course:
        """At its beginning, which is shown too."""
        begun = cls(labels, seed, [one.detail.summary.ref for one in eligible], show)
        begun._tell()
        return begun

    def scored(self, found: Measured) -> None:
        """The first of those that wait has been scored."""
        summary = found.candidate.detail.summary
        score = interval(found.rows, seed=self.seed)
        self._measured.append(found)
        self._standings.append(Standing(summary.ref, summary.licence, score, found.seconds, found.cached, found.flag))
        self._next()

    def left_out(self, one: LeftOut) -> None:
        """The first of those that wait cannot be scored."""
        self._left.append(one)
        self._next()

    def _next(self) -> None:
        del self.waiting[0]
        self._tell()

    def _tell(self) -> None:
        order = in_order(self._measured)[1] if self._measured else []
        scored = tuple(self._standings[place] for place in order)
        self.show(Standings(self.labels, scored, tuple(self.waiting), tuple(self._left)))
