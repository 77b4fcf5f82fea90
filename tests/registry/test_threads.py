"""Quick work goes one after another, and slow work holds nobody up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from anyio.to_thread import current_default_thread_limiter, run_sync

from registry.threads import MOST, Threads


def at_work(acts: Sequence[Callable[[], object]], threads: Threads, *, changes: bool = False) -> None:
    """Answer one request for each of `acts`, all at once."""

    async def request(act: Callable[[], object]) -> None:
        with threads.for_request(changes=changes):
            await run_sync(act)

    async def all_of_them() -> None:
        await asyncio.wait_for(asyncio.gather(*map(request, acts)), 30)

    asyncio.run(all_of_them())


def test_quick_work_is_done_one_after_another() -> None:
    alone, met = threading.Lock(), []

    def quick() -> None:
        met.append(alone.acquire(blocking=False))
        alone.release()

    at_work([quick] * 50, Threads())
    assert met == [True] * 50


def test_one_thread_more_may_work_while_something_is_changed() -> None:
    async def allowed() -> list[float]:
        threads, limiter = Threads(), current_default_thread_limiter()
        with threads.for_request(changes=False):
            found = [limiter.total_tokens]
            with threads.for_request(changes=True), threads.for_request(changes=True):
                found.append(limiter.total_tokens)
            return [*found, limiter.total_tokens]

    assert asyncio.run(allowed()) == [1, 2, 1]


def test_what_is_quick_does_not_wait_for_what_is_slow() -> None:
    done = threading.Event()

    def slow() -> None:
        assert done.wait(20), "the quick one was held up"

    at_work([slow, slow, slow, done.set], Threads())


def test_there_are_never_more_threads_than_anyio_would_have() -> None:
    everyone = threading.Barrier(MOST)
    at_work([lambda: everyone.wait(20)] * MOST, Threads())


def test_it_looks_no_longer_than_there_are_requests() -> None:
    async def ended() -> tuple[int, float]:
        threads = Threads()
        for _ in range(2):
            with threads.for_request(changes=False):
                await run_sync(lambda: None)
        before = len(asyncio.all_tasks())
        await asyncio.sleep(0.06)
        with threads.for_request(changes=False):
            pass
        return before, current_default_thread_limiter().total_tokens

    assert asyncio.run(ended()) == (1, 1)
