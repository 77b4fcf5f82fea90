"""The test of a ranking against what happened: would it have chosen the source that then did best?

Values only, and light: a page or a command reads them without NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry.domain.comparison.verdict import Interval
from registry.domain.names import VersionRef

RULES = {
    "scores": "the measured scores of the kept ranking",
    "history": "the mean rank of the same model on other data",
    "lineage": "outcomes of the model and its kin on other data",
    "metadata": "outcomes of models of the same architecture and size on other data",
    "size": "the largest first",
    "chance": "any model, all equally likely",
}
"""What models are ordered by."""
LEAST = 6
"""Targets below which nothing is concluded: on 5, all differences have one sign by chance in 2 of 32 cases."""


@dataclass(frozen=True, slots=True)
class Target:
    """The data that was left out, and what each rule would have lost on it by choosing its first model.

    `best` is the source that reached the most, by `metric` on the same test rows as the others. `report` is the kept
    ranking that was read, empty where there is none.
    """

    data: VersionRef
    metric: str
    sources: int
    best: VersionRef
    report: str
    regret: dict[str, float]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule did over its targets: means with 95 % bootstrap intervals over targets.

    `regret` is in the unit of the metric (for errors: the share of the error of a constant answer). `recall` is how
    often the best source is among its first three. `tau` is the weighted tau of its order.
    """

    rule: str
    targets: int
    regret: Interval
    recall: Interval
    tau: Interval


@dataclass(frozen=True, slots=True)
class Gain:
    """How much more than `scores` another rule loses, on the targets that have both."""

    rule: str
    targets: int
    lost: Interval


@dataclass(frozen=True, slots=True)
class Backtest:
    """All rules over all targets on record, and a conclusion that claims no more than the intervals show."""

    transfers: int
    targets: tuple[Target, ...]
    rules: tuple[RuleResult, ...]
    gains: tuple[Gain, ...]
    conclusion: str
    notes: tuple[str, ...] = ()


def concluded(gains: tuple[Gain, ...]) -> str:
    """Whether the scores choose better than size and history, in one sentence."""
    if not gains:
        return "No kept ranking covers data that two or more models were tried on, so the scores cannot be tested"
    if gains[0].targets < LEAST:
        count = gains[0].targets
        return f"The scores can be tested on {count} of the datasets: nothing is concluded from fewer than {LEAST}"
    better = [one.rule for one in gains if one.lost.low > 0]
    worse = [one.rule for one in gains if one.lost.high < 0]
    if worse:
        return f"The scores choose worse than {' and '.join(worse)} here: go by that"
    if len(better) == len(gains):
        return f"The scores choose better than {' and '.join(better)} here"
    unclear = [one.rule for one in gains if one.rule not in better]
    return f"These transfers do not show that the scores choose better than {' and '.join(unclear)}"
