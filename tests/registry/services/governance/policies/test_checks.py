"""Policies that contradict themselves: names that lead nowhere, things given twice, stages out of order."""

from __future__ import annotations

import pytest

from tests.registry.services.governance.mistakes import refused_with_its_line


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("to: candidate", "to: candidat", "there is no stage 'candidat', did you mean 'candidate'?"),
        (
            "- {role: risk-owner, quorum: 1}",
            "- {role: risk-ower, quorum: 1}",
            "there is no role 'risk-ower', did you mean",
        ),
        (
            "{type: provenance}",
            "{type: provenence}",
            "there is no evidence type 'provenence', did you mean 'provenance'?",
        ),
        ("[registered, candidate", "[new, candidate", "the first stage is 'registered': every new version has it"),
        ("from: production", "from: retired", "production comes before retired in stages: a version never goes back"),
        ("id: to-validated", "id: to-candidate", "the transition 'to-candidate' is given twice"),
        (
            "  production: production",
            "  producton: production",
            "there is no stage 'producton', did you mean 'production'?",
        ),
        ("max_drop: 0.02", "max_drop: .nan", "cannot be written as canonical JSON"),
        ("[developer, validator]", "[developer, valdator]", "there is no role 'valdator', did you mean 'validator'?"),
        ('validation.result == "pass"', 'validation.reslt == "pass"', "no field of the evidence validation 'reslt'"),
        ('validation.result == "pass"', "validation.result == 'passed'", "no choice of validation.result 'passed'"),
        ("checking_evidence: [validation]", "checking_evidence: [valid]", "there is no evidence type 'valid'"),
    ],
)
def test_a_contradiction_is_named_with_its_line(old: str, new: str, sentence: str) -> None:
    refused_with_its_line(old, new, sentence)
