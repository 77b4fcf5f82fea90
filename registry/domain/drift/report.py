"""What a drift check found: the verdict in words, each test with the size of its effect, and what to run next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from lineage import Digest
from registry.domain.comparison.verdict import Interval
from registry.domain.names import VersionRef

LEVEL = 0.05
FLOORS = {"D": 0.1, "AUC": 0.6, "V": 0.1}
"""By the name of an effect, the size from which it counts: with many rows, smaller ones are significant too.

D is the largest difference of two distribution functions, V Cramér's. MMD² has no scale of its own: it counts where the
AUC of the classifier on the same rows does.
"""
DROP = 0.02
"""The drop of accuracy that counts where its interval excludes zero (of numbers: of the reference's deviation)."""
WORDS = "accuracy of words"
"""Of tags: the mean over rows of the share of words with the right one."""
EVIDENCE, FILE_NAME = "drift", "drift.json"
"""The type of evidence that a report is kept as, and the file of it that holds the whole report."""


class DriftVerdict(StrEnum):
    """The answer in one word."""

    NO_DRIFT = "no_drift"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Finding:
    """One test. `p` is its own p-value, `adjusted` that after Holm's correction over all tests of the report.

    `moved` is true where the adjusted one is at most 5 % and the effect is not below its floor.
    """

    what: str
    test: str
    effect: float
    unit: str
    p: float
    adjusted: float = 1.0
    moved: bool = False
    auc: float | None = None
    """Of MMD²: the AUC by which it counts."""
    detail: str = ""


def settled(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings with what follows from all of them together."""
    from registry.domain.comparison.statistics.exact import holm  # noqa: PLC0415 - it needs NumPy; a report is also shown

    adjusted = holm([one.p for one in findings])
    return tuple(
        replace(one, adjusted=p, moved=p <= LEVEL and _is_large(one)) for one, p in zip(findings, adjusted, strict=True)
    )


def _is_large(one: Finding) -> bool:
    return (one.auc or 0.0) >= FLOORS["AUC"] if one.auc is not None else one.effect >= FLOORS[one.unit]


@dataclass(frozen=True, slots=True)
class Performance:
    """How good the answers were on the reference and are now, by rows with labels. Larger is better.

    `unit` is `accuracy`, `accuracy of words`, or `mean absolute error` (then a drop is a growth of it, in deviations of
    the reference).
    """

    unit: str
    before: float
    now: float
    drop: Interval
    moved: bool


@dataclass(frozen=True, slots=True)
class Stream:
    """Where the errors changed, row by row in the order of the data: of Page and Hinkley's sum, and of ADWIN.

    `row` is the place among the current rows; None where nothing changed.
    """

    test: str
    row: int | None
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """The share of rows with one answer, on the reference and now; `true` is that of the label now, by BBSE."""

    name: str
    before: float
    now: float
    true: float | None = None


@dataclass(frozen=True, slots=True)
class Histogram:
    """One column in bins of equal width from `low` to `high`: the share of rows in each, on the reference and now."""

    name: str
    low: float
    high: float
    before: tuple[float, ...]
    now: tuple[float, ...]
    stability: float
    """The population stability index."""


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What `forebear drift check` found. `reference` says in words which rows were compared with."""

    model: VersionRef
    data: VersionRef
    data_digest: Digest
    split: str
    reference: str
    before: int
    """Rows of the reference that were compared."""
    now: int
    verdict: DriftVerdict
    conclusion: str
    findings: tuple[Finding, ...]
    performance: Performance | None
    streams: tuple[Stream, ...]
    estimate: Interval | None
    """The accuracy now as it is estimated without labels, if only the shares of the classes have changed."""
    shares: tuple[Share, ...]
    histograms: tuple[Histogram, ...]
    unknown: int
    """Rows whose label is none of the classes of the version."""
    recipe: str
    """The proposed transfer; empty where there is none, and a note says why."""
    notes: tuple[str, ...]
    settings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report on record: the id of its evidence, and when it was made. The audit log says by whom."""

    id: str
    report: DriftReport
    at: datetime


def concluded(
    model: VersionRef,
    data: VersionRef,
    findings: Sequence[Finding],
    performance: Performance | None,
    unknown: int,
) -> tuple[DriftVerdict, str]:
    """The verdict, and in a sentence what moved and by how much."""
    parts = [f"{one.what} moved ({_size(one)})" for one in findings if one.moved and one.auc is None]
    if performance is not None and performance.moved:
        parts.insert(0, _dropped(performance))
    if unknown:
        parts.insert(0, f"{unknown} rows have a label that is none of its classes")
    if not parts and any(one.moved for one in findings):
        parts = ["embeddings moved (MMD²)"]
    if parts:
        return DriftVerdict.DRIFT, f"Drift in {data.label} for {model.label}: {'; '.join(parts)}"
    seen = [one for one in findings if one.adjusted <= LEVEL]
    why = "nothing moved by more than chance"
    if seen:
        why = f"what moved is too little to count: {', '.join(f'{one.what} ({_size(one)})' for one in seen)}"
    return DriftVerdict.NO_DRIFT, f"No drift in {data.label} for {model.label}: {why}"


def summary(report: DriftReport) -> dict[str, object]:
    """The facts of a report that conditions of a policy and pages read."""
    facts: dict[str, object] = {
        "verdict": report.verdict.value,
        "conclusion": report.conclusion,
        "data": str(report.data),
        "rows": report.now,
        "moved": list(dict.fromkeys(one.what for one in report.findings if one.moved)),
    }
    if report.performance is not None:
        facts["drop"] = report.performance.drop.value
    return facts


def _size(one: Finding) -> str:
    return f"{one.unit} {one.effect:.2f}"


def _dropped(found: Performance) -> str:
    drop = f"{found.drop.value:.3f} [{found.drop.low:.3f}, {found.drop.high:.3f}]"
    if found.unit in {"accuracy", WORDS}:
        return f"{found.unit} fell from {found.before:.3f} to {found.now:.3f}, by {drop}"
    return f"the {found.unit} grew from {found.before:.3g} to {found.now:.3g}, by {drop} deviations of the labels"
