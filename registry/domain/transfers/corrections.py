"""Corrections of the graph: somebody says that an input of a step was another version, or that it was none.

The old edge stays on record: questions about an earlier time see it, and all others see what took its place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from lineage import Assurance
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.recipes.methods import DATA_ROLES, MODEL_ROLES, split_role
from registry.domain.text import check_words, shown
from registry.errors import InvalidError

MAX_REASON = 4096


class CorrectionState(StrEnum):
    """Where a correction stands."""

    ASKED = "asked"
    """A second person has to decide."""
    MADE = "made"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class NewCorrection:
    """What is wrong with an input of the step that made a version, and why.

    `becomes` took its place, or it went in as `becomes_role`, or as the split `becomes_split`; where `withdrawn`,
    nothing did. `role` and `split` say which input is meant where the version went in more than once.
    """

    input: Reference
    reason: str
    role: str | None = None
    split: str | None = None
    becomes: Reference | None = None
    becomes_role: str | None = None
    becomes_split: str | None = None
    withdrawn: bool = False

    def checked(self) -> NewCorrection:
        """The same with its reason in one form. Raises: InvalidError."""
        replaced = any(one is not None for one in (self.becomes, self.becomes_role, self.becomes_split))
        if self.withdrawn == replaced:
            raise InvalidError(
                "A correction says either what took the place of the input, or that there was no such input",
                remedy="Give another version, role or split; or withdraw the input",
            )
        return replace(self, reason=check_words(self.reason, "reason", MAX_REASON, lines=True))


@dataclass(frozen=True, slots=True)
class StepEdge:
    """One input of a step: a version, how it went in, and how well that is supported."""

    ref: VersionRef
    role: str
    split: str | None = None
    assurance: Assurance = Assurance.DECLARED

    def __str__(self) -> str:
        """For sentences: `models:/library/lite0/1 as source`."""
        split = f" (split {self.split})" if self.split else ""
        return f"{self.ref} as {self.role}{split}"

    def same(self, other: StepEdge) -> bool:
        """Whether both are the same but for their support."""
        return (self.ref, self.role, self.split) == (other.ref, other.role, other.split)


def check_role(edge: StepEdge) -> None:
    """Raises: InvalidError for a role that a model or dataset cannot have: no licence or recall would follow it."""
    models = edge.ref.kind is AssetKind.MODELS
    known = MODEL_ROLES if models else DATA_ROLES
    if (edge.role if models else split_role(edge.role)[0]) not in known:
        kind = "model" if models else "dataset"
        raise InvalidError(f"A {kind} cannot go in as {shown(edge.role)}", remedy=f"Give one of {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of one input of the step that made `ref`. `after` is None where the input is withdrawn.

    `consequences` are sentences: what the version is freed from, or stopped by, so that a second person decides.
    """

    id: str
    ref: VersionRef
    step: str
    before: StepEdge
    after: StepEdge | None
    reason: str
    consequences: tuple[str, ...]
    weights: str
    """What the weights say of the version that took its place; empty where they were not asked."""
    asked_by: str
    asked_at: datetime
    decided_by: str = ""
    decided_at: datetime | None = None
    agreed: bool = False
    comment: str = ""

    @property
    def state(self) -> CorrectionState:
        """In one word."""
        if self.decided_at is None:
            return CorrectionState.ASKED
        return CorrectionState.MADE if self.agreed else CorrectionState.REFUSED

    @property
    def change(self) -> str:
        """For sentences: `models:/a/b/1 as source is models:/a/b/2 as source`."""
        return f"{self.before} is {self.after}" if self.after is not None else f"{self.before} is withdrawn"


def correction_record(state: str, before: str, after: str | None) -> str:
    """What the database and the audit log have to say alike of one correction."""
    return f"{state}: {before} to {after or 'nothing'}"
