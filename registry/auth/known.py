"""Who a token was found to belong to, for as long as nothing has changed of what says so.

A token that is revoked, a role that is taken back and a team that is closed are changes of the database, whichever
process makes them: the next request reads all of it anew. After any other change the rows are compared, which one
statement reads. Where the database does not tell, every request looks up who asks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from lineage import Digest
from registry.domain.people.people import Actor
from registry.domain.people.tokens import hash_secret
from registry.ports.clock import Clock

MOST = 1_000
"""Tokens that are remembered."""
SECONDS = 60.0
"""After these a token is looked up again all the same, since its last use is written down."""
Standing = Callable[[Digest, object], object | None]
"""What the token with this hash stands on: equal to the value before as long as that is unchanged, and that value
itself if nothing at all has changed; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class _Found:
    actor: Actor
    standing: object
    at: float


class Known:
    """Remembers whom tokens identify, by the hash of each."""

    def __init__(self, standing: Standing, clock: Clock) -> None:
        self._standing, self._clock = standing, clock
        self._lock = Lock()
        self._found: OrderedDict[Digest, _Found] = OrderedDict()

    def standing(self, secret: str) -> object | None:
        """What `secret` stands on now: to be asked before anything is looked up."""
        return self._standing(hash_secret(secret), None)

    def get(self, secret: str) -> Actor | None:
        """Whom `secret` identifies; None if that has to be looked up."""
        key = hash_secret(secret)
        with self._lock:
            found = self._found.get(key)
        if found is None or self._is_old(found):
            return None
        now = self._standing(key, found.standing)
        if now is None or now != found.standing:
            return None
        if now is not found.standing:
            with self._lock:
                self._found[key] = replace(found, standing=now)
        return found.actor

    def keep(self, secret: str, actor: Actor, standing: object | None) -> None:
        """Remember what was looked up after this was what the token stood on, unless anything has changed since."""
        key = hash_secret(secret)
        if standing is None or self._standing(key, standing) is not standing:
            return
        with self._lock:
            self._found[key] = _Found(actor, standing, self._clock.monotonic())
            if len(self._found) > MOST:
                self._found.popitem(last=False)

    def _is_old(self, found: _Found) -> bool:
        until = found.actor.until
        return self._clock.monotonic() - found.at >= SECONDS or until is None or until <= self._clock.now()
