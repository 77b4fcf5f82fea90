"""`forebear recommend --backtest`: over the transfers on record, leave out one target at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from registry.domain.comparison.verdict import Interval
from registry.domain.names import VersionRef
from registry.domain.selection.agreement import recall, regret, weighted_tau
from registry.domain.selection.backtest import RULES, Backtest, Gain, RuleResult, Target, concluded
from registry.domain.selection.differences import interval
from registry.domain.selection.history import PRIORS, expected
from registry.domain.selection.ordering import mean_ranks
from registry.domain.selection.past import Tried
from registry.domain.selection.report import ASIDE, SelectionReport
from registry.errors import NotFoundError
from registry.services.context import Context
from registry.services.selection.past import Past, read_past
from registry.services.unit_of_work import UnitOfWork

FEW = 10
"""Targets below which an interval over them says little."""
AGAINST = ("size", "history")
"""What the scores must do better than to be worth their cost."""


def backtest(context: Context) -> Backtest:
    """See `SelectionVerbs`. Raises: NotFoundError where no data has transfers from two models."""
    with context.read() as uow:
        past = read_past(uow)
        if not any(len(one.merits) > 1 for one in past.tried):
            raise NotFoundError(
                f"No dataset here has transfers from two or more models to compare ({past.transfers} on record)",
                remedy="Run the recipes of a ranking: forebear recommend DATASET --recipes FOLDER",
            )
        kept = {one.data: _report(uow, one) for one in past.tried}
    results = [_left_out(past, one, kept[one.data]) for one in past.tried if len(one.merits) > 1]
    rules = tuple(_rule(name, results) for name in RULES if any(name in one.target.regret for one in results))
    gains = tuple(gain for name in AGAINST if (gain := _gain(name, results)) is not None)
    return Backtest(
        transfers=past.transfers,
        targets=tuple(one.target for one in results),
        rules=rules,
        gains=gains,
        conclusion=concluded(gains),
        notes=tuple(_notes(results)),
    )


@dataclass(frozen=True, slots=True)
class _Result:
    """One target, with what each rule scored on it beside its regret."""

    target: Target
    recall: Mapping[str, float]
    tau: Mapping[str, float]


def _report(uow: UnitOfWork, one: Tried) -> SelectionReport | None:
    """The newest kept ranking that has at least two of the sources that were tried."""
    reports = uow.selections.newest(dataset=one.data, limit=20)
    return next((kept for kept in reports if sum(r.ref in one.merits for r in kept.ranked) > 1), None)


def _left_out(past: Past, one: Tried, report: SelectionReport | None) -> _Result:
    """What each rule says of this target without its outcomes, against them: all rules on the same candidates."""
    refs = [ref for ref in one.merits if report is None or any(ref == r.ref for r in report.ranked)]
    candidates, achieved = [past.sources[ref] for ref in refs], [one.merits[ref] for ref in refs]
    hopes: dict[str, Sequence[float]] = {"chance": [0.0] * len(refs), "size": [float(c.size) for c in candidates]}
    for name, alike in PRIORS.items():
        hopes[name] = expected(candidates, one.task, past.tried, past.sources, alike)
    if report is not None:
        hopes["scores"] = _scored(report, refs)
    best = max(refs, key=lambda ref: one.merits[ref])
    return _Result(
        Target(
            data=one.data,
            metric=one.metric,
            sources=len(refs),
            best=best,
            report="" if report is None else report.id,
            regret={name: regret(hopes[name], achieved) for name in RULES if name in hopes},
        ),
        {name: recall(hope, achieved) for name, hope in hopes.items()},
        {name: weighted_tau(hope, achieved) or 0.0 for name, hope in hopes.items()},
    )


def _scored(report: SelectionReport, refs: Sequence[VersionRef]) -> list[float]:
    """Minus the mean rank over the measured scores, among these candidates alone; flagged ones come last."""
    ranked = {one.ref: one for one in report.ranked}
    names = dict.fromkeys(name for one in report.ranked for name in one.scores if not name.startswith(ASIDE))
    means = mean_ranks({name: [ranked[ref].scores.get(name) for ref in refs] for name in names})
    worst = len(refs) + 1.0
    return [-worst if ranked[ref].flag or place is None else -place for ref, place in zip(refs, means, strict=True)]


def _rule(name: str, results: Sequence[_Result]) -> RuleResult:
    own = [one for one in results if name in one.target.regret]
    return RuleResult(
        rule=name,
        targets=len(own),
        regret=_over([one.target.regret[name] for one in own]),
        recall=_over([one.recall[name] for one in own]),
        tau=_over([one.tau[name] for one in own]),
    )


def _gain(name: str, results: Sequence[_Result]) -> Gain | None:
    both = [one.target.regret for one in results if "scores" in one.target.regret]
    return Gain(name, len(both), _over([one[name] - one["scores"] for one in both])) if both else None


def _over(values: Sequence[float]) -> Interval:
    return interval(np.array(values, dtype=np.float64))


def _notes(results: Sequence[_Result]) -> list[str]:
    notes = [
        "Only models that somebody chose to try have an outcome, so a rule that people followed looks better than it is"
    ]
    if len(results) < FEW:
        notes.append(f"Targets: {len(results)}. The intervals say little before there are {FEW} or more")
    without = sum("scores" not in one.target.regret for one in results)
    if without:
        notes.append(
            f"Targets without a kept ranking: {without} of {len(results)}. The scores are tested on the others"
        )
    return notes
