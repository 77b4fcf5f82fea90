"""Addresses without a token: they do what their path says, for a while, and end with the token they were made with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.auth.links import Links
from registry.domain.people.people import SYSTEM, Actor
from registry.errors import UnauthenticatedError
from registry.services.people.sessions import Sessions
from tests.registry.services.teams import Team

PATH = "/api/lfs/00/5"


@pytest.fixture
def links(team: Team) -> Links:
    return Links(Sessions(team.context_of(SYSTEM)), "k" * 32, lambda: team.clock.now().timestamp())


@pytest.fixture
def actor(team: Team, links: Links) -> Actor:
    made = team.people("ana").create_token("ana", label="laptop", days=1)
    return links.sessions.authenticate(made.secret)


def test_an_address_acts_for_who_had_it_made_and_on_its_own_path_alone(links: Links, actor: Actor) -> None:
    path, _, query = links.signed(PATH, actor).partition("?")
    assert (path, links.actor_of(path, query)) == (PATH, actor)
    for other in ("/api/lfs/00/6", "/api/lfs/00/5/1"):
        with pytest.raises(UnauthenticatedError):
            links.actor_of(other, query)
    for wrong in ("", query[:-1], query.replace("until=", "until=9"), query.replace(str(actor.token), "tok-x")):
        with pytest.raises(UnauthenticatedError):
            links.actor_of(path, wrong)
    with pytest.raises(UnauthenticatedError):
        replace(links, key="x" * 32).actor_of(path, query)


def test_it_ends_by_itself_and_with_the_token(team: Team, links: Links, actor: Actor) -> None:
    path, _, query = links.signed(PATH, actor).partition("?")
    assert actor.token is not None
    team.clock.forward(hours=7)
    with pytest.raises(UnauthenticatedError, match="has expired"):
        links.actor_of(path, query)
    path, _, query = links.signed(PATH, actor).partition("?")
    team.people("ana").revoke_token(actor.token)
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        links.actor_of(path, query)


def test_somebody_without_a_token_gets_no_address(links: Links, actor: Actor) -> None:
    with pytest.raises(UnauthenticatedError, match="This needs a token"):
        links.signed(PATH, replace(actor, token=None))
