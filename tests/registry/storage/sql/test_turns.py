"""Writers of one process wait in the order in which they came."""

from __future__ import annotations

import threading

import pytest

from registry.storage.database import Database
from registry.storage.sql.engines import begin_writing
from registry.storage.sql.turns import Turns
from tests.builders import event
from tests.fakes.clock import FakeClock


class Writer(threading.Thread):
    """Takes the place and writes down its name."""

    def __init__(self, turns: Turns, name: str, order: list[str]) -> None:
        super().__init__(name=name)
        self.turns, self.order = turns, order

    def run(self) -> None:
        assert self.turns.take(30)
        self.order.append(self.name)
        self.turns.give_back()


def test_whoever_came_first_is_first() -> None:
    turns = Turns()
    order: list[str] = []
    assert turns.take(0)
    writers = [Writer(turns, str(number), order) for number in range(5)]
    for number, writer in enumerate(writers, start=1):
        writer.start()
        while turns.waiting < number:
            pass
    turns.give_back()
    for writer in writers:
        writer.join()
    assert order == ["0", "1", "2", "3", "4"]


def test_who_gives_up_is_passed_over_and_the_place_is_not_lost() -> None:
    turns = Turns()
    assert turns.take(0)
    assert not turns.take(0.01)
    turns.give_back()
    assert turns.take(0)


def test_a_change_that_fails_gives_the_place_back(sqlite_database: Database) -> None:
    units = sqlite_database.factory(FakeClock())
    with pytest.raises(ZeroDivisionError), units(actor="ana", write=True):
        raise ZeroDivisionError
    with units(actor="bo", write=True) as uow:
        uow.commit(event())


def test_a_connection_that_changes_something_twice_has_the_place_still(sqlite_database: Database) -> None:
    connection = begin_writing(sqlite_database.engine)
    connection.commit()
    connection.begin()
    connection.close()
    with sqlite_database.factory(FakeClock())(actor="bo", write=True) as uow:
        uow.commit(event())


def test_a_connection_that_is_lost_gives_the_place_back(sqlite_database: Database) -> None:
    units = sqlite_database.factory(FakeClock())
    with units(actor="ana", write=True) as uow:
        uow._open().invalidate()
    with units(actor="bo", write=True) as uow:
        uow.commit(event())
