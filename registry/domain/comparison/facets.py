"""The questions that a verdict answers one by one, each with its effect, interval and words.

- benefit: (transfer - scratch) lies above 0, of the mean over seeds and of the published model;
- non_inferior: (transfer - probe) lies above -margin, of both;
- better_than_probe: it lies above 0, of both;
- production: (published model - production) lies above -margin;
- constant: (published model - constant) lies above 0;
- equivalent: (transfer - scratch) lies within ±margin by two one-sided tests (Schuirmann 1987), so that its interval is
  one of 1 - 2 alpha;
- detectable: the gain over scratch that is shown with a power of 80 %: (t(1 - alpha/2) + t(0.8)) standard errors
  (Cohen 1988, with Student's t).

What a version will do is what its own weights answer, so production and a constant are compared with the published
model. Where no seed is known to be published, the mean over seeds stands for it.

A bootstrap of answers that hardly differ is too narrow: of 60 items without one that differs it is [0, 0], though one
in twenty of all items may. To claim a margin, the variance is therefore that of one more item which differs (Agresti
and Min 2005: half an item each way). An arm that is the transfer itself needs no such allowance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry.domain.comparison.statistics.resampling import Spread
from registry.domain.comparison.statistics.student import t_quantile
from registry.domain.comparison.verdict import Answer, ArmKind, Facet, FacetName, FlipTest, Gap, Interval

POWER = 0.8
"""The share of repeats in which a detectable effect is shown."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A gap with the draws that it was taken from. `same` if the other arm is the transfer itself."""

    gap: Gap
    draws: Spread
    published: Spread | None
    same: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """What all facets of one verdict share. `unit` is the most that one item changes the metric by, 0 if unknown."""

    metric: str
    margin: float
    level: float
    items: int
    seeds: int
    unit: float
    rule: int


def facets_of(found: Mapping[ArmKind, Compared], setting: Setting) -> tuple[Facet, ...]:
    """The facets of all questions whose arm ran and is valid."""
    return tuple(_facets(found, setting))


def sure(flips: FlipTest | None, level: float) -> bool:
    """Whether the exact test agrees with an interval of `level`, where there is one."""
    return flips is None or flips.p <= 1 - level


def described(gap: Gap, metric: str) -> str:
    """The gap as the end of a sentence."""
    exact, flips = "", gap.flips
    if flips is not None:
        exact = f", {flips.better} items better and {flips.worse} worse ({flips.rule} p = {flips.p:.2g})"
    return f"{metric} {shown_interval(gap.gain)}{exact}"


def shown_interval(found: Interval) -> str:
    """`+0.1000 [+0.0500, +0.1500]`."""
    return f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def _facets(found: Mapping[ArmKind, Compared], setting: Setting) -> Iterator[Facet]:
    scratch = found.get(ArmKind.SCRATCH)
    if scratch is not None:
        yield _better(FacetName.BENEFIT, scratch, setting)
    if (probe := found.get(ArmKind.PROBE)) is not None:
        yield _non_inferior(probe, setting)
        if setting.rule > 2 and not probe.same:
            yield _better(FacetName.BETTER_THAN_PROBE, probe, setting)
    if (production := found.get(ArmKind.PRODUCTION)) is not None:
        yield _of_published(FacetName.PRODUCTION, production, setting)
    if (constant := found.get(ArmKind.CONSTANT)) is not None:
        yield _of_published(FacetName.CONSTANT, constant, setting)
    if scratch is not None:
        yield _equivalent(scratch, setting)
        yield _detectable(scratch, setting)


def _better(name: FacetName, one: Compared, setting: Setting) -> Facet:
    """Whether the transfer is better than another arm that was trained: over its seeds, and the published model."""
    gap, level, phrase = one.gap, setting.level, one.gap.arm.phrase
    said = described(gap, setting.metric)
    if gap.gain.high < 0 and sure(gap.flips, level):
        return Facet(name, Answer.REFUTED, gap.gain, f"worse than {phrase}: {said}")
    if not (gap.gain.low > 0 and sure(gap.flips, level)):
        words = f"no difference from {phrase.removeprefix('from ')} is shown: {said}"
        return Facet(name, Answer.OPEN, gap.gain, words)
    if gap.published is not None and gap.published.gain.low <= 0:
        words = (
            f"the transfer is better than {phrase} over its seeds, but this is not shown of the published model: "
            f"{setting.metric} {shown_interval(gap.published.gain)}"
        )
        return Facet(name, Answer.OPEN, gap.gain, words)
    return Facet(name, Answer.SHOWN, gap.gain, f"better than {phrase}: {said}")


def _non_inferior(one: Compared, setting: Setting) -> Facet:
    gap, margin = one.gap, setting.margin
    low = _low(one.draws, gap.gain, setting, exact=one.same)
    effect = Interval(gap.gain.value, low, gap.gain.high)
    said = f"{described(gap, setting.metric)}"
    if gap.gain.high < -margin and sure(gap.flips, setting.level):
        return Facet(
            FacetName.NON_INFERIOR,
            Answer.REFUTED,
            effect,
            f"worse than the linear probe by more than {margin:g}: {said}",
        )
    if low <= -margin:
        words = f"it may be worse than the linear probe by more than {margin:g}: {said}"
        return Facet(FacetName.NON_INFERIOR, Answer.OPEN, effect, words)
    if gap.published is not None and one.published is not None:
        own = gap.published.gain
        if _low(one.published, own, setting, exact=one.same) <= -margin:
            words = (
                f"the published model may be worse than the linear probe by more than {margin:g}: "
                f"{setting.metric} {shown_interval(own)}"
            )
            return Facet(FacetName.NON_INFERIOR, Answer.OPEN, effect, words)
    words = f"not worse than the linear probe by more than {margin:g}: {said}"
    return Facet(FacetName.NON_INFERIOR, Answer.SHOWN, effect, words)


def _of_published(name: FacetName, one: Compared, setting: Setting) -> Facet:
    """The published model against an arm that stays as it is: the version in production, or a constant answer."""
    gap = one.gap
    gain, flips, draws = gap.gain, gap.flips, one.draws
    if gap.published is not None and one.published is not None:
        gain, flips, draws = gap.published.gain, gap.published.flips, one.published
    said = described(Gap(gap.arm, gain, gap.p_better, gap.p_worse, flips), setting.metric)
    if gain.high < 0 and sure(flips, setting.level):
        return Facet(name, Answer.REFUTED, gain, f"worse than {gap.arm.phrase}: {said}")
    if name is FacetName.CONSTANT:
        if gain.low > 0 and sure(flips, setting.level):
            return Facet(name, Answer.SHOWN, gain, f"better than a constant answer: {said}")
        return Facet(name, Answer.OPEN, gain, f"not shown to be better than a constant answer: {said}")
    effect = Interval(gain.value, _low(draws, gain, setting), gain.high)
    if effect.low > -setting.margin:
        words = f"not worse than {gap.arm.phrase} by more than {setting.margin:g}: {said}"
        return Facet(name, Answer.SHOWN, effect, words)
    words = f"it may be worse than {gap.arm.phrase} by more than {setting.margin:g}: {said}"
    return Facet(name, Answer.OPEN, effect, words)


def _equivalent(one: Compared, setting: Setting) -> Facet:
    level, margin, metric = 1 - 2 * (1 - setting.level), setting.margin, setting.metric
    effect = _allowing(one.draws, one.draws.interval(level), setting, level)
    said = f"{metric} {shown_interval(effect)} ({100 * level:.4g} % interval)"
    if -margin < effect.low and effect.high < margin:
        words = f"the same as from scratch up to {margin:g}: {said}"
        return Facet(FacetName.EQUIVALENT, Answer.SHOWN, effect, words)
    gain = one.gap.gain
    if (gain.low > margin or gain.high < -margin) and sure(one.gap.flips, setting.level):
        words = f"it differs from scratch by more than {margin:g}: {described(one.gap, metric)}"
        return Facet(FacetName.EQUIVALENT, Answer.REFUTED, effect, words)
    words = f"not shown to be the same as from scratch up to {margin:g}: {said}"
    return Facet(FacetName.EQUIVALENT, Answer.OPEN, effect, words)


def _detectable(one: Compared, setting: Setting) -> Facet:
    alpha, freedom = 1 - setting.level, one.draws.freedom
    least = (t_quantile(1 - alpha / 2, freedom) + t_quantile(POWER, freedom)) * _deviation(one.draws, setting)
    words = (
        f"with {setting.items} items and {setting.seeds} seeds a difference from scratch of {least:.4f} "
        f"{setting.metric} or more is shown in four of five repeats"
    )
    return Facet(
        FacetName.DETECTABLE,
        Answer.SHOWN if least <= setting.margin else Answer.OPEN,
        Interval(least, least, least),
        words,
    )


def _deviation(draws: Spread, setting: Setting) -> float:
    """The standard error, with one more item that differs."""
    return math.hypot(draws.deviation, setting.unit)


def _allowing(draws: Spread, found: Interval, setting: Setting, level: float) -> Interval:
    """The interval, at least as wide as with one more item that differs."""
    reach = t_quantile((1 + level) / 2, draws.freedom) * _deviation(draws, setting)
    return Interval(found.value, min(found.low, found.value - reach), max(found.high, found.value + reach))


def _low(draws: Spread, found: Interval, setting: Setting, *, exact: bool = False) -> float:
    return found.low if exact else _allowing(draws, found, setting, setting.level).low
