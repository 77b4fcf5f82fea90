"""What a comparison of a transfer with its baselines found: did starting from the source help, harm, or neither?

Values only, and light: a page or a command reads them without numpy. `registry.domain.comparison` computes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """Whether the transfer was worth it."""

    POSITIVE = "positive"
    """Better than from scratch, not worse than a linear probe by more than the margin, and worse on no slice."""
    NEGATIVE = "negative"
    """Worse than from scratch: negative transfer (Wang et al., CVPR 2019)."""
    INCONCLUSIVE = "inconclusive"
    """Neither is shown."""
    NO_VERDICT = "no_verdict"
    """A model that the comparison rests on is invalid, so nothing can be concluded from it."""
    VOID = "void"
    """It was recorded, and later found to rest on a model that cannot be trusted."""

    @property
    def counts(self) -> bool:
        """Whether a policy reads it. Without a verdict that counts, a version is like one that was not compared."""
        return self not in {Outcome.NO_VERDICT, Outcome.VOID}


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
class Gap:
    """The transfer against one other arm. `gain` is above zero where the transfer is better, whatever the metric.

    `p_better` and `p_worse` are one-sided, of the gain being no more, or no less, than chance gives. `flips` is there
    when each answer is right or wrong and the metric counts the right ones.
    """

    arm: ArmKind
    gain: Interval
    p_better: float
    p_worse: float
    flips: FlipTest | None = None


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
    """Of every interval: 0.95."""
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

    @property
    def sentence(self) -> str:
        """The outcome with its reasons."""
        said = {Outcome.NO_VERDICT: "No verdict", Outcome.VOID: "The verdict is void"}
        return f"{said.get(self.outcome, f'The transfer is {self.outcome}')}: {'; '.join(self.reasons)}"

    def score(self, arm: ArmKind) -> ArmScore | None:
        """What `arm` reached; None when it did not run."""
        return next((score for score in self.scores if score.arm is arm), None)

    def gap(self, arm: ArmKind) -> Gap | None:
        """The transfer against `arm`; None when it did not run."""
        return next((gap for gap in self.gaps if gap.arm is arm), None)
