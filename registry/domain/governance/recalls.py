"""Recalls: what is taken back, what was made from it and how, and what becomes of each of those versions.

How something went into a version decides what a recall does to it. Weights and training data taint whatever was made
of them; answers of a model taint weaker; data that a version was only measured on makes its evidence invalid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registry.domain.catalog.models import Status
from registry.domain.names import Reference, VersionRef

FORENSICS = "forensics"
"""The role that may read the files of what was recalled, to find out what happened."""


class Level(StrEnum):
    """How far a recall goes."""

    ADVISORY = "advisory"
    """Everyone is told and every descendant gets a task; nothing is withheld."""
    QUARANTINE = "quarantine"
    """The target is suspended, and so is what is tainted."""
    RECALL = "recall"
    """The target is recalled for good, and what is tainted is suspended."""


class ReasonClass(StrEnum):
    """Why it is taken back. `legal` and `privacy` make the API answer 451 for a recalled target, others 410."""

    LEGAL = "legal"
    PRIVACY = "privacy"
    SAFETY = "safety"
    POISONING = "poisoning"
    QUALITY = "quality"
    TEST_DATA_LEAK = "test-data-leak"
    KEY_COMPROMISE = "key-compromise"


FOR_LAW = frozenset({ReasonClass.LEGAL, ReasonClass.PRIVACY})


class Effect(StrEnum):
    """What a recall means for one version, the strongest first."""

    TARGET = "target"
    TAINTED = "tainted"
    WEAKLY_TAINTED = "weakly-tainted"
    """It learnt from answers of something tainted."""
    EVIDENCE_INVALID = "evidence-invalid"
    """It was measured on it: its metrics do not count until it is measured again."""


class Disposition(StrEnum):
    """What becomes of a descendant."""

    RETRAIN = "retrain"
    """Another version was made without it."""
    REPLACE = "replace"
    """Another version takes its place."""
    ACCEPT = "accept"
    """It may be used until a day; two people decide that."""
    RETIRE = "retire"
    """It is not used again."""
    DISPUTE = "dispute"
    """It is not affected; two people decide that."""


BY_TWO = frozenset({Disposition.ACCEPT, Disposition.DISPUTE})
WITH_REPLACEMENT = frozenset({Disposition.RETRAIN, Disposition.REPLACE})


class RecallState(StrEnum):
    """Where a recall stands."""

    OPEN = "open"
    CLOSED = "closed"
    """Every descendant has a disposition. What is withheld stays so."""
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class NewRecall:
    """What is to be recalled, how far, and why.

    `target` is a version (`models:/team/name/3`, `datasets:/team/name/1`), every version of a model or dataset (without
    the number), the digest of a file or of a version (`sha256:…`), a step (`step-…`), a licence (`licence:ID`) or a
    token (`tok-…`: what was published with it).
    """

    target: str
    level: Level
    reason: str = ""
    reason_class: ReasonClass = ReasonClass.QUALITY
    outputs_advisory: bool = False
    """What learnt only from answers gets a task and is not withheld."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One version that a recall reaches, with the shortest way from the target, both ends named."""

    ref: VersionRef
    effect: Effect
    path: tuple[str, ...]
    status: Status
    """What it is now."""
    becomes: Status
    """What it is once the recall is open."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AliasFallback:
    """What happens to a protected alias of a version that is withheld: without `to`, it stops where it is."""

    alias: str
    ref: VersionRef
    to: VersionRef | None


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything that a recall reaches: the targets first, then by effect and distance."""

    target: str
    level: Level
    hits: Sequence[Hit]
    aliases: Sequence[AliasFallback]

    def count(self, effect: Effect) -> int:
        """How many versions have this effect."""
        return sum(hit.effect is effect for hit in self.hits)


@dataclass(frozen=True, slots=True)
class Task:
    """One descendant, and what becomes of it."""

    recall: str
    ref: VersionRef
    effect: Effect
    path: tuple[str, ...]
    withheld: bool
    """Its files cannot be read because of this recall."""
    disposition: Disposition | None = None
    comment: str = ""
    replacement: str = ""
    until: datetime | None = None
    proposed_by: str = ""
    proposed_at: datetime | None = None
    confirmed_by: str = ""
    confirmed_at: datetime | None = None
    deleted: bool = False
    """The version was deleted: nothing is left to decide."""

    def settled(self, now: datetime) -> bool:
        """True when it has a disposition that holds at `now`, or the version was deleted."""
        if self.deleted:
            return True
        if self.disposition is None or (self.disposition in BY_TWO and self.confirmed_at is None):
            return False
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class NewDisposition:
    """What shall become of a descendant: `replacement` for retrain and replace, `until` (YYYY-MM-DD) for accept."""

    kind: Disposition
    comment: str
    replacement: Reference | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Recall:
    """One recall."""

    id: str
    target: str
    level: Level
    reason_class: ReasonClass
    reason: str
    outputs_advisory: bool
    opened_by: str
    opened_at: datetime
    targets: int
    tasks: int
    """Descendants that have a task."""
    open_tasks: int
    reversed_at: datetime | None = None
    reversed_by: str = ""
    reversed_reason: str = ""

    @property
    def state(self) -> RecallState:
        """As of the moment when it was read: an acceptance that ran out opens it again."""
        if self.reversed_at is not None:
            return RecallState.REVERSED
        return RecallState.OPEN if self.open_tasks else RecallState.CLOSED


@dataclass(frozen=True, slots=True)
class RecallDetail:
    """A recall with what it took back."""

    recall: Recall
    targets: Sequence[VersionRef]


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a reversal did: versions that have their earlier status again, and those that were changed since."""

    recall: Recall
    restored: Sequence[VersionRef]
    left: Sequence[VersionRef]
    """Changed by somebody since, or under another recall: they stay as they are."""
    aliases: Sequence[str]
    """Aliases that name again what they named."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A recall that is not reversed, as it bears on one version that it withholds."""

    recall: str
    reason_class: ReasonClass
    effect: Effect
    accepted_until: datetime | None = None
    """Two people accepted the risk until then."""


def becomes(status: Status, effect: Effect, wish: NewRecall) -> Status | None:
    """The status that a recall gives to a version; None where it withholds nothing."""
    advisory = effect is Effect.WEAKLY_TAINTED and wish.outputs_advisory
    if wish.level is Level.ADVISORY or effect is Effect.EVIDENCE_INVALID or advisory:
        return None
    if status is Status.RECALLED or (effect is Effect.TARGET and wish.level is Level.RECALL):
        return Status.RECALLED
    return Status.SUSPENDED


def task_record(task: Task) -> str:
    """A task in one line, as the check of the state compares it."""
    until = f" until {task.until.isoformat()}" if task.until else ""
    return (
        f"{task.disposition} by {task.proposed_by}, {task.confirmed_by or 'nobody'}{until}" if task.disposition else ""
    )
