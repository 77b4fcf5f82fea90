"""How a backtest of rankings looks in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import hint, table, tell

if TYPE_CHECKING:
    from registry.domain.comparison.verdict import Interval
    from registry.domain.selection.backtest import Backtest


def show_backtest(found: Backtest) -> None:
    """The conclusion, each rule over all targets, and each target."""
    from registry.domain.selection.backtest import RULES

    tell(found.conclusion)
    rows: list[list[object]] = [
        [one.rule, one.targets, _written(one.regret), _written(one.recall), _written(one.tau), RULES[one.rule]]
        for one in found.rules
    ]
    heads = ["Order by", ">Targets", "Regret@1", "Recall@3", "Weighted tau", "What it is"]
    table(heads, rows, empty="No rule has a target.", drop=("What it is",))
    for gain in found.gains:
        tell(f"{gain.rule} loses {_written(gain.lost)} more than the scores, over {gain.targets} targets.")
    named = [one.rule for one in found.rules]
    targets: list[list[object]] = [
        [one.data.label, one.metric, one.sources, one.best.label, *(one.regret.get(name) for name in named)]
        for one in found.targets
    ]
    table(
        ["Target", "Metric", ">Models", "Best", *(f">{name}" for name in named)],
        targets,
        empty="There are no targets.",
        drop=("Metric",),
    )
    for note in found.notes:
        tell(note)
    hint(f"{found.transfers} transfers on record; intervals are 95 %, by a bootstrap over targets.")


def _written(score: Interval) -> str:
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"
