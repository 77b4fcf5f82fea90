"""The review inbox of one person: what waits for them, what they asked for, and which of their votes went stale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registry.domain.names import VersionRef


class Errand(StrEnum):
    """What an entry of the inbox is about."""

    VOTE = "vote"
    """A promotion request that lacks an approval which the person could give."""
    STALE_VOTE = "stale_vote"
    """A request that the person approved before something changed."""
    REQUEST = "request"
    """A request that the person opened."""
    FINDING = "finding"
    """A finding that the person owns."""
    WAIVER = "waiver"
    """A waiver that lacks an approval which the person could give."""
    EMERGENCY = "emergency"
    """An emergency that lacks a review which the person could give, or that the policy has them told of."""
    RECALL = "recall"
    """A recall that reaches versions of the person whose tasks are open."""
    CORRECTION = "correction"
    """A correction of the graph that lacks a second person, which the person could be."""
    POLICY = "policy"
    """A proposed policy that lacks an approval which the person could give."""


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One entry. `id` is that of the request, finding or proposal; `due` is there for what has a due date."""

    errand: Errand
    id: str
    title: str
    detail: str
    since: datetime
    ref: VersionRef | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Inbox:
    """Three lists, oldest first. `complete` is False when more requests are open than were looked at."""

    waiting: tuple[InboxItem, ...] = ()
    stale: tuple[InboxItem, ...] = ()
    mine: tuple[InboxItem, ...] = ()
    complete: bool = True
