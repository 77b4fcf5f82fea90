"""Who read what: counted without waiting for the writer, written together, shown to who may recall."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry.domain.catalog.downloads import Download, Unwritten
from registry.domain.governance.recalls import Level
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import PageRequest
from registry.errors import NoSpaceError
from registry.services.downloads import note, write_downloads
from tests.builders import NOW
from tests.registry.services.governance.recalls.worlds import build
from tests.registry.services.teams import Team

REF = VersionRef(AssetKind.MODELS, Name("vision", "digits"), 1)


def read(person: str = "ana", reads: int = 1, hours: int = 0) -> Download:
    at = NOW + timedelta(hours=hours)
    return Download(person, "tok-1", REF, at, at, reads)


def test_reads_of_one_person_token_version_and_day_are_one() -> None:
    unwritten = Unwritten()
    for one in (read(), read(hours=2), read("ben"), read(hours=30)):
        unwritten.add(one)
    taken = unwritten.take()
    assert [(one.person, one.reads) for one in taken] == [("ana", 2), ("ben", 1), ("ana", 1)]
    assert taken[0].last_at - taken[0].first_at == timedelta(hours=2)
    assert unwritten.take() == []


def test_on_a_full_disk_reading_goes_on_and_nothing_is_forgotten(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    world = build(team)
    whole = world.team.context("guest")

    def full(**_: Any) -> Any:
        raise NoSpaceError("The disk is full")

    context = replace(whole, open_uow=full)
    note(context, world.base)
    with caplog.at_level(logging.WARNING):
        write_downloads(context)
    assert "1 downloads could not be written yet" in caplog.text
    write_downloads(whole)
    recall = world.open(str(world.base), Level.QUARANTINE).recall.id
    (told,) = world.recalls().downloads(recall, page=PageRequest()).items
    assert (told.person, told.reads) == ("guest", 1)
