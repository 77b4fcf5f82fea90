"""The schedule of the server: what is done again and again goes on after an error and ends with the server."""

from __future__ import annotations

import logging
from threading import Event

import pytest

from registry.errors import UnavailableError
from registry.schedule import Schedule


def test_what_is_done_again_and_again_goes_on_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    calls, enough = [0], Event()

    def act() -> None:
        calls[0] += 1
        if calls[0] == 1:
            raise UnavailableError("The database is away")
        if calls[0] == 2:
            raise ValueError("odd")
        enough.set()

    with caplog.at_level(logging.WARNING, "forebear.schedule"), Schedule(act, seconds=0.001):
        assert enough.wait(10)
    assert [record.exc_info is not None for record in caplog.records] == [False, True]
    assert "The database is away" in caplog.text


def test_it_ends_at_once_when_the_server_does() -> None:
    called = Event()
    schedule = Schedule(called.set, seconds=3600)
    with schedule:
        assert called.wait(10)
    assert not schedule._thread.is_alive()
