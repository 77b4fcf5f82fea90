"""A selection report: which models were considered as a start for some data, what each scored, and what to do next.

Values only, and light: a page or a command reads them without NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lineage import Digest
from registry.domain.comparison.verdict import Interval
from registry.domain.data.datasets import LabelKind
from registry.domain.names import VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.selection.similarity import Similarity

UNITS: Mapping[LabelKind, str] = {
    LabelKind.CLASS: "accuracy",
    LabelKind.NUMBER: "R²",
    LabelKind.MANY: "F1 of a row",
    LabelKind.TAGS: "accuracy of words",
}
"""What the headline score is, by kind of label; other kinds cannot be scored."""
HEADLINE = "probe"
"""The score that is shown with an interval: a linear probe, each row answered by a model that never saw it."""
ASIDE = "_"
"""How the name of a score begins that is shown and takes no part in the order."""


@dataclass(frozen=True, slots=True)
class RankedModel:
    """One candidate as it was scored, in the order of the report.

    `behind` is how much lower than the first it answers the same rows, None for the first. `parameters` and `size`
    (bytes) are what a list sorted by size would go by. `seconds` are those of reading the rows through the model;
    features that were cached cost none.
    """

    ref: VersionRef
    digest: Digest
    architecture: str
    licence: str
    owed: tuple[str, ...]
    score: Interval
    scores: Mapping[str, float]
    mean_rank: float
    behind: Interval | None
    parameters: int
    size: int
    seconds: float
    cached: bool
    flag: str = ""
    """Why it comes last whatever it scores: its weights were never trained, or are damaged; else empty."""
    priors: Mapping[str, float] = field(default_factory=dict)
    """What was known before it was read. They take no part in the order.

    `history`, `lineage` and `metadata` are where it is expected to come by earlier transfers, from -1/2 (the worst) to
    1/2 (the best); `pretraining` is the main metric that it was measured by when it was made.
    """
    similarity: Similarity | None = None
    """How like the data is to what it learnt from. It takes no part in the order; None in reports from before."""

    @property
    def shown(self) -> Mapping[str, float]:
        """The scores by the names that people see."""
        return {name.removeprefix(ASIDE): value for name, value in self.scores.items()}

    @property
    def level(self) -> bool:
        """True where these rows do not show that the first is better."""
        return self.behind is not None and self.behind.low <= 0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model that was not scored. `code` is that of the error, and reasons of one code are counted together."""

    ref: VersionRef
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Classical:
    """A linear model on the raw rows, answered and scored as the candidates are.

    `behind` is how much lower it answers the same rows than the first candidate.
    """

    features: str
    score: Interval
    behind: Interval
    seconds: float


@dataclass(frozen=True, slots=True)
class Start:
    """A recipe that is ready to run, why it has this method, and where that rule is from."""

    model: VersionRef
    method: Method
    reason: str
    source: str
    recipe: str

    def by(self, method: Method) -> str:
        """The recipe with another method; its first line says that somebody chose so. Unchanged with its own method."""
        if method is self.method:
            return self.recipe
        _, *lines = self.recipe.splitlines()
        first = f"# {method} was chosen by hand. Recommended was {self.method}: {self.reason}."
        changed = [f"method: {method}" if line == f"method: {self.method}" else line for line in lines]
        return "\n".join([first, *changed, ""])


@dataclass(frozen=True, slots=True)
class SelectionReport:
    """What `forebear recommend` found. `rows` are those of the split, `scored` those that models were scored on."""

    id: str
    dataset: VersionRef
    data: Digest
    split: str
    rows: int
    scored: int
    labels: LabelKind
    conclusion: str
    ranked: tuple[RankedModel, ...]
    left_out: tuple[LeftOut, ...]
    classical: Classical | None
    starts: tuple[Start, ...]
    created_at: datetime
    created_by: str
    notes: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)


def concluded(ranked: tuple[RankedModel, ...], classical: Classical | None, unit: str) -> str:
    """The answer in one or two sentences: no false precision where rows do not tell candidates apart."""
    first, level = ranked[0], [one for one in ranked[1:] if one.level and not one.flag]
    if first.flag:
        return f"No candidate can be recommended: {first.ref.label} is the best of them, and {first.flag}"
    if classical is not None and classical.behind.low <= 0:
        return (
            f"A linear model on {classical.features} does as well on these rows ({unit} {classical.score.value:.3f}, "
            f"against {first.score.value:.3f} with {first.ref.label}): a transfer may not be worth its cost"
        )
    if level:
        names = ", ".join(one.ref.label for one in (first, *level))
        return f"No clear winner among these {1 + len(level)}: {names}. The rows do not tell them apart"
    if len(ranked) == 1:
        return f"{first.ref.label} is the only candidate, with {unit} {first.score.value:.3f}"
    second = ranked[1]
    gap = "" if second.behind is None else f", {second.behind.value:.3f} above {second.ref.label}"
    return f"Start from {first.ref.label}: {unit} {first.score.value:.3f}{gap}"
