"""What a comparison of a transfer with its baselines found: did starting from the source help, harm, or neither?

Values only, and light: a page or a command reads them without numpy. `registry.domain.comparison` computes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

RULE = 3
"""The rule that new verdicts are computed by."""


class Outcome(StrEnum):
    """Whether the transfer was worth it."""

    POSITIVE = "positive"
    """Better than from scratch, than a linear probe and than a constant answer, not worse than the version in
    production by more than the margin, and worse on no slice."""
    HELPFUL = "helpful"
    """Better than from scratch and than a constant answer; not shown to be better than the linear probe, or as good as
    the version in production."""
    EQUIVALENT = "equivalent"
    """The same as from scratch, up to the margin."""
    NEGATIVE = "negative"
    """Worse than from scratch (negative transfer, Wang et al., CVPR 2019), than a constant answer, or than the version
    in production."""
    INCONCLUSIVE = "inconclusive"
    """None of these is shown: the test data is too small, or a slice got worse."""
    NO_VERDICT = "no_verdict"
    """A model that the comparison rests on is invalid, so nothing can be concluded from it."""
    VOID = "void"
    """It was recorded, and later found to rest on a model that cannot be trusted."""

    @property
    def counts(self) -> bool:
        """Whether a policy reads it. Without a verdict that counts, a version is like one that was not compared."""
        return self not in {Outcome.NO_VERDICT, Outcome.VOID}


class FacetName(StrEnum):
    """The questions that a verdict answers one by one."""

    BENEFIT = "benefit"
    """Is the transfer better than training from scratch?"""
    NON_INFERIOR = "non_inferior"
    """Is it not worse than the linear probe by more than the margin?"""
    BETTER_THAN_PROBE = "better_than_probe"
    """Is it better than the linear probe? Not asked where the transfer is the probe."""
    PRODUCTION = "production"
    """Is the published model not worse than the version in production by more than the margin?"""
    CONSTANT = "constant"
    """Is the published model better than a constant answer?"""
    EQUIVALENT = "equivalent"
    """Is the transfer the same as training from scratch, up to the margin?"""
    DETECTABLE = "detectable"
    """Is the test data large enough to show a difference as small as the margin?"""

    @property
    def question(self) -> str:
        """As the head of a row."""
        return _QUESTIONS[self]


_QUESTIONS = {
    FacetName.BENEFIT: "Benefit over scratch",
    FacetName.NON_INFERIOR: "Non-inferior to the probe",
    FacetName.BETTER_THAN_PROBE: "Better than the probe",
    FacetName.PRODUCTION: "Against production",
    FacetName.CONSTANT: "Against a constant",
    FacetName.EQUIVALENT: "Equivalent to scratch",
    FacetName.DETECTABLE: "Detectable effect",
}


class Answer(StrEnum):
    """What the test data says to the question of a facet."""

    SHOWN = "shown"
    """Yes, it is shown."""
    REFUTED = "refuted"
    """No, the opposite is shown."""
    OPEN = "open"
    """Neither is shown."""


class ArmKind(StrEnum):
    """What is compared. All arms answer the same test rows."""

    TRANSFER = "transfer"
    """The recipe itself."""
    SCRATCH = "scratch"
    """The same architecture and budget from random weights."""
    PROBE = "probe"
    """A linear head on the frozen source."""
    PRODUCTION = "production"
    """The version that the alias `production` named when the step began."""
    CONSTANT = "constant"
    """Always the commonest answer of the training rows: what needs no model."""
    CLASSICAL = "classical"
    """A linear model on the raw rows (TF-IDF or pixels): what needs no source. Last, as it came last: the order of
    arms decides the draws of each, so verdicts on record stay as they are."""

    @property
    def phrase(self) -> str:
        """The arm in a sentence: `better than` … `from scratch`."""
        return _PHRASES[self]

    @property
    def subject(self) -> str:
        """The arm as the subject of a sentence: `the from-scratch baseline`."""
        return "the from-scratch baseline" if self is ArmKind.SCRATCH else self.phrase


_PHRASES = {
    ArmKind.TRANSFER: "the transfer",
    ArmKind.SCRATCH: "from scratch",
    ArmKind.PROBE: "the linear probe",
    ArmKind.PRODUCTION: "the version in production",
    ArmKind.CONSTANT: "a constant answer",
    ArmKind.CLASSICAL: "a classical model",
}


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval around `value`."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ArmScore:
    """One arm on the whole test data: the metric of each seed, and the interval of their mean."""

    arm: ArmKind
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    mean: Interval


@dataclass(frozen=True, slots=True)
class FlipTest:
    """An exact test on the items that two arms answer differently; with one seed it is McNemar's.

    `better` and `worse` count items, `p` is two-sided; `rule` is `exact`, or `mid-p` below 25 such items.
    """

    better: int
    worse: int
    p: float
    p_better: float
    p_worse: float
    rule: str


@dataclass(frozen=True, slots=True)
class PublishedGap:
    """The published model alone, which is one seed of the transfer, against another arm; as in `Gap`."""

    gain: Interval
    flips: FlipTest | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """The transfer against one other arm. `gain` is above zero where the transfer is better, whatever the metric.

    `p_better` and `p_worse` are one-sided, of the gain being no more, or no less, than chance gives. `flips` is there
    when each answer is right or wrong and the metric counts the right ones. `published` is there since verdicts say
    which seed was published.
    """

    arm: ArmKind
    gain: Interval
    p_better: float
    p_worse: float
    flips: FlipTest | None = None
    published: PublishedGap | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """The answer to one question, with the effect that it rests on, in units of the metric, and in words.

    Of `equivalent` the interval is that of the two one-sided tests, 90 % where the others are 95 %. Of `detectable`
    the effect is the smallest gain over scratch that is shown in four of five repeats; its interval is that point.
    """

    name: FacetName
    answer: Answer
    effect: Interval
    words: str


@dataclass(frozen=True, slots=True)
class SliceGap:
    """The transfer against from scratch on a part of the test items.

    `p_worse` is one-sided; `p_holm` the same after Holm's correction over all slices. Of a slice of fewer than five
    items nothing is tested: both are 1.
    """

    name: str
    items: int
    transfer: float
    scratch: float
    gain: float
    p_worse: float
    p_holm: float
    worse: bool


@dataclass(frozen=True, slots=True)
class TransferVerdict:
    """The comparison of one step's arms, and what follows from it. `reasons` are sentences."""

    outcome: Outcome
    metric: str
    higher_is_better: bool
    items: int
    level: float
    """Of every interval: 0.95 at the first look at the test data, more at later ones."""
    margin: float
    """How much worse than the linear probe still counts as no worse, in units of the metric."""
    resamples: int
    scores: tuple[ArmScore, ...]
    gaps: tuple[Gap, ...]
    slices: tuple[SliceGap, ...]
    slice_metric: str
    reasons: tuple[str, ...]
    invalid: Mapping[ArmKind, str] = field(default_factory=dict)
    """The arms that nothing can be concluded from, each with what is wrong with it."""
    rule: int = 1
    """The rule that it was computed by; those on record from before rules were numbered are of rule 1."""
    facets: tuple[Facet, ...] = ()
    """Since rule 2 (`better_than_probe`: rule 3), where there are enough items: one for each question that could be
    asked."""
    published: int | None = None
    """The seed of the transfer that became the version; None if not on record."""
    groups: int | None = None
    """How many groups the test items fall into; None where they do not depend on one another."""
    looks: int = 1
    """The how many-th verdict on the same test rows it was, counted when its step was submitted."""

    @property
    def sentence(self) -> str:
        """The outcome with its reasons."""
        said = {Outcome.NO_VERDICT: "No verdict", Outcome.VOID: "The verdict is void"}
        return f"{said.get(self.outcome, f'The transfer is {self.outcome}')}: {'; '.join(self.reasons)}"

    def score(self, arm: ArmKind) -> ArmScore | None:
        """What `arm` reached; None when it did not run."""
        return next((score for score in self.scores if score.arm is arm), None)

    def facet(self, name: FacetName) -> Facet | None:
        """The answer to one question; None where it could not be asked."""
        return next((facet for facet in self.facets if facet.name is name), None)

    def gap(self, arm: ArmKind) -> Gap | None:
        """The transfer against `arm`; None when it did not run."""
        return next((gap for gap in self.gaps if gap.arm is arm), None)
