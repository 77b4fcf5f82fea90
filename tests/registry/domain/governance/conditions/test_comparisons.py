"""The values beside a condition: what is written is true, and says what was compared."""

from __future__ import annotations

import pytest

from registry.domain.governance.conditions.comparisons import compared
from registry.domain.governance.conditions.expressions import Scope

FACTS = {
    "metrics": {"accuracy": 0.892, "baseline_accuracy": 0.2, "close": 0.89999999},
    "params": {"min_margin": 0.05, "limit": 0.9},
    "lineage": {"recalled": 0, "suspended": 2},
    "evidence": {"validation": {"result": "fail", "errors": 3.0, "signed": True}},
    "subject": {"name": "team/a<b", "tags": {}},
}


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("metrics.accuracy >= metrics.baseline_accuracy + params.min_margin", "0.892 ≥ 0.25"),
        ("metrics.baseline_accuracy > 0.5", "0.2 ≤ 0.5"),
        ("metrics.close >= params.limit", "0.89999999 < 0.9"),
        ("lineage.recalled == 0 && lineage.suspended == 0", "lineage.recalled = 0, lineage.suspended = 2"),
        ('evidence.validation.result == "pass"', "evidence.validation.result = fail"),
        ("evidence.validation.errors <= 4.0 && evidence.validation.signed", "3 ≤ 4, evidence.validation.signed = true"),
        ("lineage.recalled == 0 || metrics.accuracy > 0.9", "lineage.recalled = 0, metrics.accuracy = 0.892"),
        ("!(metrics.accuracy < 0.5)", "metrics.accuracy = 0.892"),
        ('subject.name == "team/a<b"', "subject.name = team/a<b"),
        ("metrics.f1 > 0.5", ""),
        ('subject.name.startsWith("team/")', "subject.name = team/a<b"),
        ('evidence.has("scan")', ""),
    ],
)
def test_a_condition_is_shown_with_the_values_that_it_compared(condition: str, values: str) -> None:
    assert compared(condition, Scope(FACTS)) == values
