"""Who a token was found to belong to, for as long as nothing in the database has changed since.

A token that is revoked, a role that is taken back and a team that is closed are changes of the database, whichever
process makes them: the next request reads all of it anew. Where the database does not tell whether it was changed,
every request does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from lineage import Digest
from registry.domain.people.people import Actor
from registry.domain.people.tokens import hash_secret
from registry.ports.clock import Clock

MOST = 1_000
"""Tokens that are remembered."""
SECONDS = 60.0
"""After these a token is looked up again all the same, since its last use is written down."""
Mark = Callable[[], object | None]
"""What is another value after each change of the database; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class _Found:
    actor: Actor
    mark: object
    at: float


class Known:
    """Remembers whom tokens identify, by the hash of each."""

    def __init__(self, mark: Mark, clock: Clock) -> None:
        self.mark, self._clock = mark, clock
        self._lock = Lock()
        self._found: OrderedDict[Digest, _Found] = OrderedDict()

    def get(self, secret: str) -> Actor | None:
        """Whom `secret` identifies; None if that has to be looked up."""
        key = hash_secret(secret)
        with self._lock:
            found = self._found.get(key)
        if found is None or self._is_old(found):
            return None
        return found.actor

    def keep(self, secret: str, actor: Actor, mark: object | None) -> None:
        """Remember what was looked up after the database had this mark."""
        if mark is None:
            return
        with self._lock:
            self._found[hash_secret(secret)] = _Found(actor, mark, self._clock.monotonic())
            if len(self._found) > MOST:
                self._found.popitem(last=False)

    def _is_old(self, found: _Found) -> bool:
        if self._clock.monotonic() - found.at >= SECONDS or found.mark != self.mark():
            return True
        until = found.actor.until
        return until is None or until <= self._clock.now()
