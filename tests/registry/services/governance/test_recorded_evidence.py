"""Evidence that the registry records itself: the card, the manifest and the metrics, each where it is there."""

from __future__ import annotations

import pytest

from registry.errors import (
    NotFoundError,
)
from registry.services.governance.recorded_evidence import evidence_about
from tests.builders import model_ref
from tests.registry.services.teams import Team, ref_of


def test_card_provenance_and_metrics_are_on_record_without_anybody_adding_them(team: Team) -> None:
    ref = team.publish()
    found = team.promotions("guest").evidence(ref_of(ref))
    assert [(item.type, item.added_by) for item in found] == [
        ("model_card", "ana"),
        ("provenance", "system"),
        ("eval_report", "system"),
    ]
    assert found[2].body["accuracy"] == 0.9
    bare = team.publish("vision/bare", accuracy=None, card=None, manifest=False)
    assert team.promotions("guest").evidence(ref_of(bare)) == ()


def test_a_card_without_words_is_no_evidence(team: Team) -> None:
    ref = team.publish(card=" \n", manifest=False, accuracy=None)
    assert team.promotions("guest").evidence(ref_of(ref)) == ()


def test_what_people_added_comes_after_what_the_registry_recorded(team: Team) -> None:
    ref = team.publish()
    team.promotions("ana").add_evidence(ref_of(ref), "other", {"errors": 3})
    with team.open_uow(actor="guest") as uow:
        found = evidence_about(uow, ref)
    assert [item.type for item in found] == ["model_card", "provenance", "eval_report", "other"]


def test_there_is_no_evidence_about_a_missing_version(team: Team) -> None:
    with team.open_uow(actor="guest") as uow, pytest.raises(NotFoundError, match="models:/no/such/1"):
        evidence_about(uow, model_ref("no/such/1"))
