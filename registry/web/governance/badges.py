"""The number beside Inbox on every page: how much waits for its reader, judged no more often than needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from registry.domain.catalog.models import HistoryEntry
from registry.domain.verbs.registry import Registry

SOON, LATEST = 30.0, 600.0
"""Seconds for which a number stands after somebody else changed something, and in any case: time changes it too."""
MOST = 10_000
"""People whose numbers are kept."""


@dataclass(frozen=True, slots=True)
class _Kept:
    number: int
    roles: frozenset[str]
    newest: int
    """The newest entry of the audit log when it was counted."""
    at: float


class Badges:
    """Keeps what each person was told last.

    The whole inbox is judged again when the person changed something themselves, or when somebody else did and the
    number is half a minute old; otherwise the newest entry of the audit log is all that is read.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def waiting(self, registry: Registry, newest: HistoryEntry | None) -> int:
        """How many entries wait for the person that `registry` acts for; `newest` is that of the audit log."""
        actor, now = registry.actor, self._clock()
        seq = newest.seq if newest is not None else 0
        kept = self._kept.get(actor.handle)
        if kept is None or kept.roles != actor.roles or not self._stands(kept, seq, now, own=_by(newest, actor.handle)):
            found = registry.reviews.inbox()
            kept = _Kept(len(found.waiting) + len(found.stale), actor.roles, seq, now)
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[actor.handle] = kept
        return kept.number

    def _stands(self, kept: _Kept, seq: int, now: float, *, own: bool) -> bool:
        age = now - kept.at
        return age < LATEST and (kept.newest == seq or (age < SOON and not own))


def _by(newest: HistoryEntry | None, handle: str) -> bool:
    return newest is not None and newest.actor == handle
