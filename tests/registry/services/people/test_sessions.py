"""A session gets a new cookie every quarter of an hour, ends when it is not used, and all of a person end at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.paging import PageRequest
from registry.domain.people.people import SYSTEM, Scope
from registry.domain.people.sessions import StartedSession
from registry.errors import NotFoundError, PermissionDeniedError, UnauthenticatedError
from registry.services.audit.verbs import Audit
from registry.services.people.sessions import Sessions
from tests.registry.services.teams import Team


def server(team: Team) -> Sessions:
    return Sessions(team.context_of(SYSTEM))


def begin(team: Team, handle: str = "ana") -> StartedSession:
    secret = team.people(handle).create_token(handle, label="laptop").secret
    return server(team).begin(secret, "192.0.2.7")


def test_a_session_gets_a_new_cookie_every_quarter_of_an_hour_and_stays_the_same_session(team: Team) -> None:
    started, at = begin(team), server(team)
    assert at.visit(started.cookie).cookie is None
    team.clock.forward(minutes=15)
    visit = at.visit(started.cookie)
    assert visit.cookie not in {None, started.cookie}
    assert at.visit(visit.cookie or "").session.id == started.summary.id
    assert team.actions("person:ana")[-1] == "session.started", "a new cookie is no change worth an entry"


def test_requests_on_their_way_are_answered_with_the_cookie_before(team: Team) -> None:
    started, at = begin(team), server(team)
    team.clock.forward(minutes=15)
    new = at.visit(started.cookie).cookie or ""
    assert at.visit(started.cookie).cookie is None
    at.visit(new)
    team.clock.forward(seconds=59)
    assert at.visit(started.cookie).actor.handle == "ana"


def test_a_cookie_that_was_replaced_ends_the_session_for_whoever_has_a_copy(team: Team) -> None:
    started, at = begin(team), server(team)
    team.clock.forward(minutes=15)
    new = at.visit(started.cookie).cookie or ""
    at.visit(new)
    team.clock.forward(minutes=1)
    with pytest.raises(UnauthenticatedError, match="The cookie of this session was replaced"):
        at.visit(started.cookie)
    with pytest.raises(UnauthenticatedError, match="This session has ended"):
        at.visit(new)
    newest = Audit(team.context("root")).search(subject="person:ana").items[0]
    assert (newest.action, newest.detail["reason"]) == ("session.ended", "a cookie was used that had been replaced")


def test_a_new_cookie_that_got_lost_on_its_way_is_replaced_by_another(team: Team) -> None:
    started, at = begin(team), server(team)
    team.clock.forward(minutes=15)
    lost = at.visit(started.cookie).cookie or ""
    team.clock.forward(minutes=5)
    new = at.visit(started.cookie).cookie or ""
    assert new not in {"", lost}
    with pytest.raises(UnauthenticatedError, match="not known here"):
        at.visit(lost)
    assert at.visit(new).actor.handle == "ana"


def test_a_session_ends_an_hour_after_its_last_use_and_asking_about_it_is_no_use(team: Team) -> None:
    started, at = begin(team), server(team)
    cookie = started.cookie
    for _ in range(3):
        team.clock.forward(minutes=59)
        cookie = at.visit(cookie).cookie or cookie
    team.clock.forward(minutes=59)
    assert at.still(started.summary.id).handle == "ana"
    team.clock.forward(minutes=1)
    for ask in (lambda: at.visit(cookie), lambda: at.still(started.summary.id)):
        with pytest.raises(UnauthenticatedError, match="it was not used for 60 minutes"):
            ask()
    assert at.context.settings.session_idle_minutes == 60


def test_signing_out_everywhere_ends_all_sessions_of_one_person_and_no_token(team: Team) -> None:
    mine, again, other = begin(team), begin(team), begin(team, "ben")
    ana = Sessions(team.context("ana"))
    assert [one.id for one in ana.of("ana", PageRequest()).items] == [again.summary.id, mine.summary.id]
    assert ana.end_all("ana") == 2
    assert ana.end_all("ana") == 0
    for one in (mine, again):
        with pytest.raises(UnauthenticatedError, match="This session has ended"):
            server(team).visit(one.cookie)
    assert server(team).visit(other.cookie).actor.handle == "ben"
    assert ana.of("ana", PageRequest()).items == []
    assert team.people("ana").token(mine.summary.token).revoked_at is None
    newest = Audit(team.context("root")).search(subject="person:ana").items[1]
    assert (newest.actor, newest.action, newest.detail["sessions"]) == ("ana", "session.all_ended", 2)


def test_an_admin_signs_somebody_else_out_and_nobody_else_does(team: Team) -> None:
    started = begin(team)
    for verb in (lambda who: Sessions(who).end_all("ana"), lambda who: Sessions(who).of("ana", PageRequest())):
        with pytest.raises(PermissionDeniedError, match="needs the permission"):
            verb(team.context("ben"))
    with pytest.raises(NotFoundError, match="Unknown user 'nina'"):
        Sessions(team.context("root")).end_all("nina")
    assert Sessions(team.context("root")).end_all("ana") == 1
    with pytest.raises(UnauthenticatedError):
        server(team).visit(started.cookie)
    entry = Audit(team.context("root")).search(subject="person:ana").items[0]
    assert (entry.actor, entry.action) == ("root", "session.all_ended")


def test_a_limited_token_signs_nobody_out(team: Team) -> None:
    context = team.context("ana")
    limited = context.as_actor(type(context.actor)("ana", context.actor.roles, scope=Scope.VOTE))
    with pytest.raises(PermissionDeniedError, match="scope vote"):
        Sessions(limited).end_all("ana")


def test_what_is_kept_of_a_session_does_not_let_anybody_in(team: Team) -> None:
    started = begin(team)
    with team.open_uow(actor="root") as uow:
        kept = uow.people.session(started.summary.id)
    assert kept is not None
    assert started.cookie not in repr(kept)
    assert kept.summary.expires_at - kept.summary.started_at == timedelta(hours=12)
    with pytest.raises(UnauthenticatedError):
        server(team).visit(kept.name.hex)
    with pytest.raises(NotFoundError):
        server(team).end("ses-none")
