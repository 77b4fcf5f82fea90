"""Keys that people sign approvals with: one's own, with a fresh sign-in, and not from before one decides."""

from __future__ import annotations

import pytest

from registry.domain.paging import PageRequest
from registry.domain.people.keys import check_key, holds, new_key, public_key, sign
from registry.domain.people.people import Scope
from registry.errors import (
    ConflictError,
    InvalidError,
    PermissionDeniedError,
    PolicyRefusedError,
    UnauthenticatedError,
)
from registry.services.audit.verbs import Audit
from registry.services.people.keys import key_event, set_key
from tests.registry.services.teams import Team, grant


def test_a_key_signs_and_only_its_own_public_half_says_so() -> None:
    pem, other = new_key(), new_key()
    signature = sign(pem, "a text")
    assert holds(public_key(pem), signature, "a text")
    assert not holds(public_key(pem), signature, "another text")
    assert not holds(public_key(other), signature, "a text")
    for odd in ("", "00", "0" * 128, signature.upper(), signature + "0"):
        assert not holds(public_key(pem), odd, "a text")
    for odd in ("", "zz", "0" * 63, public_key(pem).upper()):
        with pytest.raises(InvalidError):
            check_key(odd)
    for file in (b"", b"no key", pem.replace(b"PRIVATE", b"PUBLIC")):
        with pytest.raises(InvalidError, match="no private key"):
            public_key(file)


def test_everybody_registers_their_own_key_and_nobody_that_of_somebody_else(team: Team) -> None:
    key = public_key(new_key())
    secret = team.people("ben").create_token("ben", label="anew").secret
    with pytest.raises(PermissionDeniedError, match="root may not register a key for ben"):
        set_key(team.context("root"), "ben", key, secret)
    for wrong in ("", team.people("carla").create_token("carla", label="x").secret):
        with pytest.raises(UnauthenticatedError, match="A key takes a fresh sign-in"):
            set_key(team.context("ben"), "ben", key, wrong)
    limited = team.people("ben").create_token("ben", label="ci", scope=Scope.CONTRIBUTE).secret
    with pytest.raises(UnauthenticatedError, match="scope contribute"):
        set_key(team.context("ben"), "ben", key, limited)
    assert set_key(team.context("ben"), "ben", key, secret).key == key
    carlas = team.people("carla").create_token("carla", label="y").secret
    with pytest.raises(ConflictError, match="Another account has registered this key"):
        set_key(team.context("carla"), "carla", key, carlas)
    guests = team.people("guest").create_token("guest", label="z").secret
    with pytest.raises(PermissionDeniedError):
        set_key(team.context("guest"), "guest", public_key(new_key()), guests)
    robots = team.people("root").create_token("robot", label="r").secret
    with pytest.raises(PermissionDeniedError, match="service account"):
        set_key(team.context("robot"), "robot", public_key(new_key()), robots)
    assert team.actions("person:ben")[-1] == key_event("ben", key).action == "person.key_set"
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_a_key_from_before_somebody_decides_ends_with_the_first_role_that_does(team: Team) -> None:
    """An admin makes an account and a token for it, registers a key of their own there, and offers the role."""
    root = team.people("root")
    root.grant("nobody", "developer")
    theirs = root.create_token("nobody", label="to begin with").secret
    with pytest.raises(PolicyRefusedError, match="made a token of nobody that is still valid"):
        set_key(team.context("nobody"), "nobody", public_key(new_key()), theirs)
    own = team.people("nobody").create_token("nobody", label="own")
    for token in root.tokens("nobody", PageRequest()).items:
        if token.made_by == "root":
            root.revoke_token(token.id)
    set_key(team.context("nobody"), "nobody", public_key(new_key()), own.secret)
    assert grant(team, "nobody", "validator").key == ""
    key = public_key(new_key())
    assert set_key(team.context("nobody"), "nobody", key, own.secret).key == key
    assert grant(team, "nobody", "risk-owner").key == key, "one more role changes nothing"
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_the_key_of_somebody_who_is_erased_goes(team: Team) -> None:
    secret = team.people("vera").create_token("vera", label="anew").secret
    set_key(team.context("vera"), "vera", public_key(new_key()), secret)
    team.people("root").erase("vera", reason="left")
    stand_in = team.people("ben").erase("vera", reason="").stand_in
    assert stand_in is not None
    assert team.people("root").person(stand_in).key == ""
    assert Audit(team.context("root")).verify(state=True).differences == ()
