"""Whom a provider signed in is one person here, by issuer and subject alone; groups give roles, and not votes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lineage import Digest
from registry.domain.paging import PageRequest
from registry.domain.people.identities import BoundIdentity, Identity, handle_like
from registry.domain.people.people import SYSTEM, Actor, Scope
from registry.errors import (
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    PolicyRefusedError,
    UnauthenticatedError,
)
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.people.identities import Identities
from registry.services.people.sessions import Sessions
from registry.settings import Settings
from tests.registry.services.teams import Team, grant

ISSUER, HERE = "https://id.example", "192.0.2.7"
OPEN = Settings(
    oidc_issuer=ISSUER,
    oidc_client="forebear",
    oidc_new_people=True,
    oidc_roles={"staff": ("viewer",), "makers": ("developer",), "checkers": ("validator",), "lost": ("no-such-role",)},
)
ANA = Identity(ISSUER, "u-1", "ana.silva", "Ana Silva", ("staff",))
_spent = iter(range(10_000))


def once() -> Digest:
    return Digest.of(str(next(_spent)).encode())


def identities(team: Team, who: str | None = None, settings: Settings = OPEN, **actor: object) -> Identities:
    context = team.context_of(SYSTEM) if who is None else team.context(who)
    return Identities(replace(context, actor=replace(context.actor, **actor), settings=settings))  # type: ignore[arg-type]


def bind(
    team: Team, who: str, identity: Identity, *, token: str = "", spent: Digest | None = None, settings: Settings = OPEN
) -> BoundIdentity:
    """Bind it in a session of theirs that has just been proved, by default with a token of their own making."""
    secret = token or team.people(who).create_token(who, label="proof").secret
    actor = proved(team, secret)
    return Identities(replace(team.context(who), actor=actor, settings=settings)).bind(identity, spent or once())


def proved(team: Team, secret: str) -> Actor:
    """Who has a session that they have proved anew, both with this token."""
    at = Sessions(team.context_of(SYSTEM))
    actor = at.visit(at.begin(secret, HERE).cookie).actor
    Sessions(team.context_of(actor)).prove(secret)
    return actor


def sign_in(team: Team, identity: Identity, settings: Settings = OPEN) -> str:
    return identities(team, settings=settings).begin(identity, once(), HERE).summary.person


def roles(team: Team, who: str) -> tuple[str, ...]:
    return tuple(team.people("guest").person(who).roles)


def test_somebody_new_gets_an_account_and_is_the_same_person_under_every_name(team: Team) -> None:
    assert sign_in(team, ANA) == "ana.silva"
    for renamed in (
        replace(ANA, handle="ben", name="Ben"),
        replace(ANA, handle="root", name="Root"),
        replace(ANA, handle="", name=""),
    ):
        assert sign_in(team, renamed) == "ana.silva"
    assert len([one for one in team.people("guest").search(PageRequest(100)).items if "silva" in one.handle]) == 1
    session = identities(team).begin(ANA, once(), HERE)
    actor = Sessions(team.context_of(SYSTEM)).visit(session.cookie).actor
    assert (actor.handle, sorted(actor.roles), actor.token) == ("ana.silva", ["viewer"], None)


def test_a_name_or_an_address_of_somebody_who_is_here_gives_nobody_their_account(team: Team) -> None:
    assert sign_in(team, replace(ANA, handle="root")) == "root-2"
    assert roles(team, "root-2") == ("viewer",)
    assert sign_in(team, Identity(ISSUER, "u-2", "Root")) == "root-3"
    assert sign_in(team, Identity("https://other.example", "u-1", "root")) == "root-4", "another issuer's u-1"
    assert sign_in(team, Identity(ISSUER, "U-1", "system")) == "person", "a subject is compared exactly"


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("Ana.Silva", "ana.silva"),
        ("Ana Silva", "ana-silva"),
        ("..ana--silva__x..", "ana-silva_x"),
        ("Zoë", "zoe"),
        ("аnа", "n"),
        ("", "person"),
        ("system", "person"),
        ("erased-3f9a01c2", "person"),
        ("../../etc", "etc"),
        ("a" * 90, "a" * 40),
    ],
)
def test_a_handle_is_made_of_what_somebody_is_called_there(text: str, handle: str) -> None:
    assert handle_like(text) == handle


def test_a_sign_in_is_finished_once(team: Team) -> None:
    spent = once()
    identities(team).begin(ANA, spent, HERE)
    with pytest.raises(UnauthenticatedError, match="was finished before"):
        identities(team).begin(ANA, spent, HERE)
    with pytest.raises(UnauthenticatedError, match="was finished before"):
        identities(team, "dora").bind(Identity(ISSUER, "u-9"), spent)


def test_where_no_accounts_are_made_somebody_unknown_is_refused_until_they_bind_their_own(team: Team) -> None:
    closed = replace(OPEN, oidc_new_people=False)
    with pytest.raises(UnauthenticatedError, match="Nobody here has bound"):
        sign_in(team, ANA, closed)
    assert bind(team, "ana", ANA).person == "ana"
    assert sign_in(team, replace(ANA, handle="ben"), closed) == "ana"
    assert team.actions("sign-in") == ["sign_in.settings", "session.refused", "sign_in.settings"][:2]
    assert [one.subject for one in identities(team, "ana").of("ana")] == ["u-1"]
    with pytest.raises(PermissionDeniedError):
        identities(team, "ben").of("ana")


def test_two_accounts_with_one_identity_are_one_person_whose_votes_count_once(team: Team) -> None:
    bind(team, "ben", ANA)
    with pytest.raises(ConflictError, match="vera and ben count as one person"):
        bind(team, "vera", replace(ANA, name="Vera", handle="vera"))
    people = team.people("guest")
    assert people.person("vera").who == people.person("ben").who
    assert sign_in(team, replace(ANA, handle="vera")) == "ben"
    assert team.actions("person:vera")[-1] == "person.linked"
    with pytest.raises(ConflictError, match="is bound to another account"):
        bind(team, "ben", Identity(ISSUER, "u-2"))


def test_a_limited_token_and_a_program_bind_nothing(team: Team) -> None:
    with pytest.raises(PermissionDeniedError):
        identities(team, "dora", scope=Scope.VOTE).bind(ANA, once())
    with pytest.raises(PermissionDeniedError, match="service account"):
        identities(team, "robot").bind(ANA, once())


def test_groups_give_roles_and_take_back_those_alone_that_they_gave(team: Team) -> None:
    bind(team, "guest", ANA)
    everything = replace(ANA, groups=("staff", "makers", "lost", "others"))
    assert (sign_in(team, everything), roles(team, "guest")) == ("guest", ("developer", "viewer"))
    assert [one.roles for one in identities(team, "guest").of("guest")] == [("developer",)]
    team.people("root").grant("guest", "auditor")
    sign_in(team, replace(ANA, groups=()))
    assert roles(team, "guest") == ("auditor", "viewer")


def test_a_group_alone_makes_nobody_decide_unless_a_setting_says_so_and_the_log_says_that(team: Team) -> None:
    sign_in(team, replace(ANA, groups=("checkers",)))
    assert roles(team, "ana.silva") == ()
    offer = team.people("guest").offers()[0]
    assert (offer.person, offer.role, offer.offered_by) == ("ana.silva", "validator", "system")
    sign_in(team, replace(ANA, groups=("checkers",)))
    assert len(team.people("guest").offers()) == 1
    sign_in(team, replace(ANA, groups=()))
    assert team.people("guest").offers() == []
    trusted = replace(OPEN, oidc_deciding_groups=("checkers",))
    sign_in(team, replace(ANA, groups=("checkers",)), trusted)
    assert roles(team, "ana.silva") == ("validator",)
    with team.open_uow(actor="root") as uow:
        entries = uow.audit.search(subject="sign-in", action="sign_in.settings", page=PageRequest()).items
    assert [one.detail["deciding_groups"] for one in entries] == [["checkers"], []]
    sign_in(team, replace(ANA, groups=("checkers",)), trusted)
    sign_in(team, replace(ANA, groups=("staff",)), trusted)
    assert roles(team, "ana.silva") == ("viewer",)
    assert team.actions("person:ana.silva") == [
        "person.added", "role.offered", "session.started", "session.started", "role.offer_withdrawn",
        "session.started", "role.granted", "session.started", "session.started", "role.granted", "role.revoked",
        "session.started",
    ]  # fmt: skip


def test_what_a_group_offers_takes_two_people_who_decide_as_any_offer_does(team: Team) -> None:
    sign_in(team, replace(ANA, groups=("checkers",)))
    with pytest.raises(PermissionDeniedError):
        team.people("dora").confirm("ana.silva", "validator")
    assert team.people("ben").confirm("ana.silva", "validator").offered == ("validator",)
    assert roles(team, "ana.silva") == ()
    with pytest.raises(PermissionDeniedError):
        team.people("ben").confirm("ana.silva", "validator")
    assert team.people("vera").confirm("ana.silva", "validator").roles == ("validator",)
    assert sign_in(team, replace(ANA, groups=("checkers",))) == "ana.silva"


def test_the_last_admin_stays_one_whatever_the_groups_say(team: Team) -> None:
    trusted = replace(OPEN, oidc_roles={"chiefs": ("admin",)}, oidc_deciding_groups=("chiefs",))
    sign_in(team, replace(ANA, groups=("chiefs",)), trusted)
    team.people("ana.silva").revoke("root", "admin")
    sign_in(team, replace(ANA, groups=()), trusted)
    assert roles(team, "ana.silva") == ("admin",)


def test_an_identity_that_was_bound_with_the_token_of_somebody_else_lets_nobody_decide(team: Team) -> None:
    theirs = team.people("root").create_token("dora", label="to begin with")
    bind(team, "dora", ANA, token=theirs.secret)
    team.people("dora").revoke_token(theirs.summary.id)
    with team.open_uow(actor="dora") as uow, pytest.raises(PolicyRefusedError, match="root had made"):
        check_own_account(uow, team.context("dora"))
    bind(team, "dora", ANA)
    with team.open_uow(actor="dora") as uow:
        check_own_account(uow, team.context("dora"))


def test_an_identity_from_before_a_role_that_decides_signs_in_again_only_once_it_is_bound_anew(team: Team) -> None:
    team.people("root").add("eve", "Eve")
    team.people("root").grant("eve", "viewer")
    bind(team, "eve", ANA)
    session = identities(team).begin(ANA, once(), HERE)
    grant(team, "eve", "validator")
    with pytest.raises(UnauthenticatedError):
        Sessions(team.context_of(SYSTEM)).visit(session.cookie)
    with pytest.raises(UnauthenticatedError, match="bound anew"):
        sign_in(team, ANA)
    with pytest.raises(ConflictError, match="count as one person"):
        bind(team, "dora", ANA)
    assert bind(team, "eve", ANA).live
    assert sign_in(team, ANA) == "eve"


def test_an_account_that_the_provider_made_goes_on_when_its_person_decides(team: Team) -> None:
    sign_in(team, ANA)
    grant(team, "ana.silva", "validator")
    assert sign_in(team, ANA) == "ana.silva"


def test_an_enrolment_ends_what_somebody_else_may_have_bound(team: Team) -> None:
    bind(team, "ben", ANA)
    given = team.people("root").enrol("ben")
    team.people("vera").confirm_enrolment("ben")
    actor = Sessions(team.context("root")).authenticate(given.secret)
    replace(team.people("ben"), context=replace(team.context("ben"), actor=actor)).create_token("ben", label="new")
    with pytest.raises(UnauthenticatedError, match="bound anew"):
        sign_in(team, ANA)


def test_an_identity_that_was_bound_by_hand_does_not_sign_in_by_the_group_that_makes_it_decide(team: Team) -> None:
    settings = replace(OPEN, oidc_deciding_groups=("checkers",))
    team.people("root").add("eve", "Eve")
    team.people("root").grant("eve", "viewer")
    bind(team, "eve", ANA)
    with pytest.raises(UnauthenticatedError, match="bound anew"):
        sign_in(team, replace(ANA, groups=("checkers",)), settings)
    assert "validator" in roles(team, "eve")
    with team.open_uow(actor="eve") as uow:
        assert [one.live for one in uow.people.identities("eve")] == [False]


def test_an_account_is_bound_only_in_a_session_that_was_proved_a_moment_ago(team: Team) -> None:
    secret = team.people("ana").create_token("ana", label="laptop").secret
    at = Sessions(team.context_of(SYSTEM))
    session = at.visit(at.begin(secret, HERE).cookie).actor
    for actor in (session, replace(session, session="")):
        with pytest.raises(UnauthenticatedError, match="takes a fresh sign-in"):
            Identities(team.context_of(actor)).bind(ANA, once())
    Sessions(team.context_of(session)).prove(secret)
    assert Identities(team.context_of(session)).bind(ANA, once()).made_by == "ana"


def test_who_proves_a_session_with_a_token_that_somebody_else_made_binds_for_both(team: Team) -> None:
    theirs = team.people("root").create_token("dora", label="to begin with").secret
    own = team.people("dora").create_token("dora", label="mine").secret
    at = Sessions(team.context_of(SYSTEM))
    session = at.visit(at.begin(own, HERE).cookie).actor
    Sessions(team.context_of(session)).prove(theirs)
    assert Identities(team.context_of(session)).bind(ANA, once()).made_by == "root"


def test_signing_in_anew_at_the_provider_proves_the_session_where_it_says_when(team: Team) -> None:
    sign_in(team, ANA)
    at = Sessions(team.context_of(SYSTEM))
    actor = at.visit(identities(team).begin(ANA, once(), HERE).cookie).actor
    mine = Identities(team.context_of(actor))
    assert mine.bind(ANA, once()).live
    with pytest.raises(UnauthenticatedError, match="takes a fresh sign-in"):
        mine.bind(Identity("https://other.example", "u-1"), once())
    mine.bind(replace(ANA, anew=True), once())
    assert mine.bind(Identity("https://other.example", "u-1"), once()).live


def test_an_account_is_unbound_by_its_person_or_an_admin_and_can_be_bound_again_by_its_person_alone(team: Team) -> None:
    bind(team, "guest", ANA)
    sign_in(team, replace(ANA, groups=("makers",)))
    session = identities(team).begin(replace(ANA, groups=("makers",)), once(), HERE)
    assert roles(team, "guest") == ("developer", "viewer")
    with pytest.raises(PermissionDeniedError):
        identities(team, "ben").unbind("guest")
    with pytest.raises(PermissionDeniedError):
        identities(team, "guest", scope=Scope.VOTE).unbind("guest")
    assert [one.live for one in identities(team, "guest").unbind("guest")] == [False]
    assert roles(team, "guest") == ("viewer",)
    with pytest.raises(UnauthenticatedError):
        Sessions(team.context_of(SYSTEM)).visit(session.cookie)
    with pytest.raises(UnauthenticatedError, match="bound anew"):
        sign_in(team, ANA)
    other = Identity(ISSUER, "u-2")
    bind(team, "guest", other)
    with pytest.raises(ConflictError, match="is bound to another account"):
        bind(team, "guest", ANA)
    identities(team, "root").unbind("guest")
    assert bind(team, "guest", ANA).live
    assert sign_in(team, ANA) == "guest"
    with pytest.raises(ConflictError, match="count as one person"):
        bind(team, "ben", other)
    assert team.actions("person:guest").count("identity.unbound") == 2


def test_nobody_unbinds_the_only_way_in_that_they_have(team: Team) -> None:
    sign_in(team, ANA)
    with pytest.raises(ConflictError, match="could not sign in any more"):
        identities(team, "ana.silva").unbind("ana.silva")
    team.people("root").create_token("ana.silva", label="also")
    assert identities(team, "ana.silva").unbind("ana.silva")
    with pytest.raises(NotFoundError, match="no account of a provider"):
        identities(team, "root").unbind("ana.silva")
