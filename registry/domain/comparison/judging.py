"""The verdict on a transfer: what its arms answered, compared by one rule.

- negative: the transfer is shown to be worse than from scratch, or the published model than a constant answer or than
  the version in production;
- positive: shown to be better than from scratch, than the linear probe and than a constant, not worse than the version
  in production by more than the margin, and on no slice significantly worse than from scratch (Holm's correction over
  the slices). A transfer that is the linear probe need not be better than itself;
- helpful: as positive, but not shown to be better than the probe, or as good as the version in production;
- equivalent: no difference from scratch is shown, and none beyond the margin is possible (`facets`);
- inconclusive: everything else;
- no verdict: the outcome would rest on an arm that is invalid (`validity`). All but negative rest on the transfer,
  scratch and the probe, negative on the transfer and scratch. A transfer that gives every row the same answer may be
  negative, because that is the model that people would use, but never positive or helpful.

A classical model on the raw rows changes no outcome, but the reasons say where it is better, or as good.

Where the metric counts right answers, the flip test on the items has to agree with the interval: on a handful of
discordant items a bootstrap is too narrow. Under 20 items nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from registry.domain.comparison.arms import Arm, Measure
from registry.domain.comparison.concluding import conclude
from registry.domain.comparison.facets import Compared, Setting, described, facets_of
from registry.domain.comparison.first_rule import conclude_first
from registry.domain.comparison.looks import level_of, used_up
from registry.domain.comparison.slicing import flips_of, slices_of
from registry.domain.comparison.statistics.resampling import LEVEL, Resamples, Spread, difference, spread
from registry.domain.comparison.statistics.tallies import Floats, Tally
from registry.domain.comparison.statistics.units import Units, units_of
from registry.domain.comparison.validity import TRAINED
from registry.domain.comparison.verdict import (
    RULE,
    ArmKind,
    ArmScore,
    Gap,
    Outcome,
    PublishedGap,
    SliceGap,
    TransferVerdict,
)

FEWEST = 20
"""Test items, or groups of them, under which no verdict is given."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a gap is read."""

    higher_is_better: bool
    level: float


def judge(
    arms: Sequence[Arm],
    measure: Measure,
    *,
    resamples: Resamples | None = None,
    draw: Callable[[Sequence[Tally]], Floats] | None = None,
    rule: int = RULE,
) -> TransferVerdict:
    """The verdict on the arm TRANSFER; without an arm SCRATCH there is nothing to conclude.

    `resamples` may be reused for several comparisons. `draw` stands in for `resamples.values` where many
    comparisons are drawn at once. `rule` is the one of a verdict on record that is computed again.
    """
    level = level_of(measure.looks)
    items = len(arms[0].tallies[0].parts)
    units = units_of(items, measure.groups, blocks=rule > 1)
    resamples = resamples or Resamples(units.count)
    groups = units.groups
    drawn = {
        arm.kind: draw(arm.tallies) if draw is not None else resamples.values(units.gather(arm.tallies)) for arm in arms
    }
    places = {kind: number for number, kind in enumerate(ArmKind)}
    spreads = {
        arm.kind: spread([tally.value for tally in arm.tallies], drawn[arm.kind], resamples, places[arm.kind], groups)
        for arm in arms
    }
    by_kind = {arm.kind: arm for arm in arms}
    transfer = by_kind[ArmKind.TRANSFER]
    own = _published(transfer, measure, drawn[ArmKind.TRANSFER], groups) if rule > 1 else None
    found = {
        arm.kind: _compared(transfer, arm, spreads, own, units, Terms(measure.higher_is_better, level))
        for arm in arms
        if arm.kind is not transfer.kind
    }
    scratch, invalid = by_kind.get(ArmKind.SCRATCH), _invalid(arms)
    slices = slices_of(transfer, scratch, measure, units, resamples, 1 - LEVEL) if scratch is not None else ()
    gaps = {kind: one.gap for kind, one in found.items()}
    enough = groups or items
    unit = 1 / enough if measure.higher_is_better else 0.0
    setting = Setting(measure.metric, measure.margin, level, items, len(transfer.seeds), unit, rule)
    exhausted = used_up(measure.looks)
    fit = (
        {}
        if enough < FEWEST or rule == 1 or exhausted
        else {kind: one for kind, one in found.items() if kind not in invalid}
    )
    facets = facets_of(fit, setting)
    reasons: tuple[str, ...]
    if scratch is None:
        outcome, reasons = (
            Outcome.INCONCLUSIVE,
            ("no arm was trained from scratch, so there is nothing to be better than",),
        )
    elif exhausted:
        outcome, reasons = Outcome.INCONCLUSIVE, (exhausted,)
    elif enough < FEWEST:
        what = "groups of test items" if groups else "test items"
        outcome, reasons = Outcome.INCONCLUSIVE, (f"{enough} {what} are too few: {FEWEST} are needed",)
    else:
        worse = _worse(slices, measure.slice_metric)
        if rule == 1:
            outcome, reasons = conclude_first(gaps, worse, metric=measure.metric, margin=measure.margin, level=level)
        else:
            outcome, reasons = conclude(facets, worse)
        outcome, reasons = _only_valid(outcome, reasons, invalid, constant=transfer.constant)
    reasons += _beside_classical(gaps.get(ArmKind.CLASSICAL), enough, measure)
    return TransferVerdict(
        outcome=outcome,
        metric=measure.metric,
        higher_is_better=measure.higher_is_better,
        items=items,
        level=level,
        margin=measure.margin,
        resamples=resamples.count,
        scores=tuple(_score(arm, spreads[arm.kind], level) for arm in arms),
        gaps=tuple(gaps.values()),
        slices=slices,
        slice_metric=measure.slice_metric,
        reasons=reasons,
        invalid=invalid,
        rule=rule,
        facets=facets,
        published=None if own is None else measure.published,
        groups=groups or None,
        looks=measure.looks,
    )


def _published(transfer: Arm, measure: Measure, drawn: Floats, groups: int) -> tuple[Tally, Spread] | None:
    """The seed that became the version, by itself: its training is no matter of luck any more."""
    if measure.published not in transfer.seeds:
        return None
    place = transfer.seeds.index(measure.published)
    tally = transfer.tallies[place]
    return tally, Spread(tally.value, drawn[:, place], (), groups)


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
    if outcome in {Outcome.POSITIVE, Outcome.HELPFUL} and constant:
        against.append(f"the transfer cannot be called {outcome}: {constant}")
    return (Outcome.NO_VERDICT, tuple(against)) if against else (outcome, reasons)


def _score(arm: Arm, found: Spread, level: float) -> ArmScore:
    return ArmScore(arm.kind, arm.seeds, tuple(tally.value for tally in arm.tallies), found.interval(level))


def _compared(
    transfer: Arm,
    other: Arm,
    spreads: Mapping[ArmKind, Spread],
    own: tuple[Tally, Spread] | None,
    units: Units,
    terms: Terms,
) -> Compared:
    sign, level = (1 if terms.higher_is_better else -1), terms.level
    others = units.tested(other.tallies)
    found = difference(spreads[transfer.kind], spreads[other.kind], sign)
    published, alone = None, None
    if own is not None:
        tally, draws = own
        alone = difference(draws, spreads[other.kind], sign)
        published = PublishedGap(alone.interval(level), flips_of(units.tested([tally]), others))
    gap = Gap(
        arm=other.kind,
        gain=found.interval(level),
        p_better=found.chance(above=True),
        p_worse=found.chance(above=False),
        flips=flips_of(units.tested(transfer.tallies), others),
        published=published,
    )
    return Compared(gap, found, alone, other.same)


def _worse(slices: Sequence[SliceGap], metric: str) -> list[str]:
    """On which slices the transfer is worse than from scratch, as sentences."""
    return [
        f"worse than from scratch on {part.name}: {part.transfer:.3f} against {part.scratch:.3f} "
        f"{metric}, p = {part.p_holm:.2g} after Holm over {len(slices)} slices"
        for part in slices
        if part.worse
    ]


def _beside_classical(gap: Gap | None, items: int, measure: Measure) -> tuple[str, ...]:
    """What the classical model says about the transfer: nothing where the transfer is shown to be better."""
    if gap is None or items < FEWEST or gap.gain.low > 0:
        return ()
    if gap.gain.high < 0:
        return (f"a classical model without any source is better: {described(gap, measure.metric)}",)
    return (f"no difference from a classical model without any source is shown: {described(gap, measure.metric)}",)
