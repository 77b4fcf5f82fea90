"""How often somebody may ask within a minute: by token, person and address; and how often with a wrong one.

The counts are this server's own, in memory. `Counts` writes them into a file of the registry folder, so that they
outlive a restart; what came since the last writing is forgotten when the server is killed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from threading import Lock

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from registry.domain.people.people import Actor
from registry.errors import NotFoundError, TooManyAttemptsError, TooManyRequestsError, UnauthenticatedError
from registry.files import write_whole
from registry.settings import Settings

WRONG_PER_MINUTE = 20
"""Wrong tokens that one address may send in a minute: enough for a person who pastes the wrong text."""
WRONG_OF_PERSON, WRONG_WITHIN = 10, 15
"""Wrong passwords of one person, from wherever they come, and the minutes within which they are counted."""
BEGUN_PER_MINUTE = 10
"""Machines that ask for a token from one address."""
FILE = "request-counts.json"
_LARGEST = 16 * 1024**2
log = logging.getLogger("forebear.server")


class Counts:
    """The counts of all limits, each until the end of its time; kept in `file`, where there is one."""

    def __init__(self, file: Path | None = None) -> None:
        self.storage = MemoryStorage()
        self.limiter = FixedWindowRateLimiter(self.storage)
        self._file = file
        self._bring_back()

    def save(self) -> None:
        """Write them; a file that cannot be written is logged, since the counts in memory go on."""
        if self._file is None:
            return
        ends = dict(self.storage.expirations)
        kept = {key: [self.storage.storage.get(key, 0), end] for key, end in ends.items() if end > time.time()}
        try:
            write_whole(self._file, json.dumps(kept).encode(), private=True)
        except OSError as error:
            log.warning("How often clients asked cannot be written to %s: %s", self._file, error.strerror)

    def _bring_back(self) -> None:
        if self._file is None or not self._file.is_file():
            return
        try:
            with self._file.open("rb") as opened:
                kept = {str(key): (int(n), float(end)) for key, (n, end) in json.loads(opened.read(_LARGEST)).items()}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("How often clients asked cannot be read from %s: %s", self._file, error)
            return
        for key, (number, end) in kept.items():
            left = min(end - time.time(), 60.0 * WRONG_WITHIN)
            if left > 0 < number:
                self.storage.incr(key, math.ceil(left), number)


class Tries:
    """Counts what goes wrong in a time, by name, and refuses more tries than are left.

    Tries that are under way count as if they would go wrong: those that come at the same moment get no further than
    those that come one after the other.
    """

    def __init__(self, limit: RateLimitItemPerMinute, counts: Counts | None, kind: str) -> None:
        self._limit, self._kind, self._limiter = limit, kind, (counts or Counts()).limiter
        self._under_way: Counter[str] = Counter()
        self._lock = Lock()

    @contextmanager
    def counted(
        self, who: str, wrong: tuple[type[Exception], ...], refused: Callable[[int], Exception]
    ) -> Iterator[None]:
        """Around one try: one of the errors `wrong` is counted. Raises: what `refused` makes of the seconds to wait."""
        with self._lock:
            ends, left = self._limiter.get_window_stats(self._limit, self._kind, who)
            if left <= self._under_way[who]:
                seconds = 1 if left > 0 else max(1, math.ceil(ends - time.time()))
                raise refused(seconds)
            self._under_way[who] += 1
        try:
            yield
        except wrong:
            self._limiter.hit(self._limit, self._kind, who)
            raise
        finally:
            with self._lock:
                self._under_way[who] -= 1
                if self._under_way[who] <= 0:
                    del self._under_way[who]

    @contextmanager
    def noted(
        self, who: str, wrong: tuple[type[Exception], ...], refused: Callable[[int], Exception]
    ) -> Iterator[None]:
        """Around one try that nobody guesses: the same, but for one that is right, which passes at any time."""
        try:
            yield
        except wrong as error:
            if not self._limiter.hit(self._limit, self._kind, who):
                ends, _ = self._limiter.get_window_stats(self._limit, self._kind, who)
                raise refused(max(1, math.ceil(ends - time.time()))) from error
            raise


class Attempts:
    """Counts the wrong tokens and passwords of each address (for IPv6, of each /64 network, which is one customer's).

    After `per_minute` within a minute every password from there is refused, and every token at the page of signing in,
    a right one too: otherwise guessing would go on. Programs with a right token go on, since nobody guesses 190 bits:
    else whoever shares an address with them could keep them out.
    """

    def __init__(self, per_minute: int = WRONG_PER_MINUTE, counts: Counts | None = None) -> None:
        self._tries = Tries(RateLimitItemPerMinute(per_minute), counts, "wrong")

    def counted(self, address: str) -> AbstractContextManager[None]:
        """Around one try: an UnauthenticatedError is counted. Raises: TooManyAttemptsError before it."""
        return self._tries.counted(network_of(address), (UnauthenticatedError,), _too_many)

    def noted(self, address: str) -> AbstractContextManager[None]:
        """Around a program's token: the same, but for a right one. Raises: TooManyAttemptsError for one too many."""
        return self._tries.noted(network_of(address), (UnauthenticatedError,), _too_many)


def _too_many(seconds: int) -> TooManyAttemptsError:
    return TooManyAttemptsError(
        "Too many wrong tokens or passwords came from your address",
        remedy=f"Wait {seconds} s",
        facts={"retry_after": seconds},
    )


class Guesses:
    """Counts the wrong passwords, or codes, of each person: after `most` within a quarter of an hour none is taken.

    Whoever guesses from many addresses is stopped by it; the person signs in with a token meanwhile.
    """

    def __init__(self, what: str, counts: Counts | None = None, most: int = WRONG_OF_PERSON) -> None:
        self._what = what
        self._tries = Tries(RateLimitItemPerMinute(most, WRONG_WITHIN), counts, what)

    def counted(self, handle: str) -> AbstractContextManager[None]:
        """Around one try, also for a handle that nobody has. Raises: TooManyAttemptsError before it."""

        def refused(seconds: int) -> TooManyAttemptsError:
            return TooManyAttemptsError(
                f"Too many wrong {self._what}s came for this person",
                remedy=f"Wait {seconds} s, or sign in with a token",
                facts={"retry_after": seconds},
            )

        who = hashlib.sha256(handle.encode()).hexdigest()[:16]
        return self._tries.counted(who, (UnauthenticatedError, NotFoundError), refused)


class Begun:
    """Counts what strangers begin that is kept for a while: so many in a minute from one address."""

    def __init__(self, counts: Counts | None = None, most: int = BEGUN_PER_MINUTE) -> None:
        self._limit, self._limiter = RateLimitItemPerMinute(most), (counts or Counts()).limiter

    def count(self, address: str) -> None:
        """Count one. Raises: TooManyRequestsError."""
        who = network_of(address)
        if not self._limiter.hit(self._limit, "begun", who):
            seconds = _seconds(self._limiter, self._limit, "begun", who)
            raise TooManyRequestsError(
                "Too many machines asked for a token from your address",
                remedy=f"Wait {seconds} s",
                facts={"retry_after": seconds},
            )


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts the requests of each token, person and address; the numbers are requests a minute, and 0 is no limit."""

    token: int = 0
    person: int = 0
    address: int = 0
    counts: Counts = field(default_factory=Counts)

    @classmethod
    def of(cls, settings: Settings, counts: Counts) -> Rates:
        """Those of the settings."""
        return cls(settings.rate_token, settings.rate_person, settings.rate_address, counts)

    def count_address(self, address: str) -> None:
        """Count a request before it is known who asks. Raises: TooManyRequestsError."""
        self._count(self.address, "address", network_of(address), "from your address")

    def count_actor(self, actor: Actor) -> None:
        """Count it for who asks, and for their token. Raises: TooManyRequestsError."""
        self._count(self.person, "person", actor.handle, f"from {actor.handle}")
        if actor.token is not None:
            self._count(self.token, "token", actor.token, "with this token")

    def _count(self, most: int, kind: str, who: str, whose: str) -> None:
        if not most:
            return
        limit, limiter = RateLimitItemPerMinute(most), self.counts.limiter
        if not limiter.hit(limit, kind, who):
            seconds = _seconds(limiter, limit, kind, who)
            raise TooManyRequestsError(
                f"More than {most:,} requests in a minute came {whose}",
                remedy=f"Wait {seconds} s",
                facts={"retry_after": seconds},
            )


def _seconds(limiter: FixedWindowRateLimiter, limit: RateLimitItemPerMinute, *names: str) -> int:
    """Until the minute is over."""
    ends, _ = limiter.get_window_stats(limit, *names)
    return max(1, math.ceil(ends - time.time()))


@lru_cache(10_000)
def network_of(address: str) -> str:
    """Whom an address stands for: itself, or for IPv6 the /64 network that one customer has."""
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket has no address
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:  # how a server on an IPv6 socket sees clients with IPv4
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False))
