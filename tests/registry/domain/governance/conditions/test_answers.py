"""Which answers a condition can give while a fact cannot be told."""

from __future__ import annotations

import pytest

from registry.domain.governance.conditions.answers import possible_answers, untold_places
from registry.domain.governance.conditions.expressions import tree_of

UNTOLD = {("compute", "modification_share"): "", ("evidence", "scan"): ""}
SHARE = "compute.modification_share < 0.33"


@pytest.mark.parametrize(
    ("condition", "answers"),
    [
        (SHARE, {None}),
        (f"!({SHARE})", {None}),
        (f"{SHARE} || true", {True}),
        (f"{SHARE} || metrics.accuracy > 0.9", {True, None}),
        (f"{SHARE} && metrics.accuracy > 0.9", {False, None}),
        (f"{SHARE} && false", {False}),
        ("has(compute.modification_share)", {False}),
        ('"scan" in evidence', {False}),
        ('evidence.has("scan")', {False}),
        ('evidence.scan.result == "pass"', {None}),
        (f"has(compute.modification_share) ? {SHARE} : metrics.accuracy > 0.9", {True, False, None}),
        (f"!has(compute.modification_share) ? {SHARE} : true", {None}),
        (f"({SHARE}) == true", {None}),
        ("[1, 2].exists(x, x > compute.modification_share)", {True, False, None}),
        ("evidence.scan.parts.exists(x, x > 1)", {None}),
        ("metrics.accuracy > 0.9", {True, False, None}),
    ],
)
def test_a_condition_that_reads_what_cannot_be_told_holds_only_by_its_other_parts(
    condition: str, answers: set[bool | None]
) -> None:
    assert possible_answers(tree_of(condition), UNTOLD) == answers


def test_the_facts_that_cannot_be_told_are_named() -> None:
    tree = tree_of(f'{SHARE} || evidence.scan.files == 0.0 || "validation" in evidence')
    assert untold_places(tree, UNTOLD) == set(UNTOLD)
    assert untold_places(tree_of("metrics.accuracy > compute.flops"), UNTOLD) == frozenset()
