"""A file that is being read when its version is taken back ends there."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from starlette.requests import ClientDisconnect

from registry.api import downloads
from registry.domain.catalog.models import VersionDetail
from registry.domain.names import Reference
from registry.domain.people.people import Actor
from registry.errors import RecalledError
from registry.ports.blobs import FileStream
from registry.services.artifacts import watched
from registry.services.catalog.verbs import Catalog
from registry.services.registry import LocalRegistry
from registry.storage.artifacts.blobs import FolderBlobs
from tests.registry.services.governance.recalls.worlds import WEIGHTS, World, build
from tests.registry.services.teams import Team, ref_of


@pytest.fixture
def world(team: Team, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(watched, "STRETCH", 4)
    return build(team)


def test_a_file_that_is_read_when_its_version_is_recalled_gives_at_most_one_stretch_more(world: World) -> None:
    stream = Catalog(world.team.context("ana")).open_file(ref_of(world.base), WEIGHTS)
    assert len(stream.read(2)) == 2
    recall = world.open(world.base).recall
    with pytest.raises(RecalledError, match=recall.id):
        stream.read()
    stream.close()


def test_forensics_reads_on_and_a_file_that_nobody_recalls_is_read_whole(world: World) -> None:
    whole = Catalog(world.team.context("ana")).open_file(ref_of(world.child), WEIGHTS).read()
    vera = world.team.context_of(Actor("vera", frozenset({"forensics"})))
    stream = Catalog(vera).open_file(ref_of(world.child), WEIGHTS)
    world.open(world.base)
    assert stream.read() == whole
    part = Catalog(world.team.context("ana")).open_file(ref_of(world.heir), WEIGHTS, start=1, length=9).read()
    assert len(part) == 9


def test_a_download_that_began_before_a_recall_is_broken_off(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(downloads, "CHUNK", 4)
    caplog.set_level("INFO", "forebear.server")
    registry = LocalRegistry(world.team.context("ana"))
    detail: VersionDetail = registry.catalog.version(Reference.to(world.base))
    size = next(file.size for file in detail.files if file.path == WEIGHTS)
    with registry.catalog.open_file(Reference.to(world.base), WEIGHTS) as stream:
        body = downloads._chunks(stream, size)  # the test client reads an answer only once it is whole
        assert len(next(body)) == 4
        world.open(world.base)
        with pytest.raises(ClientDisconnect):
            list(body)
    assert "A download was broken off" in caplog.text


def test_a_download_that_the_kernel_sends_is_broken_off_by_a_recall_too(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(downloads, "STRETCH", 4)
    caplog.set_level("INFO", "forebear.server")
    reference, context, blobs = Reference.to(world.base), world.team.context("ana"), FolderBlobs(tmp_path)
    with Catalog(context).open_file(reference, WEIGHTS) as kept:
        blobs.put(kept)
    catalog = Catalog(replace(context, blobs=blobs))
    catalog.open_file(reference, WEIGHTS).read()  # which checks the bytes: those the kernel may send
    stream = catalog.open_file(reference, WEIGHTS)
    assert isinstance(stream, FileStream)
    sent: list[dict[str, object]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))
        if len(sent) == 3:
            await to_thread.run_sync(world.open, world.base)

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        anyio.run(downloads.FileAnswer(stream, 200, {}), {"type": "http"}, receive, send)
    assert [one.get("count") for one in sent] == [None, 4, 4]
    assert "A download was broken off" in caplog.text
