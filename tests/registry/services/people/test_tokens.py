"""Tokens and their scopes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry.domain.people.people import Actor, Permission, Scope
from registry.errors import PermissionDeniedError
from registry.services.people.tokens import new_token, refuse_limited, token_event

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_each_scope_includes_those_before_it() -> None:
    for number, scope in enumerate(Scope):
        assert len(scope.permissions) == number + 1
        assert all(scope.includes(other) for other in list(Scope)[: number + 1])
    assert Scope.ADMIN.permissions == set(Permission)


def test_a_scope_takes_from_what_the_roles_allow_and_adds_nothing() -> None:
    for scope in Scope:
        assert Actor("vic", frozenset({"viewer"}), scope=scope).permissions <= {Permission.READ, Permission.USE}
        assert Actor("ana", frozenset({"admin"}), scope=scope).permissions == scope.permissions


def test_the_audit_log_names_the_scope_of_a_limited_token() -> None:
    for scope in Scope:
        made = new_token("ana", "ci", scope, days=3, now=NOW, made_by="ana")
        told = token_event("token.created", made.summary)
        assert told.detail.get("scope") == (None if scope is Scope.ADMIN else scope.value)
        assert made.secret not in str(told)


@pytest.mark.parametrize("scope", [Scope.READ, Scope.VOTE])
def test_who_holds_a_limited_token_is_told_what_to_do(scope: Scope) -> None:
    with pytest.raises(PermissionDeniedError) as refused:
        refuse_limited(Actor("ana", frozenset({"admin"}), scope=scope))
    assert "no limit" in refused.value.remedy
    refuse_limited(Actor("ana", frozenset({"admin"})))
