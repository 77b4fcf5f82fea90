"""Addresses that are good for a while without a token: clients of LFS send no header with the bytes of a file.

An address names the token that it was made with and when it ends, and is signed: it does what its path says and nothing
else, and ends with its token.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

from registry.domain.people.people import Actor
from registry.domain.verbs.people import SessionVerbs
from registry.errors import UnauthenticatedError

GOOD_FOR = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Links:
    """Makes and checks such addresses. `key` signs them."""

    sessions: SessionVerbs
    key: str
    now: Callable[[], float] = time.time
    """Seconds since 1970."""

    def signed(self, path: str, actor: Actor) -> str:
        """`path` with a query that lets whoever has it act as `actor` there. Raises: UnauthenticatedError."""
        if actor.token is None:
            raise UnauthenticatedError("This needs a token", remedy="Send the header Authorization: Bearer fbr_…")
        until = int(self.now() + GOOD_FOR.total_seconds())
        said = {"until": str(until), "token": actor.token}
        return f"{path}?{urlencode({**said, 'secret': self._signature(path, said)})}"

    def actor_of(self, path: str, query: str) -> Actor:
        """Who acts by such an address. Raises: UnauthenticatedError when it is not ours or has expired."""
        given = dict(parse_qsl(query))
        said = {name: given.get(name, "") for name in ("until", "token")}
        if not hmac.compare_digest(self._signature(path, said).encode(), given.get("secret", "").encode()):
            raise UnauthenticatedError("This needs a token", remedy="Begin the upload again")
        if int(said["until"]) <= self.now():
            raise UnauthenticatedError("This address has expired", remedy="Begin the upload again")
        return self.sessions.holder(said["token"])

    def _signature(self, path: str, said: dict[str, str]) -> str:
        return hmac.digest(self.key.encode(), f"forebear.link {path}?{urlencode(said)}".encode(), "sha256").hex()
