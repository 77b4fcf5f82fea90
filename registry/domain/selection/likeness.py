"""How alike two datasets are: same, near or far, with the effect sizes behind the word. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.domain.comparison.verdict import Interval
from registry.domain.names import VersionRef

SAME_BELOW, FAR_FROM = 0.6, 0.9
"""AUC of the classifier that tells rows apart: below the first the datasets are the same, from the second far."""


class LikenessVerdict(StrEnum):
    """The answer in one word."""

    SAME = "same"
    NEAR = "near"
    FAR = "far"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the datasets: its rows, how many of them were compared, and how many there are of each class."""

    dataset: VersionRef
    rows: int
    compared: int
    classes: dict[str, int]


@dataclass(frozen=True, slots=True)
class TellingRow:
    """A row that shows best which dataset it is from. `shown` is the beginning of its text, or where it is."""

    dataset: VersionRef
    key: int
    shown: str
    label: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """What `forebear dataset compare` found.

    `auc` is the chance that a classifier which learnt from half of the rows tells a held-out row of the second from one
    of the first. `mmd` is the unbiased MMD². `label_shift` is Cramér's V over the classes, None where rows have no
    single class. `copies` are rows of the second whose content the first has too; `near_copies` those that are nearly
    so (None where rows are neither texts nor files of pictures).
    """

    first: Side
    second: Side
    features: str
    verdict: LikenessVerdict
    conclusion: str
    auc: Interval
    auc_p: float
    mmd: float
    mmd_p: float
    mmd_linear: bool
    label_shift: float | None
    label_shift_p: float | None
    shared_classes: tuple[str, ...]
    copies: int
    near_copies: int | None
    telling: tuple[TellingRow, ...]
    notes: tuple[str, ...] = ()


def judged(auc: Interval) -> LikenessVerdict:
    """The word for an AUC. It goes by the size of the effect, never by a p-value."""
    if auc.value < SAME_BELOW:
        return LikenessVerdict.SAME
    return LikenessVerdict.FAR if auc.value >= FAR_FROM else LikenessVerdict.NEAR


def concluded(verdict: LikenessVerdict, auc: Interval, first: VersionRef, second: VersionRef) -> str:
    """The verdict in a sentence, with its interval and what the rows leave open."""
    measured = f"AUC {auc.value:.2f} [{auc.low:.2f}, {auc.high:.2f}], 0.5 is chance"
    if verdict is LikenessVerdict.SAME:
        left = "; too few rows to rule out that they are near" if auc.high >= SAME_BELOW else ""
        return f"Same: a classifier hardly tells rows of {second.label} from those of {first.label} ({measured}{left})"
    how = "nearly always" if verdict is LikenessVerdict.FAR else "better than chance"
    said = f"a classifier tells rows of {second.label} from those of {first.label} {how}"
    return f"{verdict.value.capitalize()}: {said} ({measured})"
