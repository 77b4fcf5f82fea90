"""Waivers: one version is excepted from one gate, by several people, until a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from lineage import Digest
from registry.domain.names import VersionRef


@dataclass(frozen=True, slots=True)
class NewWaiver:
    """A waiver as somebody asks for it. `until` is its last day (YYYY-MM-DD, UTC)."""

    gate: str
    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class WaiverApproval:
    """One person who agreed to a waiver."""

    person: str
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver for the files with the digest `artifact`, and for nothing that is made from them.

    It is in force from `granted_at`, when `quorum` people had agreed, until `until_at` or until it was ended.
    """

    id: str
    ref: VersionRef
    artifact: Digest
    gate: str
    reason: str
    until_at: datetime
    quorum: int
    asked_by: str
    asked_at: datetime
    approvals: tuple[WaiverApproval, ...] = ()
    granted_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""

    def in_force(self, now: datetime) -> bool:
        """True when it excepts the version from the gate at `now`."""
        return self.granted_at is not None and self.ended_at is None and now < self.until_at

    def state(self, now: datetime) -> str:
        """In one word: asked, in force, expired or ended."""
        if self.ended_at is not None:
            return "ended"
        if now >= self.until_at:
            return "expired"
        return "asked" if self.granted_at is None else "in force"

    def __str__(self) -> str:
        """For sentences: `waived until 2026-12-31 00:00 UTC by carla and vera (wai-01k…): test set is mended`."""
        people = " and ".join(one.person for one in self.approvals)
        return f"waived until {self.until_at:%Y-%m-%d %H:%M} UTC by {people} ({self.id}): {self.reason}"


@dataclass(frozen=True, slots=True)
class Waivers:
    """The waivers of a version, and those in force that its ancestors carry and it does not have."""

    own: tuple[Waiver, ...] = ()
    ancestors: tuple[Waiver, ...] = ()


def waiver_for(gate: str, artifact: Digest, waivers: Iterable[Waiver], now: datetime) -> Waiver | None:
    """The waiver of this gate for these files that is in force."""
    return next((w for w in waivers if (w.gate, w.artifact) == (gate, artifact) and w.in_force(now)), None)


def carried(waivers: Iterable[Waiver], now: datetime) -> tuple[str, ...]:
    """A sentence for each waiver of an ancestor that is in force: it is not inherited, but whoever decides is told."""
    return tuple(
        f"{one.ref}, from which this was made, carries a waiver: gate {one.gate} is {one}"
        for one in waivers
        if one.in_force(now)
    )


def waiver_record(gate: str, until: str, approved_by: Iterable[str], *, ended: bool) -> str:
    """What the database and the audit log have to say alike of one waiver."""
    by = ", ".join(sorted(approved_by)) or "nobody"
    return f"{gate} until {until}, approved by {by}{', ended' if ended else ''}"
