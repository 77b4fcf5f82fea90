"""What is on record of how much versions forgot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from lineage import Digest
from registry.domain.comparison.forgetting import FORGETTING, Forgotten, Way, body_of
from registry.domain.comparison.verdict import Interval
from registry.domain.governance.case import SYSTEM
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.names import AssetKind, Name, VersionRef
from registry.services.comparison.forgetting import sets_on_record

FILMS = VersionRef(AssetKind.MODELS, Name("text", "films"), 1)
AT = datetime(2026, 11, 29, tzinfo=UTC)
REASON = Forgotten("models:/text/reviews/1", Digest.of(b"reviews"), "data/reviews/1", "test", reason="it is deleted")
LOST = replace(REASON, reason="", way=Way.HEAD, metric="accuracy", before=0.9, after=0.8, lost=Interval(0.1, 0.0, 0.2))
OTHER = replace(LOST, split="late")


def evidence(*sets: Forgotten, by: str = SYSTEM, type_: str = FORGETTING) -> EvidenceValue:
    return EvidenceValue("ev-1", FILMS, Digest.of(b"w"), type_, Digest.of(b""), body_of(sets), None, None, AT, by)


def test_the_last_measurement_of_each_test_set_counts_and_a_reason_takes_none_away() -> None:
    less = replace(LOST, after=0.85, lost=Interval(0.05, 0.0, 0.1))
    assert sets_on_record([evidence(REASON), evidence(LOST, OTHER), evidence(less), evidence(REASON)]) == (less, OTHER)
    assert sets_on_record([evidence(REASON)]) == (REASON,)


def test_what_people_wrote_and_evidence_of_other_types_is_no_measurement() -> None:
    assert sets_on_record([evidence(LOST, by="ana"), evidence(LOST, type_="validation")]) == ()
