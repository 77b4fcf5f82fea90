"""People, roles and tokens over a real database: who may do what to whom, and what a token is worth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from registry.domain.paging import PageRequest
from registry.domain.people.people import SYSTEM, Actor, Permission
from registry.domain.people.tokens import PATTERN, hash_secret
from registry.errors import (
    BadPolicyError,
    ConflictError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from registry.services.governance.policies.stored import default_policy_text
from registry.services.people.sessions import Sessions
from registry.services.people.verbs import first_admin
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, grant, put_in_force


@pytest.fixture
def empty(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Team:
    return Team(open_uow, clock, tmp_path)


def sessions(team: Team) -> Sessions:
    return Sessions(team.context_of(SYSTEM))


# --- the first admin -----------------------------------------------------------------------------------------------


def test_a_new_registry_has_one_admin_with_a_token_and_a_policy(empty: Team) -> None:
    secret = first_admin(empty.context_of(SYSTEM), "ana")
    actor = sessions(empty).authenticate(secret)
    assert actor == Actor("ana", frozenset({"admin", "developer"}))
    assert [policy.name for policy in empty.promotions("ana").policies()] == ["default"]
    assert empty.actions() == ["person.added", "token.created", "policy.published"]


def test_a_registry_folder_gets_a_first_admin_only_once(empty: Team) -> None:
    first_admin(empty.context_of(SYSTEM), "ana")
    with pytest.raises(ConflictError, match="This registry has people already"):
        first_admin(empty.context_of(SYSTEM), "eve")


@pytest.mark.parametrize("handle", ["system", "Ana Maria", "", "../ana", "a" * 65])
def test_a_first_admin_needs_a_proper_handle_and_nothing_is_left_behind(empty: Team, handle: str) -> None:
    with pytest.raises(InvalidError):
        first_admin(empty.context_of(SYSTEM), handle)
    assert empty.actions() == []
    with empty.open_uow(actor="ana") as uow:
        assert list(uow.governance.policies()) == []


# --- people and roles ----------------------------------------------------------------------------------------------


def test_an_admin_adds_people_and_gives_and_takes_roles(team: Team) -> None:
    root = team.people("root")
    added = root.add("eve", " Eve Adams ")
    assert (added.name, added.roles, added.service) == ("Eve Adams", (), False)
    assert root.grant("eve", "developer").roles == ("developer",)
    assert root.grant("eve", "developer").roles == ("developer",)
    assert root.grant("eve", "auditor").roles == ("auditor", "developer")
    assert root.revoke("eve", "developer").roles == ("auditor",)
    assert team.actions("person:eve") == ["person.added", "role.granted", "role.granted", "role.revoked"]
    assert [person.handle for person in root.search(PageRequest(3)).items] == ["ana", "ben", "carla"]


@pytest.mark.parametrize("who", ["ana", "guest", "nobody"])
def test_nobody_but_an_admin_manages_people(team: Team, who: str) -> None:
    people = team.people(who)
    for verb in (
        lambda: people.add("eve", "Eve"),
        lambda: people.grant(who, "admin"),
        lambda: people.revoke("root", "admin"),
        lambda: people.create_token("root", label="mine now"),
        lambda: people.tokens(None, PageRequest()),
        lambda: people.tokens("root", PageRequest()),
    ):
        with pytest.raises(PermissionDeniedError):
            verb()


def test_a_person_without_roles_may_do_nothing(team: Team) -> None:
    with pytest.raises(PermissionDeniedError, match="it needs the permission read"):
        team.people("nobody").search(PageRequest())


def test_the_last_admin_stays(team: Team) -> None:
    root = team.people("root")
    with pytest.raises(ConflictError, match="root is the last admin"):
        root.revoke("root", "admin")
    grant(team, "robot", "admin")
    with pytest.raises(ConflictError, match="root is the last admin"):  # a service account is nobody to ask
        root.revoke("root", "admin")
    grant(team, "ana", "admin")
    assert root.revoke("root", "admin").roles == ()


@pytest.mark.parametrize(
    ("handle", "name", "error"),
    [
        ("ana", "Another Ana", ConflictError),
        ("system", "System", InvalidError),
        ("Eve", "Eve", InvalidError),
        ("eve/adams", "Eve", InvalidError),
        ("eve", " ", InvalidError),
        ("eve", "Eve\nAdams", InvalidError),
    ],
)
def test_a_bad_person_is_refused(team: Team, handle: str, name: str, error: type[Exception]) -> None:
    before = team.actions()
    with pytest.raises(error):
        team.people("root").add(handle, name)
    assert team.actions() == before


def test_roles_of_people_who_are_not_there_or_do_not_hold_them(team: Team) -> None:
    root = team.people("root")
    with pytest.raises(NotFoundError, match="Unknown user 'eve'"):
        root.grant("eve", "validator")
    with pytest.raises(NotFoundError, match="ana has no role 'validator'"):
        root.revoke("ana", "validator")
    with pytest.raises(InvalidError, match="is not a valid role"):
        root.grant("ana", "Chief Validator")


@pytest.mark.parametrize("role", ["validatr", "chief", "approver", "editor", "owner"])
def test_a_role_that_no_published_policy_names_is_given_to_nobody(team: Team, role: str) -> None:
    before = team.actions()
    with pytest.raises(InvalidError, match="There is no role"):
        team.people("root").grant("ana", role)
    assert team.actions() == before


@pytest.mark.parametrize("role", ["viewer", "reader", "guest", "auditor"])
def test_a_role_for_reading_changes_nothing(team: Team, role: str) -> None:
    team.people("root").grant("nobody", role)
    actor = Actor("nobody", frozenset({role}))
    with pytest.raises(PermissionDeniedError):
        team.context_of(actor).write()
    with team.context_of(actor).read() as uow:
        assert uow.people.get("nobody") is not None


@pytest.mark.parametrize("role", ["viewer", "reader", "guest", "auditor"])
def test_no_policy_can_let_a_role_for_reading_vote(team: Team, role: str) -> None:
    text = default_policy_text().replace("groups: [validator]", f"groups: [validator, {role}]")
    with pytest.raises(BadPolicyError, match=f"{role} may only read"):
        team.promotions("root").check_policy(text)


def test_a_policy_adds_its_roles_to_those_that_can_be_given(team: Team) -> None:
    text = default_policy_text().replace("groups: [validator]", "groups: [validator, lab-lead]")
    put_in_force(team, text.replace("name: default\n  version: 3", "name: labs\n  version: 1"))
    assert "lab-lead" in grant(team, "ana", "lab-lead").roles


# --- tokens --------------------------------------------------------------------------------------------------------


def test_a_token_acts_for_its_person_with_the_roles_that_the_person_has_now(team: Team) -> None:
    token = team.people("ana").create_token("ana", label="laptop")
    assert re.fullmatch(PATTERN, token.secret)
    assert token.summary.last_four == token.secret[-4:]
    assert sessions(team).authenticate(token.secret) == Actor("ana", frozenset({"developer"}))
    grant(team, "ana", "validator")
    assert sessions(team).authenticate(token.secret).roles == {"developer", "validator"}


def test_no_token_is_stored_in_the_database(team: Team) -> None:
    token = team.people("ana").create_token("ana", label="laptop")
    sessions(team).authenticate(token.secret)
    files = [path for path in (team.home / "home").iterdir() if path.is_file()]
    stored = b"".join(path.read_bytes() for path in files)
    assert bytes.fromhex(hash_secret(token.secret).hex) in stored
    assert token.secret.encode() not in stored
    assert token.secret[4:-6].encode() not in stored


def test_a_token_ends_when_it_expires_or_is_revoked(team: Team) -> None:
    ana = team.people("ana")
    short, long = (ana.create_token("ana", label=f"{days} days", days=days) for days in (1, 365))
    team.clock.forward(days=1, seconds=-1)
    sessions(team).authenticate(short.secret)
    team.clock.forward(seconds=1)
    with pytest.raises(UnauthenticatedError, match="has expired"):
        sessions(team).authenticate(short.secret)
    revoked = ana.revoke_token(long.summary.id)
    assert revoked.revoked_at == team.clock.now()
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        sessions(team).authenticate(long.secret)
    team.clock.forward(hours=1)
    assert ana.revoke_token(long.summary.id) == revoked
    assert team.actions("person:ana")[1:] == ["token.created", "token.created", "token.revoked"]


@pytest.mark.parametrize(
    "secret", ["", "fbr_", "password", "fbr_" + "a" * 38, "fbr_" + "Zk3" * 12 + "Zk", "fbr_" + "Zk3" * 12 + "Z!"]
)
def test_any_other_secret_is_an_unknown_token(team: Team, secret: str) -> None:
    with pytest.raises(UnauthenticatedError, match="Unknown token"):
        sessions(team).authenticate(secret)


def test_people_manage_their_own_tokens_and_admins_all(team: Team) -> None:
    ana, ben, root = (team.people(who) for who in ("ana", "ben", "root"))
    mine = ana.create_token("ana", label="laptop").summary
    for_robot = root.create_token("robot", label="ci").summary
    assert [token.id for token in ana.tokens("ana", PageRequest()).items] == [mine.id]
    assert {token.id for token in root.tokens(None, PageRequest()).items} == {mine.id, for_robot.id}
    with pytest.raises(NotFoundError, match="There is no token"):
        ben.revoke_token(mine.id)
    with pytest.raises(NotFoundError):
        ana.revoke_token("tok-none")
    assert root.revoke_token(mine.id).revoked_at is not None


@pytest.mark.parametrize(("label", "days"), [("laptop", 0), ("laptop", 366), ("", 90), ("a\x00b", 90), ("x" * 129, 90)])
def test_a_bad_token_is_not_made(team: Team, label: str, days: int) -> None:
    with pytest.raises(InvalidError):
        team.people("ana").create_token("ana", label=label, days=days)
    with pytest.raises(NotFoundError):
        team.people("root").create_token("eve", label="laptop")


def test_the_last_use_of_a_token_is_kept_to_ten_minutes(team: Team) -> None:
    ana = team.people("ana")
    token = ana.create_token("ana", label="laptop")
    first = team.clock.now()

    def last_used() -> object:
        return ana.tokens("ana", PageRequest()).items[0].last_used_at

    assert last_used() is None
    sessions(team).authenticate(token.secret)
    team.clock.forward(minutes=9)
    sessions(team).authenticate(token.secret)
    assert last_used() == first
    now = team.clock.forward(minutes=1)
    sessions(team).authenticate(token.secret)
    assert last_used() == now
    assert team.actions("person:ana")[1:] == ["token.created"], "using a token is no change worth an entry"


def test_every_role_but_viewer_and_admin_edits() -> None:
    assert Actor("ana", frozenset({"validator"})).permissions == set(Permission) - {Permission.ADMIN}
    assert Actor("ana", frozenset({"viewer"})).permissions == {Permission.READ, Permission.USE}
    assert Actor("ana", frozenset()).permissions == frozenset()
