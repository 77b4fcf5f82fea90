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
from registry.services.governance.policies import default_policy_text
from registry.services.governance.verbs import protected_aliases
from registry.storage.tables import policy
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.houses import House, bring_to, furnish, ref_of


def test_only_an_admin_publishes_and_the_version_only_grows(house: House) -> None:
    text = default_policy_text()
    with pytest.raises(PermissionDeniedError):
        house.promotions("ana").publish_policy(text.replace("version: 2", "version: 3"))
    with pytest.raises(ConflictError, match="Version 2 of policy default has been published already"):
        house.promotions("root").publish_policy(text)
    published = house.promotions("root").publish_policy(text.replace("version: 2", "version: 4"))
    assert house.promotions("ana").policy("default") == published
    assert house.promotions("ana").policy("default", 2).text == text
    with pytest.raises(ConflictError):
        house.promotions("root").publish_policy(text.replace("version: 2", "version: 3"))
    with pytest.raises(NotFoundError, match="There is no version 3 of policy default"):
        house.promotions("ana").policy("default", 3)
    assert [value.version for value in house.promotions("ana").policies()] == [4]


def test_a_policy_is_checked_without_being_published(house: House) -> None:
    text = default_policy_text().replace("name: default", "name: other")
    assert house.promotions("guest").check_policy(text).name == "other"
    assert [value.name for value in house.promotions("guest").policies()] == ["default"]


def test_s11_an_open_request_keeps_the_policy_that_it_was_opened_under(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    stricter = default_policy_text().replace("version: 2", "version: 3").replace("quorum: 1", "quorum: 5")
    house.promotions("root").publish_policy(stricter)
    assert house.promotions("ben").approve(request).summary.state is RequestState.PROMOTED
    assert house.promotions("ana").request_detail(request).policy == "default/2"
    assert (
        house.promotions("ana").request(ref_of(ref), "production").verdict.reasons[-1] == "0 of 5 risk-owner approvals"
    )


def test_a_policy_of_higher_priority_takes_over_what_it_matches(house: House) -> None:
    sandbox = Path(__file__).parents[4] / "examples" / "policies" / "sandbox.yaml"
    house.promotions("root").publish_policy(sandbox.read_text(encoding="utf-8"))
    toy = house.publish("sandbox/toy", card=None, licence="other")
    request = house.promotions("ana").request(ref_of(toy), "tried").summary.id
    house.promotions("dora").approve(request)
    assert house.alias("sandbox/toy", "playground") == toy
    with house.open_uow(actor="ana") as uow:
        assert protected_aliases(uow) == {"production", "playground"}


def test_with_no_matching_policy_nothing_is_promoted_and_no_evidence_is_taken(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    house = furnish(House(open_uow, clock, tmp_path))
    text = default_policy_text().replace("version: 2", "version: 3").replace('"model_version"', '"dataset_version"')
    house.promotions("root").publish_policy(text)
    ref = house.publish()
    with pytest.raises(PolicyRefusedError, match="No policy applies to models:/vision/digits/1"):
        house.promotions("ana").request(ref_of(ref), "candidate")
    with pytest.raises(PolicyRefusedError, match="No policy applies to"):
        house.promotions("ana").add_evidence(ref_of(ref), "validation", {"a": 1})


def test_a_policy_changed_in_the_database_is_noticed(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    with house.open_uow(actor="root", write=True) as uow:
        connection = uow._connection
        assert connection is not None
        connection.execute(update(policy).values(text=policy.c.text + "# weaker\n"))
        uow.commit_unaudited()
    with pytest.raises(IntegrityError, match="is not what it was"):
        house.promotions("ben").approve(request)
