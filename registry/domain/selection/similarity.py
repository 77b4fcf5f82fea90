"""How like the new data is to what a candidate learnt from, by the candidate's own features. Values only.

Nothing is made up: where neither the data, nor a summary of it, nor statistics in the weights are at hand, the answer
is that it is unknown, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lineage import Assurance, Digest
from registry.domain.comparison.verdict import Interval
from registry.domain.names import VersionRef
from registry.domain.selection.likeness import LikenessVerdict

UNKNOWN = "What it learnt from is not registered, and its weights keep no summary of it"

CLOSED = "What it learnt from is in a team that is closed to who ranked"


class Against(StrEnum):
    """What the new rows were compared with."""

    ROWS = "rows"
    """Rows that it learnt from."""
    SUMMARY = "summary"
    """The summary of such rows that was kept when they could be read."""
    STATISTICS = "statistics"
    """What the normalisations in its weights keep of the rows that it learnt from."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Similarity:
    """How like some data is to what a model learnt from.

    `data`, `digest` and `split` say what that is: the nearest dataset that it, or an ancestor `generations` up, was
    trained on; `assurance` how sure that is. `rows` are those of it that were compared, `target` those of the new data.
    The verdict goes by `auc`, as that of `dataset compare` does, and needs rows. `energy` is the energy coefficient,
    from 0 (alike) to 1, and `neighbours` how many times as far the new rows are from the old ones as those from one
    another. `reason` says why there is no more.
    """

    against: Against
    data: VersionRef | None = None
    digest: Digest | None = None
    split: str = ""
    generations: int = 0
    assurance: Assurance | None = None
    rows: int = 0
    target: int = 0
    verdict: LikenessVerdict | None = None
    auc: Interval | None = None
    mmd: float | None = None
    mmd_p: float | None = None
    energy: float | None = None
    neighbours: float | None = None
    reason: str = ""

    @property
    def brief(self) -> str:
        """For a table: `near 0.83`, `energy 0.12` or `unknown`."""
        if self.verdict is not None and self.auc is not None:
            return f"{self.verdict} {self.auc.value:.2f}"
        return "unknown" if self.energy is None else f"energy {self.energy:.2f}"

    @property
    def sentence(self) -> str:
        """For people, without a full stop."""
        if self.against is Against.NOTHING:
            return f"Unknown: {_begun(self.reason)}"
        parts = [f"energy {self.energy:.2f}"] if self.energy is not None else []
        parts += [f"k-NN distance {self.neighbours:.1f}"] if self.neighbours is not None else []
        if self.against is Against.STATISTICS:
            said = f"By the statistics that its normalisations keep of what it learnt from: {', '.join(parts)}"
            return f"{said} (0 is alike, 1 as far as can be)"
        where = "" if self.data is None else self.data.label
        learnt = (
            "which somebody says it learnt from" if self.assurance is Assurance.DECLARED else "which it learnt from"
        )
        if self.verdict is None or self.auc is None:
            why = f"; {_begun(self.reason)}" if self.reason else ""
            return f"By the kept summary of {where}, {learnt}: {', '.join(parts)}{why}"
        measured = f"AUC {self.auc.value:.2f} [{self.auc.low:.2f}, {self.auc.high:.2f}]"
        parts = [measured, *([f"MMD² {self.mmd:.3f}"] if self.mmd is not None else []), *parts]
        return f"{self.verdict.value.capitalize()} to {where}, {learnt}: {', '.join(parts)}"


def _begun(sentence: str) -> str:
    """The sentence inside of another one; a name at its beginning stays as it is."""
    word = sentence.partition(" ")[0]
    return sentence if word[1:] != word[1:].lower() else sentence[:1].lower() + sentence[1:]
