"""Idempotency keys over a real database: one effect, its answer for a day, and a limited number of them."""

from __future__ import annotations

import pytest

from registry.domain.people.idempotency import Answer, Claim
from registry.domain.verbs.registry import Registry, Terms
from registry.errors import (
    ConflictError,
    KeyReusedError,
    PreconditionFailedError,
    RepeatedRequestError,
    TooManyKeysError,
)
from registry.services.people import idempotency
from registry.services.registry import LocalRegistry
from tests.builders import digest
from tests.registry.services.teams import Team

FIRST, SECOND, OTHER = Claim("k", digest("a"), "1"), Claim("k", digest("a"), "2"), Claim("k", digest("b"), "3")
ANSWER = Answer(201, "application/json", b'{"a": 1}' * 50)


def root(team: Team, claim: Claim | None = None) -> LocalRegistry:
    registry = LocalRegistry(team.context("root"))
    return registry if claim is None else registry.under(Terms(claim=lambda: claim))


def test_a_key_is_written_with_the_effect_and_answered_afterwards(team: Team) -> None:
    root(team, FIRST).people.grant("dora", "viewer")
    for claim in (SECOND, FIRST):
        with pytest.raises(RepeatedRequestError, match="is being carried out"):
            root(team).answer_to(claim)
    root(team).keep_answer(FIRST, ANSWER)
    assert root(team).answer_to(SECOND) == ANSWER
    with pytest.raises(KeyReusedError):
        root(team).answer_to(OTHER)
    with pytest.raises(KeyReusedError):
        root(team, OTHER).people.grant("ana", "viewer")
    assert "viewer" not in team.people("root").person("ana").roles


def test_an_attempt_that_comes_second_changes_nothing(team: Team) -> None:
    root(team, FIRST).people.grant("dora", "viewer")
    with pytest.raises(RepeatedRequestError):
        root(team, SECOND).people.revoke("dora", "viewer")
    assert "viewer" in team.people("root").person("dora").roles
    root(team).keep_answer(SECOND, ANSWER)
    with pytest.raises(RepeatedRequestError):
        root(team).answer_to(SECOND)


def test_a_key_of_a_change_that_failed_is_free_again(team: Team) -> None:
    with pytest.raises(ConflictError):
        root(team, FIRST).people.add("dora", "Dora")
    assert root(team).answer_to(SECOND) is None


def test_a_key_of_a_request_that_changed_nothing_is_kept_with_its_answer(team: Team) -> None:
    root(team).keep_answer(FIRST, ANSWER)
    assert root(team).answer_to(SECOND) == ANSWER


def test_an_answer_too_large_or_with_a_secret_is_not_given_again(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_ANSWER", 10)
    for number, body in enumerate((b"x" * 1000, None)):
        claim = Claim(str(number), digest("a"), "1")
        root(team).keep_answer(claim, Answer(201, "", body))
        with pytest.raises(RepeatedRequestError, match="cannot be given again"):
            root(team).answer_to(claim)


def test_a_key_is_forgotten_after_a_day(team: Team) -> None:
    root(team, FIRST).people.grant("dora", "viewer")
    team.clock.forward(hours=24)
    assert root(team).answer_to(OTHER) is None
    root(team, OTHER).people.revoke("dora", "viewer")
    assert "viewer" not in team.people("root").person("dora").roles


def test_a_person_has_a_limited_number_of_keys(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEYS", 2)
    for number in range(2):
        root(team, Claim(str(number), digest("a"), "1")).people.grant("dora", ("viewer", "auditor")[number])
    with pytest.raises(TooManyKeysError) as refused:
        root(team, FIRST).people.grant("ana", "viewer")
    assert refused.value.facts["retry_after"] == 24 * 3600
    team.clock.forward(hours=24)
    root(team, FIRST).people.grant("ana", "viewer")


def test_what_a_change_is_about_is_read_inside_its_transaction(team: Team) -> None:
    seen: list[tuple[str, ...]] = []

    def unchanged(reading: Registry) -> None:
        seen.append(reading.people.person("dora").roles)
        if len(seen) > 1:
            raise PreconditionFailedError("It has changed")

    registry = root(team)
    assert registry.under(Terms(unchanged)).people.grant("dora", "viewer").roles == ("developer", "viewer")
    with pytest.raises(PreconditionFailedError):
        registry.under(Terms(unchanged)).people.revoke("dora", "viewer")
    assert seen == [("developer",), ("developer", "viewer")]
    assert team.people("root").person("dora").roles == ("developer", "viewer")
