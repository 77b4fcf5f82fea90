"""What a policy file may leave out is added to it, and nothing else."""

from __future__ import annotations

from registry.domain.governance.policies.standard import completed

CARD = {"model_card": {"media_type": "text/markdown", "producer": ["writer"]}}
READS = [{"tier": "high", "when": "subject.use.decides_about_people"}]


def test_a_standard_type_is_added_where_a_condition_reads_it_with_the_producers_of_cards() -> None:
    found = completed({"evidence_types": CARD, "risk_tier": READS})
    assert found["evidence_types"]["intended_use"]["producer"] == ["writer"]
    assert "provider_file" not in found["evidence_types"]


def test_nothing_is_added_that_no_condition_reads_that_the_file_has_or_that_nobody_could_bring() -> None:
    own = {**CARD, "intended_use": {"predicate": "urn:mine", "producer": ["writer"]}}
    for kinds in (CARD, own):
        read = READS if "intended_use" in kinds else []
        assert completed({"evidence_types": kinds, "risk_tier": read})["evidence_types"] == kinds
    by_system = {"model_card": {"media_type": "text/markdown", "producer": "system"}}
    assert completed({"evidence_types": by_system, "risk_tier": READS})["evidence_types"] == by_system
    assert completed({"risk_tier": [{"when": "no expression >="}, {"when": 7}]}) == {
        "risk_tier": [{"when": "no expression >="}, {"when": 7}]
    }


def test_conditions_get_our_names_and_own_metrics_keep_theirs() -> None:
    gate = {"require": "eval.f1 > 0.5", "message": "eval.f1 > 0.5"}
    assert completed({"gates": [gate]})["gates"][0] == {"require": "metrics.macro_f1 > 0.5", "message": "eval.f1 > 0.5"}
    assert completed({"metrics": ["f1"], "gates": [gate]})["gates"][0]["require"] == "metrics.f1 > 0.5"
