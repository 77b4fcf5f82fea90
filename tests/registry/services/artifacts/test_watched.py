"""A file that is being read when its version is taken back ends there."""

from __future__ import annotations

import pytest
from starlette.requests import ClientDisconnect

from registry.api import downloads
from registry.domain.catalog.models import VersionDetail
from registry.domain.names import Reference
from registry.domain.people.people import Actor
from registry.errors import RecalledError
from registry.services.artifacts import watched
from registry.services.catalog.verbs import Catalog
from registry.services.registry import LocalRegistry
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
