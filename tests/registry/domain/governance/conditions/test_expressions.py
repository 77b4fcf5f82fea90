"""Conditions in CEL: what they may speak of, how large they may be, and that what cannot be told never holds."""

from __future__ import annotations

import pytest

from registry.domain.governance.conditions.evaluation import MAX_STEPS, MAX_TOTAL
from registry.domain.governance.conditions.expressions import Expression, Scope
from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.conditions.syntax import MAX_LENGTH
from registry.errors import BadPolicyError

SCOPE = Scope(
    {
        "subject": {"parents": ["models:/hub/net/1"], "tags": {"eu": "yes"}},
        "metrics": {"accuracy": 0.9},
        "evidence": {"model_card": {"revision": 1.0}},
        "lineage": {"recalled": 0},
        "params": {},
        "baseline": {},
        "licence": {"unknown": 0},
    }
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("metrics.accuracy >= 0.9", True),
        ("metrics.accuracy > 0.9", False),
        ('evidence.has("model_card") && !evidence.has("scan")', True),
        ('"model_card" in evidence', True),
        ("has(baseline.accuracy)", False),
        ('subject.parents.exists(parent, parent.startsWith("models:/hub/"))', True),
        ('subject.tags.eu == "yes"', True),
        ("lineage.recalled == 0", True),
        ("size(subject.parents) == 1 || metrics.unknown > 1.0", True),
    ],
)
def test_an_expression_holds_or_does_not(text: str, holds: bool) -> None:
    assert Expression(text).holds(SCOPE) is holds


@pytest.mark.parametrize("text", ["metrics.f1 > 0.5", "metrics.accuracy", "metrics", "subject.tags > 1", "1 / 0 == 1"])
def test_an_expression_that_cannot_be_evaluated_gives_no_answer(text: str) -> None:
    with pytest.raises(UnanswerableError):
        Expression(text).holds(SCOPE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a CEL expression"),
        ("metrics.accuracy >=", "not a CEL expression"),
        ("metrics.accuracy > 1 2", "not a CEL expression"),
        ("metric.accuracy > 0.5", "did you mean 'metrics'?"),
        ("secrets.password == 'x'", "uses 'secrets', which is not a variable"),
        ("sise(subject.parents) > 0", "did you mean 'size'?"),
        ("open('/etc/passwd') == ''", "calls 'open', which is not a function"),
        ("1 == 1 && " * 120 + "true", "longer than 1,000 characters"),
        ("(" * 17 + "true" + ")" * 17, "nests brackets deeper than 16"),
        ("[1].all(a, [1].all(b, [1].all(c, a + b + c > 0)))", "walks more than 2 lists"),
    ],
)
def test_a_bad_expression_is_refused_when_it_is_written(text: str, reason: str) -> None:
    with pytest.raises(BadPolicyError) as refusal:
        Expression(text)
    assert reason in str(refusal.value)


def test_a_name_that_a_comprehension_binds_is_known() -> None:
    assert Expression("[1.0, 2.0].all(number, number > metrics.accuracy)").holds(SCOPE)


def test_the_costliest_expression_is_stopped_after_its_steps_and_lets_nothing_through() -> None:
    numbers = "[" + ",".join("1" * ((MAX_LENGTH - 60) // 4)) + "]"
    expression = Expression(f"{numbers}.all(x, {numbers}.all(y, x + y > 0)) || true")
    scope = Scope({})
    with pytest.raises(UnanswerableError, match="takes more than 20,000 steps"):
        expression.holds(scope)
    assert scope.meter.used <= MAX_STEPS + len(numbers)


def test_a_walk_over_two_thousand_numbers_of_evidence_is_within_its_steps_and_a_walk_in_it_is_not() -> None:
    scope = Scope({"evidence": {"validation": {"errors": [0.5] * 2000}}})
    assert Expression("evidence.validation.errors.all(error, error < 1.0)").holds(scope)
    assert scope.meter.used == 6_004, "the walk, its list and their names, then three for each number"
    nested = Expression("evidence.validation.errors.all(x, evidence.validation.errors.all(y, x + y < 9.0))")
    with pytest.raises(UnanswerableError, match="takes more than 20,000 steps"):
        nested.holds(scope)


def test_all_conditions_of_a_policy_together_have_a_limit_too() -> None:
    scope = Scope({"evidence": {"validation": {"errors": [0.5] * 2000}}})
    walk = Expression("evidence.validation.errors.all(error, error < 1.0)")
    for _ in range(16):
        assert walk.holds(scope)
    with pytest.raises(UnanswerableError, match="the conditions of this policy take more than 100,000 steps together"):
        walk.holds(scope)
    assert scope.meter.total <= MAX_TOTAL + 10


@pytest.mark.parametrize(
    "text",
    [
        "[1].all(a, [1].all(b, [1].all // (\n(c, a + b + c > 0)))",
        "[1].all(a, [1].all(b, [1]. // a comment between\n all\n(c, a + b + c > 0)))",
        "[1].map(a, [1].filter(b, [1].exists_one(c, a + b + c > 0))).size() > 0",
    ],
)
def test_a_comment_hides_no_walk_from_the_count(text: str) -> None:
    with pytest.raises(BadPolicyError, match="walks more than 2 lists"):
        Expression(text)


def test_whole_and_decimal_numbers_are_kept_apart_in_conditions_that_look_alike() -> None:
    assert Expression("lineage.recalled + 1 == 1").holds(SCOPE)
    for other in ("lineage.recalled + 1.0 == 1", "lineage.recalled + true == 1"):
        with pytest.raises(UnanswerableError, match="different types"):
            Expression(other).holds(SCOPE)


def test_what_stands_in_a_text_is_not_counted() -> None:
    assert Expression('"[[[[[[[[[[[[[[[[[[.all(a, .all(b, .all(c, // " != ""').holds(SCOPE)


def test_all_over_an_empty_list_has_no_answer_unless_the_policy_says_so() -> None:
    text = "subject.parents.all(parent, parent.startsWith('models:/'))"
    scope = Scope({"subject": {"parents": []}})
    for asked in (text, f"!{text}", f"{text} && {text}"):
        with pytest.raises(UnanswerableError, match="empty list"):
            Expression(asked).holds(scope)
    assert Expression(text, empty_is_true=True).holds(scope)
    assert Expression(f"size(subject.parents) == 0 || {text}").holds(scope)
