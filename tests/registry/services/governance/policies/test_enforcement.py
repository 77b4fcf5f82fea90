"""A rule that is written in a policy is applied or refused: never read and forgotten."""

from __future__ import annotations

import pytest

from registry.services.governance.policies.document import read_policy
from tests.registry.services.governance.mistakes import DEFAULT, refused_with_its_line

EMERGENCY = (
    "emergency: {role: risk-owner, allowed: [suspend], post_review: {within: P3D, role: risk-owner}, never_skips: [%s]}"
)
TERMS = {
    "conditional": ("    to: candidate\n", "    to: candidate\n    conditional: {allowed: true}\n"),
    "distinct_across_stages": (
        "  distinct_people_per_stage: true",
        "  distinct_across_stages: [[validated, production]]\n  distinct_people_per_stage: true",
    ),
    "emergency": ("stages:", f"{EMERGENCY % 'no-recall'}\nstages:"),
    "emergency.notify": (
        "stages:",
        f"{EMERGENCY % 'no-recall'}\nstages:".replace("{role", "{notify: [validator], role", 1),
    ),
    "emergency.quorum": ("stages:", f"{EMERGENCY % 'no-recall'}\nstages:".replace("{role", "{quorum: 2, role", 1)),
    "reattest": ("stages:", "reattest: {production: {tier_high: P90D}}\nstages:"),
    "veto": ("stages:", "votes: {values: [approve, reject, veto]}\nstages:"),
    "votes.signed": ("stages:", "votes: {signed: true, values: [approve, approve_with_conditions, reject]}\nstages:"),
    "wait": ("    to: candidate\n", "    to: candidate\n    wait: PT1H\n"),
    "waivers": ("stages:", "waivers: {role: risk-owner}\nstages:"),
}


@pytest.mark.parametrize("name", sorted(TERMS))
def test_each_term_of_the_language_can_be_asked_for(name: str) -> None:
    old, new = TERMS[name]
    assert read_policy(DEFAULT.replace(old, new, 1), new=True) != read_policy(DEFAULT, new=True)


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ("waivers: {role: boss}\nstages:", "there is no role 'boss'"),
        ("reattest: {producton: {tier_high: P90D}}\nstages:", "there is no stage 'producton', did you mean"),
        (f"{EMERGENCY % 'no-recal'}\nstages:", "there is no gate 'no-recal', did you mean 'no-recall'?"),
        ("votes: {comment_required_for: [reject, veto]}\nstages:", "there is no vote among values 'veto'"),
    ],
)
def test_a_term_that_names_what_is_not_there_is_refused_with_its_line(new: str, sentence: str) -> None:
    refused_with_its_line("stages:", new, sentence)


def test_evidence_is_bound_to_data_only_where_its_form_has_a_field_for_it() -> None:
    old = "- {type: validation, max_age: P90D}"
    new = "- {type: validation, max_age: P90D, bound_to: [eval_dataset]}"
    refused_with_its_line(old, new, "the form of validation has no field eval_dataset")
