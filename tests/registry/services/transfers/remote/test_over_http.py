"""What a worker hands over goes up in pieces, and what broke off is not sent again by its next attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from registry.auth import Attempts, Doorkeeper
from registry.client import uploads as ahead
from registry.client.registry import RemoteRegistry, connect
from registry.domain.names import AssetKind, Reference
from registry.domain.people.people import Actor
from registry.domain.transfers.steps import StepState
from registry.errors import PermissionDeniedError, RegistryError
from registry.server import create_app
from registry.services.context import Context
from registry.services.drafts import uploading
from registry.services.keys import registry_key
from registry.services.people.verbs import People
from registry.services.registry import LocalRegistry
from registry.services.transfers.remote.verbs import Work
from tests.registry.services.transfers.remote.conftest import ABLE, DONE
from tests.serving import listening

Opened = Callable[[str], Work]


class Watched:
    """The application, with the sizes of the pieces that came; from the piece `breaks` on they fail."""

    def __init__(self, app: FastAPI) -> None:
        self.app, self.state, self.came, self.breaks = app, app.state, list[int](), 10**9

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "PATCH":
            if len(self.came) >= self.breaks:
                await send({"type": "http.response.start", "status": 500, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            self.came.append(int(dict(scope["headers"])[b"content-length"]))
        await self.app(scope, receive, send)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("INLINE", 500), ("PIECE", 1000), ("SMALL", 300), ("JOINED", 600)):
        monkeypatch.setattr(ahead, name, value)
    monkeypatch.setattr(uploading, "LEAST", 1000)


@contextmanager
def box(context: Context, watched: list[Watched], *, step: str = "") -> Iterator[RemoteRegistry]:
    """What the service account `box` sees of a server; its token may be limited to one step."""
    People(context).grant("box", "developer")
    actor = Actor("box", frozenset({"developer"}), service=True)
    token = People(replace(context, actor=actor)).create_token("box", label="worker", step=step).secret
    registry = LocalRegistry(replace(context, settings=replace(context.settings, home=context.home)))
    door = Doorkeeper(registry.sessions, registry_key(context.home, context.settings), Attempts(per_minute=1000))
    watched.append(Watched(create_app(registry, context.settings, door, home=context.home)))
    with listening(watched[-1]) as url, connect(url, token=token) as remote:  # type: ignore[arg-type]
        yield remote


@pytest.fixture
def large(made: Path) -> Path:
    (made / "model.safetensors").write_bytes(bytes(range(250)) * 10)
    return made


@pytest.mark.parametrize("limited", [False, True])
def test_an_output_that_broke_off_goes_on_and_only_what_is_missing_is_sent(
    context: Context, waiting: str, work: Opened, large: Path, limited: bool
) -> None:
    given = work("box").take(ABLE)
    assert given is not None
    watched: list[Watched] = []
    with box(context, watched, step=waiting if limited else "") as remote:
        watched[0].breaks = 2
        with pytest.raises(RegistryError):
            remote.work.hand_over(waiting, given.worker, DONE, large)
        watched[0].breaks = 10**9
        step = remote.work.hand_over(waiting, given.worker, DONE, large)
    assert watched[0].came == [1000, 1000, 500]
    assert step.summary.state is StepState.SUCCEEDED
    assert step.summary.output is not None
    with context.read() as uow:
        assert uow.drafts.size_sent("box") == 0


def test_a_token_of_a_step_sends_for_no_other_model_and_only_while_it_runs(
    context: Context, waiting: str, work: Opened
) -> None:
    taker = work("box")
    with box(context, [], step=waiting) as remote:
        own = Reference(AssetKind.MODELS, remote.transfers.step(waiting).summary.wanted)
        with pytest.raises(PermissionDeniedError, match="limited to the step"):
            remote.uploads.standing(own, [])
        assert taker.take(ABLE) is not None
        assert remote.uploads.standing(own, []) == ()
        with pytest.raises(PermissionDeniedError, match="limited to the step"):
            remote.uploads.standing(Reference.parse("models:/vision/other"), [])
        with pytest.raises(PermissionDeniedError, match="limited to the step"):
            remote.catalog.version(Reference.parse("models:/vision/other/1"))
