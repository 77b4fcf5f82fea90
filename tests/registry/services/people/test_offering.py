"""A role that decides takes two people, also just after all others have lost theirs."""

from __future__ import annotations

from registry.services.people.offering import ALONE_AFTER, confirmers, offer_of, takes_two
from tests.registry.services.teams import Team

DECIDERS = {"ben": "validator", "vera": "validator", "carla": "risk-owner"}


def test_who_decides_confirms_but_neither_of_the_two_nor_a_service_account(team: Team) -> None:
    with team.open_uow(actor="root") as uow:
        assert confirmers(uow, "ben", offered_by="root") == ["carla", "vera"]
        assert offer_of(uow, "ben", "admin") is None


def test_one_person_is_enough_only_after_a_week_without_others(team: Team) -> None:
    for who, role in DECIDERS.items():
        team.people("root").revoke(who, role)
    lost = team.clock.now()
    with team.open_uow(actor="root") as uow:
        assert confirmers(uow, "dora", offered_by="root") == []
        assert takes_two(uow, "dora", offered_by="root", now=lost)
        assert not takes_two(uow, "dora", offered_by="root", now=lost + ALONE_AFTER)
