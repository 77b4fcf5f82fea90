"""Conditions may use the names that other policy languages have; what is judged and shown has ours."""

from __future__ import annotations

import pytest

from registry.domain.governance.conditions.other_names import canonical
from registry.errors import BadPolicyError


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("eval.f1 >= baseline.f1 - params.max_drop", "metrics.macro_f1 >= baseline.macro_f1 - params.max_drop"),
        ("has(eval.f1)  // eval.f1", "has(metrics.macro_f1)  // eval.f1"),
        ("scan.executable_files == 0", "evidence.scan.executable_files == 0"),
        ("licence.conflicts( subject.use )==0", "(licence.conflicts.commercial + licence.conflicts.derivatives)==0"),
        ('r.class in ["share_alike", "x"]', 'r.class in ["share-alike", "x"]'),
        ("r.class != 'use_restricted'", "r.class != 'use-restrictions'"),
    ],
)
def test_a_name_of_another_language_is_read_as_ours(theirs: str, ours: str) -> None:
    assert canonical(theirs) == ours
    assert canonical(ours) == ours


@pytest.mark.parametrize(
    "text",
    [
        "ancestors.exists(scan, scan.deleted)",
        "metrics.f1 > baseline.f1",
        'subject.tags.kind == "share_alike"',
        "subject.tags.scan == 'eval.f1'",
        "licence.conflicts(subject.name) == 0",
    ],
)
def test_what_only_looks_like_such_a_name_stays_as_it_is(text: str) -> None:
    assert canonical(text) == text


def test_a_metric_that_the_policy_names_itself_keeps_its_name() -> None:
    assert canonical("eval.f1 > baseline.f1", {"f1"}) == "metrics.f1 > baseline.f1"


def test_what_is_no_expression_is_refused() -> None:
    with pytest.raises(BadPolicyError, match="not a CEL expression"):
        canonical("eval.f1 >=")
