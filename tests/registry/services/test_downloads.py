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


def test_pages_of_who_read_what_go_by_version_and_hold_every_download_once(team: Team) -> None:
    world = build(team)
    refs = (world.base, world.child, world.grandchild)
    with team.open_uow(actor="root", write=True) as uow:
        uow.recalls.add_downloads([replace(read(who), ref=ref) for who in ("ana", "ben", "guest") for ref in refs])
        uow.commit_unaudited()
    recall = world.open(world.base).recall.id
    pages, cursor = list[Download](), None
    while True:
        page = world.recalls().downloads(recall, page=PageRequest(2, cursor))
        pages += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [one.ref for one in pages] == [ref for ref in refs for _ in range(3)]
    assert [one.person for one in pages[:3]] == ["guest", "ben", "ana"]
