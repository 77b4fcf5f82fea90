"""The registry: every subject for one actor, and its connections released once it is left."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import SearchQuery
from registry.domain.people.people import Actor
from registry.errors import PermissionDeniedError
from registry.services.registry import LocalRegistry
from tests.registry.services.teams import Team

SUBJECTS = ("catalog", "datasets", "transfers", "lineage", "promotions", "people", "audit")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_subject_works_in_the_registry_s_own_context(team: Team, subject: str) -> None:
    registry = LocalRegistry(team.context("ana"))
    verbs = getattr(registry, subject)
    assert verbs is getattr(registry, subject)
    assert type(verbs).__module__.startswith("registry.services.")


def test_another_actor_sees_the_same_and_may_do_only_what_they_may(team: Team) -> None:
    ref = team.publish()
    ana = LocalRegistry(team.context("ana"))
    guest = ana.as_actor(Actor("guest", frozenset({"viewer"})))
    assert (ana.actor.handle, guest.actor.handle) == ("ana", "guest")
    assert [model.name for model in guest.catalog.search(SearchQuery()).items] == [ref.name]
    with pytest.raises(PermissionDeniedError):
        LocalRegistry(team.context("nobody")).doctor()


def test_leaving_the_registry_releases_its_connections_even_after_an_error(team: Team) -> None:
    closed: list[str] = []
    with pytest.raises(ZeroDivisionError), LocalRegistry(team.context("ana"), lambda: closed.append("closed")):
        raise ZeroDivisionError
    assert closed == ["closed"]
