"""What every service is given asks for the permission before it opens anything, and can be given to another actor."""

from __future__ import annotations

import pytest

from registry.domain.people.people import Actor, Permission
from registry.errors import PermissionDeniedError
from tests.registry.services.teams import Team


def test_who_has_no_role_reads_nothing_and_a_viewer_writes_nothing(team: Team) -> None:
    with pytest.raises(PermissionDeniedError, match="nobody may not do this"):
        team.context("nobody").read()
    with pytest.raises(PermissionDeniedError, match="guest may not do this"):
        team.context("guest").write()
    with team.context("guest").read() as uow:
        assert uow.people.get("ana") is not None


def test_a_change_can_ask_for_more_than_editing(team: Team) -> None:
    with pytest.raises(PermissionDeniedError):
        team.context("ana").write(Permission.ADMIN)
    with team.context("root").write(Permission.ADMIN) as uow:
        assert uow.people.get("root") is not None


def test_another_actor_has_the_same_registry_and_their_own_permissions(team: Team) -> None:
    ana = team.context("ana")
    guest = ana.as_actor(Actor("guest", frozenset({"viewer"})))
    assert (guest.blobs, guest.home, guest.open_uow) == (ana.blobs, ana.home, ana.open_uow)
    with pytest.raises(PermissionDeniedError):
        guest.write()
