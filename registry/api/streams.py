"""Server-sent events of transfer steps (WHATWG HTML section 9.2).

The news of a step are read from the database once every half second, however many clients listen to it, in a thread of
a small pool; an open stream holds no thread. One of the listeners reads, with its own permissions, and all share the
result.
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
"""Interval of comments that keep proxies from closing the stream, and of checks that the client may still listen."""
RETRY_MILLISECONDS = 2000
"""How long a browser waits before it reconnects."""
MAX_STREAMS, MAX_PER_PERSON = 200, 20
"""Largest number of open streams in one server process, and for one person."""
READERS = 4
"""Number of threads that read news."""
log = logging.getLogger("forebear.server")


class Feed:
    """The state and curve points of one step, shared by all its listeners."""

    def __init__(self, step_id: str) -> None:
        self.listeners = 0
        self.summary: StepSummary | None = None
        self._step_id = step_id
        self._points: list[EpochMetric] = []
        self._reading = False
        self._due = 0.0

    async def refresh(self, transfers: TransferVerbs, threads: CapacityLimiter) -> None:
        """Read the news, unless another listener is doing so or just did. An ended step may have been resumed."""
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
        """The points with a higher number than `after`."""
        return self._points[bisect_right(self._points, after, key=lambda point: point.number) :]


class Streams:
    """All open streams of one server process."""

    def __init__(self) -> None:
        self.closed = False
        """Set when the server shuts down; otherwise a stream would stay open until its step has ended."""
        self._feeds: dict[str, Feed] = {}
        self._each: Counter[str] = Counter()
        self._threads = CapacityLimiter(READERS)

    @property
    def open(self) -> int:
        """The number of open streams."""
        return self._each.total()

    def check_room(self, who: str) -> None:
        """Raises: UnavailableError if too many streams are open."""
        if self._each[who] >= MAX_PER_PERSON or self.open >= MAX_STREAMS:
            raise UnavailableError("Too many streams are open", remedy="Close one, or poll the step instead")

    async def events(
        self,
        step_id: str,
        listener: Listener,
        transfers: TransferVerbs,
        *,
        who: str,
        known: Callable[[], Awaitable[None]],
    ) -> AsyncIterator[bytes]:
        """Yields the events that are new to `listener`, until the step has ended or `known` raises a RegistryError."""
        feed = self._feeds.setdefault(step_id, Feed(step_id))
        feed.listeners += 1
        self._each[who] += 1
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
            async for chunk in self._chunks(feed, listener, transfers, known):
                yield chunk
        except RegistryError as error:  # the response has begun; a client that reconnects gets the error
            log.warning("the stream of %s to %s ends: %s", step_id, who, error)
        finally:
            self._each[who] -= 1
            feed.listeners -= 1
            if not feed.listeners and self._feeds.get(step_id) is feed:
                del self._feeds[step_id]

    async def _chunks(
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
    """An event in the format of server-sent events; JSON has no line breaks."""
    data = json.dumps(to_json(event.data), ensure_ascii=False)
    return f"id: {event.id}\nevent: {event.event}\ndata: {data}\n\n".encode()
