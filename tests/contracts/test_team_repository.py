"""What is kept of closed teams, and what searches leave out for those who do not see them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registry.domain.catalog.models import SearchQuery
from registry.domain.catalog.picking import Picked
from registry.domain.paging import PageRequest
from registry.domain.people.people import Person
from registry.domain.people.teams import Level, Member, Team
from registry.errors import NotFoundError
from registry.services.unit_of_work import UnitOfWork
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_dataset_version, add_version, metric

HIDDEN = frozenset({"shut", "shut-in"})


@pytest.fixture
def uow(open_uow: Factory) -> Iterator[UnitOfWork]:
    with open_uow(actor="ana", write=True) as uow:
        for handle in ("ana", "ben"):
            uow.people.add(Person(handle, handle.title(), ("developer",), NOW))
        yield uow


def test_a_person_comes_with_their_levels_in_closed_teams(uow: UnitOfWork) -> None:
    uow.teams.put(Team("a_b", True, NOW, "ana"))
    uow.teams.put(Team("free", False, NOW, "ana"))
    uow.teams.set_member("a-b", Member("ben", Level.READ, NOW, "ana"))
    uow.teams.set_member("a_b", Member("ben", Level.USE, NOW, "ana"))
    levels = {}
    for handle in ("ana", "ben"):
        found = uow.teams.acting(handle)
        assert found is not None
        assert found[0] == uow.people.get(handle)
        levels[handle] = dict(found[1].closed)
    assert levels == {"ana": {"a-b": None}, "ben": {"a-b": Level.USE}}
    assert uow.teams.acting("nobody") is None
    assert uow.teams.count_closed() == 1
    uow.teams.put(Team("a_b", False, NOW, "ana"))
    found = uow.teams.acting("ana")
    assert found is not None
    assert not found[1]
    with pytest.raises(NotFoundError):
        uow.teams.set_member("free", Member("nobody", Level.READ, NOW, "ana"))


def test_a_team_exists_once_something_was_registered_in_it(uow: UnitOfWork) -> None:
    assert not uow.teams.exists("vision")
    add_version(uow, "vision-two/x")
    assert not uow.teams.exists("vision")
    add_version(uow, "vi_sion/x")
    assert uow.teams.exists("vi-sion")


def test_searches_counts_and_lists_are_what_they_would_be_without_what_is_hidden(uow: UnitOfWork) -> None:
    def everything(hidden: frozenset[str]) -> list[object]:
        queries = (SearchQuery(), SearchQuery(licence="MIT"), SearchQuery(text="resnet"))
        return [
            *([one.name for one in uow.catalog.search(query, hidden).items] for query in queries),
            *(uow.catalog.facets(query, hidden) for query in queries),
            *(uow.catalog.known(field, hidden) for field in ("task", "owner", "metric")),
            [one.name for one in uow.datasets.search("", PageRequest(), hidden).items],
            [one.summary.name for one in uow.catalog.list_models(Picked(), hidden).items],
            [one.summary.ref for one in uow.catalog.list_versions(Picked(), hidden).items],
        ]

    add_version(uow, "open/one", licence="MIT", measured=[metric(0.5)])
    add_version(uow, "shut-too/two", tags={"a": "b"})
    add_dataset_version(uow, "open/rows")
    before = everything(frozenset())
    add_version(
        uow, "shut/three", licence="MIT", task="secret-task", measured=[metric(0.5, name="secrecy")], tags={"a": "c"}
    )
    add_version(uow, "shut_in/four", owner="ben", at=NOW)
    add_dataset_version(uow, "shut/rows")
    assert everything(HIDDEN) == before
    assert everything(frozenset()) != before
