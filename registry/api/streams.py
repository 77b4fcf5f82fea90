"""Server-sent events of transfer steps (WHATWG HTML section 9.2): who listens is told what happens, as it happens.

However many listen to a step, its news are read once in half a second, in a thread of a few: an open stream holds no
thread. The listener whose turn it is reads, with its own permissions, and the others of that step share what it found.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from anyio import CapacityLimiter, to_thread

from registry.domain.codec import to_json
from registry.domain.transfers.step_events import GOING, Listener, StepEvent
from registry.domain.transfers.steps import EpochMetric, StepSummary
from registry.domain.verbs.transfers import TransferVerbs
from registry.errors import RegistryError, UnavailableError

POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
"""A proxy closes what is silent for long, and a token may have been revoked meanwhile."""
RETRY_MILLISECONDS = 2000
"""How long a browser waits before it comes back."""
MOST_STREAMS, MOST_EACH = 200, 20
"""Open at once in one server process, and for one person of these."""
READERS = 4
"""Threads that may read news at once."""
log = logging.getLogger("forebear.server")


class Feed:
    """What is known of one step, shared by all who listen to it."""

    def __init__(self, step_id: str) -> None:
        self.listeners = 0
        self.summary: StepSummary | None = None
        self._step_id = step_id
        self._points: list[EpochMetric] = []
        self._reading = False
        self._due = 0.0

    async def refresh(self, transfers: TransferVerbs, threads: CapacityLimiter) -> None:
        """Read what is new, unless somebody does or just did. A step that had ended may have been resumed."""
        going = self.summary is not None and self.summary.state in GOING
        if self._reading or (going and time.monotonic() < self._due):
            return
        self._reading = True
        try:
            last = self._points[-1].number if self._points else 0
            read = partial(transfers.news, self._step_id, after=last)
            news = await to_thread.run_sync(read, limiter=threads)
            self.summary = news.summary
            self._points += news.points
        finally:
            self._reading = False
            self._due = time.monotonic() + POLL_SECONDS

    def points(self, after: int) -> list[EpochMetric]:
        """Those with a higher number."""
        return self._points[bisect_right(self._points, after, key=lambda point: point.number) :]


class Streams:
    """Every open stream of one server process."""

    def __init__(self) -> None:
        self.closed = False
        """Set when the server is to end: a stream would otherwise keep it until its step has ended."""
        self._feeds: dict[str, Feed] = {}
        self._each: Counter[str] = Counter()
        self._threads = CapacityLimiter(READERS)

    @property
    def open(self) -> int:
        """How many there are."""
        return self._each.total()

    def check_room(self, who: str) -> None:
        """Raises: UnavailableError when there are too many already."""
        if self._each[who] >= MOST_EACH or self.open >= MOST_STREAMS:
            raise UnavailableError(
                "too many streams are open", remedy="Close one, or ask for the step itself now and then"
            )

    async def events(
        self,
        step_id: str,
        listener: Listener,
        transfers: TransferVerbs,
        *,
        who: str,
        known: Callable[[], Awaitable[None]],
    ) -> AsyncIterator[bytes]:
        """What `listener` has not been told yet, until the step has ended or `known` raises a RegistryError."""
        feed = self._feeds.setdefault(step_id, Feed(step_id))
        feed.listeners += 1
        self._each[who] += 1
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
            async for chunk in self._told(feed, listener, transfers, known):
                yield chunk
        except RegistryError as error:  # the answer has begun: whoever comes back is told
            log.warning("the stream of %s to %s ends: %s", step_id, who, error)
        finally:
            self._each[who] -= 1
            feed.listeners -= 1
            if not feed.listeners and self._feeds.get(step_id) is feed:
                del self._feeds[step_id]

    async def _told(
        self, feed: Feed, listener: Listener, transfers: TransferVerbs, known: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[bytes]:
        spoken = checked = time.monotonic()
        while not self.closed:
            await feed.refresh(transfers, self._threads)
            now = time.monotonic()
            if now - checked >= HEARTBEAT_SECONDS:
                await known()
                checked = now
            if feed.summary is not None:
                events = b"".join(map(written, listener.hear(feed.summary, feed.points(listener.place.point))))
                if events or now - spoken >= HEARTBEAT_SECONDS:
                    spoken = now
                    yield events or b": nothing new\n\n"
                if feed.summary.state not in GOING:
                    return
            await asyncio.sleep(POLL_SECONDS)


def written(event: StepEvent) -> bytes:
    """An event as the format wants it; JSON has no line breaks."""
    data = json.dumps(to_json(event.data), ensure_ascii=False)
    return f"id: {event.id}\nevent: {event.event}\ndata: {data}\n\n".encode()
