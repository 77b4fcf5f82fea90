"""The verdict on a transfer: what its arms answered, compared by one rule.

- positive: the interval of (transfer - scratch) lies above 0, that of (transfer - probe) above -margin, and on no slice
  is the transfer significantly worse than from scratch (Holm's correction over the slices);
- negative: the interval of (transfer - scratch) lies below 0;
- inconclusive: everything else;
- no verdict: positive or negative would rest on an arm that is invalid (`validity`). Positive rests on the transfer,
  scratch and the probe, negative on the transfer and scratch. A transfer that gives every row the same answer may be
  negative, because that is the model that people would use, but never positive.

A classical model on the raw rows changes no outcome, but the reasons say where it is better, or as good.

Where the metric counts right answers, the flip test on the items has to agree with the interval: on a handful of
discordant items a bootstrap is too narrow. Under 20 items nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.exact import flip_test, holm
from registry.domain.comparison.resampling import LEVEL, Resamples, Spread, difference, spread
from registry.domain.comparison.tallies import Floats, Tally, differences
from registry.domain.comparison.validity import TRAINED
from registry.domain.comparison.verdict import ArmKind, ArmScore, Gap, Outcome, SliceGap, TransferVerdict

MARGIN = 0.01
"""How much worse than the linear probe still counts as no worse: one point of accuracy or F1."""
FEWEST = 20
"""Test items under which no verdict is given."""
FEWEST_IN_SLICE = 5
"""Items of a slice under which it is not tested: even five of five against it are no proof at 5 %."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What one arm did: for each of its seeds a tally of the metric, and one of the slices' metric."""

    kind: ArmKind
    seeds: tuple[int, ...]
    tallies: tuple[Tally, ...]
    points: Mapping[str, tuple[Tally, ...]] = field(default_factory=dict)
    """By slice: a tally of its items for each seed."""
    broken: str = ""
    """Why its model is not what was trained; empty if it is."""
    constant: str = ""
    """Why its answers are those of a model that has learnt nothing; empty if they are not."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What the arms are compared by."""

    metric: str
    higher_is_better: bool = True
    margin: float = MARGIN
    slice_metric: str = "accuracy"
    slice_higher_is_better: bool = True
    slices: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """By name: which test items."""


def judge(
    arms: Sequence[Arm],
    measure: Measure,
    *,
    resamples: Resamples | None = None,
    level: float = LEVEL,
    draw: Callable[[Sequence[Tally]], Floats] | None = None,
) -> TransferVerdict:
    """The verdict on the arm TRANSFER; without an arm SCRATCH there is nothing to conclude.

    `resamples` may be reused for several comparisons. `draw` stands in for `resamples.values` where many
    comparisons are drawn at once.
    """
    items = len(arms[0].tallies[0].parts)
    resamples = resamples or Resamples(items)
    places = {kind: number for number, kind in enumerate(ArmKind)}
    spreads = {
        arm.kind: spread(
            [tally.value for tally in arm.tallies], (draw or resamples.values)(arm.tallies), resamples, places[arm.kind]
        )
        for arm in arms
    }
    by_kind = {arm.kind: arm for arm in arms}
    transfer = by_kind[ArmKind.TRANSFER]
    gaps = tuple(
        _gap(transfer, arm, spreads, measure.higher_is_better, level) for arm in arms if arm.kind is not transfer.kind
    )
    scratch = by_kind.get(ArmKind.SCRATCH)
    slices = _slices(transfer, scratch, measure, resamples, 1 - level) if scratch is not None else ()
    invalid = _invalid(arms)
    by_arm = {gap.arm: gap for gap in gaps}
    outcome, reasons = _conclude(by_arm, slices, items, measure, level)
    if items >= FEWEST:
        outcome, reasons = _only_valid(outcome, reasons, invalid, constant=transfer.constant)
    reasons += _beside_classical(by_arm.get(ArmKind.CLASSICAL), items, measure)
    return TransferVerdict(
        outcome=outcome,
        metric=measure.metric,
        higher_is_better=measure.higher_is_better,
        items=items,
        level=level,
        margin=measure.margin,
        resamples=resamples.count,
        scores=tuple(_score(arm, spreads[arm.kind], level) for arm in arms),
        gaps=gaps,
        slices=slices,
        slice_metric=measure.slice_metric,
        reasons=reasons,
        invalid=invalid,
    )


def _invalid(arms: Sequence[Arm]) -> dict[ArmKind, str]:
    """The arms that nothing can be concluded from; none because of constant answers if no arm gives any other."""
    trained = [arm for arm in arms if arm.kind in TRAINED]
    learnt = not all(arm.constant for arm in trained)
    found = {arm.kind: arm.broken for arm in trained if arm.broken}
    for arm in trained:
        if arm.constant and learnt and arm.kind is not ArmKind.TRANSFER:
            found.setdefault(arm.kind, arm.constant)
    return found


def _only_valid(
    outcome: Outcome, reasons: tuple[str, ...], invalid: Mapping[ArmKind, str], *, constant: str
) -> tuple[Outcome, tuple[str, ...]]:
    """The conclusion, unless it rests on an arm that is invalid."""
    rests_on = [ArmKind.TRANSFER, ArmKind.SCRATCH]
    if outcome is not Outcome.NEGATIVE:
        rests_on.append(ArmKind.PROBE)
    against = [f"{kind.subject} is invalid: {invalid[kind]}" for kind in rests_on if kind in invalid]
    if outcome is Outcome.POSITIVE and constant:
        against.append(f"the transfer cannot be called positive: {constant}")
    return (Outcome.NO_VERDICT, tuple(against)) if against else (outcome, reasons)


def _score(arm: Arm, found: Spread, level: float) -> ArmScore:
    return ArmScore(arm.kind, arm.seeds, tuple(tally.value for tally in arm.tallies), found.interval(level))


def _gap(transfer: Arm, other: Arm, spreads: Mapping[ArmKind, Spread], higher: bool, level: float) -> Gap:
    found = difference(spreads[transfer.kind], spreads[other.kind], 1 if higher else -1)
    flips = differences(transfer.tallies, other.tallies)
    return Gap(
        arm=other.kind,
        gain=found.interval(level),
        p_better=found.chance(above=True),
        p_worse=found.chance(above=False),
        flips=None if flips is None else flip_test(flips),
    )


def _slices(transfer: Arm, scratch: Arm, measure: Measure, resamples: Resamples, alpha: float) -> tuple[SliceGap, ...]:
    """Each slice by itself: worse where both the bootstrap and the exact test show it, after Holm over all of them."""
    found = []
    for name, places in measure.slices.items():
        one, two = transfer.points[name], scratch.points[name]
        p = 1.0
        if len(places) >= FEWEST_IN_SLICE:
            left, right = (
                spread([tally.value for tally in side], resamples.values(side, places), resamples, arm)
                for arm, side in enumerate((one, two))
            )
            p = difference(left, right, 1 if measure.slice_higher_is_better else -1).chance(above=False)
            flips = differences(one, two)
            p = p if flips is None else max(p, flip_test(flips).p_worse)
        values = [float(np.mean([tally.value for tally in side])) for side in (one, two)]
        found.append((name, len(places), values, p))
    adjusted = holm([p for *_, p in found])
    sign = 1 if measure.slice_higher_is_better else -1
    return tuple(
        SliceGap(name, items, one, two, sign * (one - two), p, p_holm, p_holm <= alpha)
        for (name, items, (one, two), p), p_holm in zip(found, adjusted, strict=True)
    )


def _conclude(
    gaps: Mapping[ArmKind, Gap], slices: Sequence[SliceGap], items: int, measure: Measure, level: float
) -> tuple[Outcome, tuple[str, ...]]:
    scratch, probe = gaps.get(ArmKind.SCRATCH), gaps.get(ArmKind.PROBE)
    if scratch is None:
        return Outcome.INCONCLUSIVE, ("no arm was trained from scratch, so there is nothing to be better than",)
    if items < FEWEST:
        return Outcome.INCONCLUSIVE, (f"{items} test items are too few: {FEWEST} are needed",)
    sure = scratch.flips is None or scratch.flips.p <= 1 - level
    if scratch.gain.high < 0 and sure:
        return Outcome.NEGATIVE, (f"worse than from scratch: {_described(scratch, measure)}",)
    against = []
    if not (scratch.gain.low > 0 and sure):
        against.append(f"no difference from scratch is shown: {_described(scratch, measure)}")
    if probe is not None and probe.gain.low <= -measure.margin:
        against.append(
            f"it may be worse than the linear probe by more than {measure.margin:g}: {_described(probe, measure)}"
        )
    against += [
        f"worse than from scratch on {part.name}: {part.transfer:.3f} against {part.scratch:.3f} "
        f"{measure.slice_metric}, p = {part.p_holm:.2g} after Holm over {len(slices)} slices"
        for part in slices
        if part.worse
    ]
    if against:
        return Outcome.INCONCLUSIVE, tuple(against)
    shown = [f"better than from scratch: {_described(scratch, measure)}"]
    if probe is not None:
        shown.append(f"not worse than the linear probe by more than {measure.margin:g}: {_described(probe, measure)}")
    return Outcome.POSITIVE, tuple(shown)


def _beside_classical(gap: Gap | None, items: int, measure: Measure) -> tuple[str, ...]:
    """What the classical model says about the transfer: nothing where the transfer is shown to be better."""
    if gap is None or items < FEWEST or gap.gain.low > 0:
        return ()
    if gap.gain.high < 0:
        return (f"a classical model without any source is better: {_described(gap, measure)}",)
    return (f"no difference from a classical model without any source is shown: {_described(gap, measure)}",)


def _described(gap: Gap, measure: Measure) -> str:
    """The gap as the end of a sentence."""
    exact = ""
    if gap.flips is not None:
        exact = (
            f", {gap.flips.better} items better and {gap.flips.worse} worse ({gap.flips.rule} p = {gap.flips.p:.2g})"
        )
    gain = gap.gain
    return f"{measure.metric} {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]{exact}"
