"""Reads that race a recall: from the moment that it is committed, not one gives a byte."""

from __future__ import annotations

import threading

import pytest

from registry.errors import RecalledError
from registry.services.catalog.verbs import Catalog
from tests.registry.services.governance.recalls.worlds import WEIGHTS, World
from tests.registry.services.teams import Team, ref_of

READERS = 4


@pytest.mark.parametrize("reads", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_read_that_begins_after_a_recall_gives_bytes(either_team: Team, reads: int) -> None:
    ref = either_team.publish()
    world = World(either_team, *[ref] * 8)
    committed, started = threading.Event(), threading.Barrier(READERS + 1)
    given: list[int] = []
    leaked: list[bool] = []
    failed: list[BaseException] = []

    def read() -> None:
        verbs = Catalog(either_team.context("guest"))
        before = 0
        try:
            started.wait()
            for _ in range(reads // READERS):
                after = committed.is_set()  # asked before the read begins
                try:
                    verbs.open_file(ref_of(ref), WEIGHTS).close()
                except RecalledError:
                    continue
                before += not after
                leaked.extend([True] * after)
            given.append(before)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    started.wait()
    world.open(ref)
    committed.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(given) == READERS
    assert leaked == []
