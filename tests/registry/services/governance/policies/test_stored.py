"""Policies in the registry: who publishes, which is in force, and what an open request keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from registry.domain.governance.promotion import RequestState
from registry.errors import (
    ConflictError,
    IntegrityError,
    NotFoundError,
    PermissionDeniedError,
    PolicyRefusedError,
)
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.verbs import protected_aliases
from registry.storage.tables import policy
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, bring_to, populate, put_in_force, ref_of


def test_only_an_admin_publishes_and_the_version_only_grows(team: Team) -> None:
    text = default_policy_text()
    with pytest.raises(PermissionDeniedError):
        team.promotions("ana").publish_policy(text.replace("version: 3", "version: 4"))
    with pytest.raises(ConflictError, match="Version 3 of policy default has been published already"):
        team.promotions("root").publish_policy(text)
    published = put_in_force(team, text.replace("version: 3", "version: 5"))
    assert team.promotions("ana").policy("default").digest == published.digest
    assert team.promotions("ana").policy("default", 3).text == text
    with pytest.raises(ConflictError):
        team.promotions("root").publish_policy(text.replace("version: 3", "version: 4"))
    with pytest.raises(NotFoundError, match="There is no version 4 of policy default"):
        team.promotions("ana").policy("default", 4)
    assert [value.version for value in team.promotions("ana").policies()] == [5]


def test_a_policy_is_checked_without_being_published(team: Team) -> None:
    text = default_policy_text().replace("name: default", "name: other")
    assert team.promotions("guest").check_policy(text).name == "other"
    assert [value.name for value in team.promotions("guest").policies()] == ["default"]


def test_an_open_request_keeps_the_policy_that_it_was_opened_under(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    stricter = default_policy_text().replace("version: 3", "version: 4").replace("quorum: 1", "quorum: 5")
    put_in_force(team, stricter)
    assert team.promotions("ben").approve(request).summary.state is RequestState.PROMOTED
    assert team.promotions("ana").request_detail(request).policy == "default/3"
    assert (
        team.promotions("ana").request(ref_of(ref), "production").verdict.reasons[-1] == "0 of 5 risk-owner approvals"
    )


def test_a_policy_of_higher_priority_takes_over_what_it_matches(team: Team) -> None:
    sandbox = Path(__file__).parents[5] / "examples" / "policies" / "sandbox.yaml"
    put_in_force(team, sandbox.read_text(encoding="utf-8"))
    toy = team.publish("sandbox/toy", card=None, licence="other")
    request = team.promotions("ana").request(ref_of(toy), "tried").summary.id
    team.promotions("dora").approve(request)
    assert team.alias("sandbox/toy", "playground") == toy
    with team.open_uow(actor="ana") as uow:
        assert protected_aliases(uow) == {"production", "playground"}


def test_with_no_matching_policy_nothing_is_promoted_and_no_evidence_is_taken(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    team = populate(Team(open_uow, clock, tmp_path))
    text = default_policy_text().replace("version: 3", "version: 4").replace('"model_version"', '"dataset_version"')
    put_in_force(team, text)
    ref = team.publish()
    with pytest.raises(PolicyRefusedError, match="No policy applies to models:/vision/digits/1"):
        team.promotions("ana").request(ref_of(ref), "candidate")
    with pytest.raises(PolicyRefusedError, match="No policy applies to"):
        team.promotions("dora").add_evidence(ref_of(ref), "validation", {"a": 1})


def test_a_policy_changed_in_the_database_is_noticed(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    with team.open_uow(actor="root", write=True) as uow:
        connection = uow._connection
        assert connection is not None
        connection.execute(update(policy).values(text=policy.c.text + "# weaker\n"))
        uow.commit_unaudited()
    with pytest.raises(IntegrityError, match="is not what it was"):
        team.promotions("ben").approve(request)


def test_a_request_under_two_policies_is_frozen_under_both_and_replays(team: Team) -> None:
    """An insider publishes a looser policy of the same priority, whose name comes first."""
    loose = default_policy_text().replace("name: default", "name: a-loose").replace("quorum: 1}", "quorum: 2}", 1)
    loose = loose.replace("    approvals:\n      - {role: validator, quorum: 1}\n", "", 1)
    put_in_force(team, loose.replace("version: 3", "version: 1"))
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated")
    assert request.policy == "a-loose/1+default/3"
    assert request.verdict.reasons == ("0 of 1 validator approvals",)
    team.promotions("ben").approve(request.summary.id)
    assert team.stage(ref) == "validated"
    assert team.promotions("ana").explain(request.summary.id).replayed.allowed
