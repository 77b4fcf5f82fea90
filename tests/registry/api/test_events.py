"""Server-sent events of a step: each thing once, in order, resumable; no more streams or reads than are bearable."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from registry import bootstrap
from registry.api import streams
from registry.api.streams import Streams
from registry.domain.transfers.steps import EpochMetric, Progress, StepState
from registry.services.context import Context
from tests import builders
from tests.serving import HOST, ServedRegistry, problem

RUNNING = frozenset({StepState.RUNNING})


@dataclass(frozen=True)
class Event:
    """One event as a browser reads it."""

    id: str
    event: str
    data: Mapping[str, Any]


def parsed(text: str) -> list[Event]:
    """The events of a stream (WHATWG HTML section 9.2.6); comments and `retry` are passed over."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if "data" in fields:
            found.append(Event(fields["id"], fields["event"], json.loads(fields["data"])))
    return found


@pytest.fixture
def ended(served: ServedRegistry) -> str:
    """A step that succeeded, with a curve."""
    return str(served.client("vic").get("/api/v1/models/vision/digits/versions/2").json()["step"])


def test_the_whole_history_of_an_ended_step_is_sent_and_then_the_stream_ends(
    served: ServedRegistry, ended: str
) -> None:
    answer = served.client("vic").get(f"/api/v1/transfers/{ended}/events")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.startswith("retry: 2000\n\n")
    told = parsed(answer.text)
    curve = served.client("vic").get(f"/api/v1/transfers/{ended}").json()["curve"]
    metrics = [event.data for event in told if event.event == "metric"]
    assert sorted(map(str, metrics)) == sorted(map(str, curve))
    assert [m["number"] for m in metrics] == list(range(1, len(curve) + 1))
    assert (told[-1].event, told[-1].id) == ("state", f"{len(curve)}-succeeded")
    assert told[-1].data["output"] == "models:/vision/digits/2"


def test_a_listener_that_reconnects_gets_what_came_after(served: ServedRegistry, ended: str) -> None:
    client, address = served.client("vic"), f"/api/v1/transfers/{ended}/events"
    whole = parsed(client.get(address).text)
    for cut in (0, 3, len(whole) - 2):
        rest = parsed(client.get(address, headers={"Last-Event-ID": whole[cut].id}).text)
        assert rest == whole[cut + 1 :]
        assert parsed(client.get(address, params={"after": whole[cut].id}).text) == rest
    done = client.get(address, headers={"Last-Event-ID": whole[-1].id}, params={"after": "0"})
    assert (done.status_code, done.content) == (204, b"")


def test_what_cannot_be_streamed_is_refused_before_the_stream_begins(served: ServedRegistry, ended: str) -> None:
    client = served.client("vic")
    assert problem(client.get("/api/v1/transfers/step-01k/events"))["code"] == "not-found"
    none = f"/api/v1/transfers/step-{'0' * 26}/events"
    assert problem(client.get(none))["code"] == "not-found"
    address = f"/api/v1/transfers/{ended}/events"
    assert problem(client.get(address, headers={"Last-Event-ID": "x"}))["code"] == "bad-cursor"
    assert problem(served.client().get(address))["code"] == "unauthenticated"
    served.app.state.streams._each["vic"] = streams.MAX_PER_PERSON
    try:
        refused = client.get(address)
        assert served.client("ana").get(address).status_code == 200
    finally:
        del served.app.state.streams._each["vic"]
    assert problem(refused)["code"] == "unavailable"
    assert refused.status_code == 503
    assert served.app.state.streams.open == 0


@dataclass
class Going:
    """A running step in the database, moved on by a test as its worker would."""

    context: Context
    id: str
    _seconds: Iterator[int] = field(default_factory=count)

    def advance(self, step: int, *points: float) -> None:
        """`step` optimiser steps are done; each of `points` is the loss of one more epoch."""
        at = datetime(2026, 11, 25, 12, 0, next(self._seconds), tzinfo=UTC)
        with self.context.write() as uow:
            uow.steps.progress(
                self.id,
                epoch=step / 10,
                at=at,
                progress=Progress("train", step, 40, step * 8, None, 80.0, 0.5, 2.0, at),
            )
            before = len(uow.steps.curve(self.id, after=0))
            uow.steps.add_curve(
                self.id,
                [EpochMetric(n, n * 10, "loss", "train", loss) for n, loss in enumerate(points, start=before + 1)],
            )
            uow.commit_unaudited()

    def end(self, state: StepState) -> None:
        """It has ended."""
        with self.context.write() as uow:
            assert uow.steps.move(self.id, expected=RUNNING, to=state, at=builders.NOW)
            uow.commit_unaudited()


class Alive:
    """The installed plug-ins, with engines that say every worker lives."""

    def __init__(self, plugins: Any) -> None:
        self._plugins = plugins

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plugins, name)

    def engine(self, name: str) -> Any:
        return self

    def alive(self, step_id: str, home: object) -> bool:
        return True


@pytest.fixture
def going(own_served: ServedRegistry, monkeypatch: pytest.MonkeyPatch) -> Going:
    registry = bootstrap.open(own_served.family.home, settings=own_served.family.settings, actor="ana")
    layers = own_served.app.user_middleware
    inner: Any = next(one.kwargs["registry"] for one in layers if "registry" in one.kwargs)
    for context in (inner.context, registry.context):
        object.__setattr__(context, "plugins", Alive(context.plugins))
    new = builders.step("vision/digits", state=StepState.RUNNING, epochs=4)
    with registry.context.write() as uow:
        uow.steps.add(new)
        uow.commit_unaudited()
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.02)
    return Going(registry.context, new.id)


class Stream:
    """One connection to the application, as an ASGI server holds it."""

    def __init__(self, served: ServedRegistry, path: str, who: str, **headers: str) -> None:
        said = {"host": HOST.partition("//")[2], "authorization": f"Bearer {served.family.tokens[who]}", **headers}
        self.scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(key.replace("_", "-").encode(), value.encode()) for key, value in said.items()],
            "client": ("127.0.0.1", 1), "server": ("localhost", 80),
        }  # fmt: skip
        self.text, self.status = "", 0
        self._gone = asyncio.Event()
        self._asked = False

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"").decode()

    def leave(self) -> None:
        """The other side closes the connection."""
        self._gone.set()

    async def until(self, wanted: str) -> None:
        """Wait until the stream has said `wanted`."""
        for _ in range(1000):
            if wanted in self.text:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(self.text[-2000:])


@asynccontextmanager
async def listening(served: ServedRegistry, step: str, who: str = "vic", **headers: str) -> AsyncIterator[Stream]:
    """A stream that is open while the block runs; it must have ended soon after."""
    stream = Stream(served, f"/api/v1/transfers/{step}/events", who, **headers)
    task = asyncio.create_task(served.app(stream.scope, stream.receive, stream.send))
    yield stream
    await asyncio.wait_for(task, 10)


def test_a_running_step_is_reported_to_its_end(own_served: ServedRegistry, going: Going) -> None:
    async def story() -> Stream:
        async with listening(own_served, going.id) as stream:
            await stream.until("0-running")
            going.advance(10, 0.9)
            await stream.until('"step": 10')
            going.advance(20, 0.7, 0.6)
            await stream.until('"step": 20')
            going.end(StepState.SUCCEEDED)
        return stream

    told = parsed(asyncio.run(story()).text)
    assert [event.event for event in told] == [
        "state", "metric", "progress", "metric", "metric", "progress", "state",
    ]  # fmt: skip
    assert [event.data["value"] for event in told if event.event == "metric"] == [0.9, 0.7, 0.6]
    progress = [event.data for event in told if event.event == "progress"]
    assert [one["progress"]["seconds_left"] for one in progress] == [2.0, 2.0]
    assert [one["epoch"] for one in progress] == [1.0, 2.0]
    assert told[-1].id == "3-succeeded"


def test_a_listener_that_leaves_is_noticed_and_comes_back_without_loss(
    own_served: ServedRegistry, going: Going
) -> None:
    open_streams: Streams = own_served.app.state.streams

    async def story() -> tuple[Stream, Stream]:
        async with listening(own_served, going.id) as first:
            going.advance(10, 0.9)
            await first.until('"step": 10')
            assert open_streams.open == 1
            first.leave()
        assert open_streams.open == 0
        going.advance(20, 0.7)
        going.advance(30, 0.6)
        async with listening(own_served, going.id, last_event_id=parsed(first.text)[-1].id) as second:
            await second.until('"step": 30')
            going.end(StepState.FAILED)
        return first, second

    first, second = asyncio.run(story())
    assert [e.data["value"] for s in (first, second) for e in parsed(s.text) if e.event == "metric"] == [0.9, 0.7, 0.6]
    assert open_streams._feeds == {}


def test_many_listeners_cost_one_reader(
    own_served: ServedRegistry, going: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.1)
    reads: list[float] = []
    real = streams.Feed.refresh

    async def story() -> list[Stream]:
        async with (
            listening(own_served, going.id) as one,
            listening(own_served, going.id, "ana") as two,
            listening(own_served, going.id, "ben") as three,
        ):
            everyone = [one, two, three]
            for stream in everyone:
                await stream.until("0-running")
            feed = own_served.app.state.streams._feeds[going.id]
            transfers, begun = _Counting(going.context), time.monotonic()
            for _ in range(20):
                await real(feed, transfers, own_served.app.state.streams._threads)
                await asyncio.sleep(0.01)
            reads.extend((transfers.asked, (time.monotonic() - begun) / streams.POLL_SECONDS + 1))
            going.advance(10, 0.5)
            for stream in everyone:
                await stream.until('"step": 10')
            going.end(StepState.SUCCEEDED)
        return everyone

    everyone = asyncio.run(story())
    assert [[e.event for e in parsed(s.text)] for s in everyone] == [["state", "metric", "progress", "state"]] * 3
    asked, turns = reads
    assert asked <= turns, "of twenty that ask one after the other, one reads at each turn"


class _Counting:
    """Transfers that count how often they are asked for news."""

    def __init__(self, context: Context) -> None:
        from registry.services.transfers.verbs import Transfers

        self._transfers, self.asked = Transfers(context), 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transfers, name)

    def news(self, step_id: str, *, after: int = 0) -> Any:
        self.asked += 1
        return self._transfers.news(step_id, after=after)


def test_a_heartbeat_is_sent_while_nothing_happens(
    own_served: ServedRegistry, going: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)

    async def story() -> None:
        async with listening(own_served, going.id) as stream:
            await stream.until(": nothing new\n\n")
            going.end(StepState.CANCELLED)

    asyncio.run(story())


def test_a_stream_ends_with_its_token(
    own_served: ServedRegistry, going: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    client = own_served.client("ana")

    async def story() -> None:
        async with listening(own_served, going.id) as stream:
            await stream.until("0-running")
            tokens = client.get("/api/v1/tokens").json()["items"]
            for token in tokens:
                if token["person"] == "vic":
                    client.delete(f"/api/v1/tokens/{token['id']}")

    asyncio.run(story())


def test_a_stream_ends_when_the_team_of_its_step_is_closed(
    own_served: ServedRegistry, going: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)

    async def story() -> None:
        async with listening(own_served, going.id) as stream:
            await stream.until("0-running")
            own_served.family.registry("ana").teams.close("vision")

    asyncio.run(story())


def test_streams_end_when_the_server_is_to_end(own_served: ServedRegistry, going: Going) -> None:
    async def story() -> None:
        async with listening(own_served, going.id) as stream:
            await stream.until("0-running")
            own_served.app.state.streams.closed = True

    asyncio.run(story())
