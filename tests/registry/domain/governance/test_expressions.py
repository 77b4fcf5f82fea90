"""Conditions in CEL: what they may speak of, how large they may be, and that what cannot be told never holds."""

from __future__ import annotations

import time

import pytest

from registry.domain.governance.expressions import MAX_LENGTH, Expression, Scope, UnanswerableError
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


def test_the_costliest_expression_takes_less_than_a_second() -> None:
    numbers = "[" + ",".join("1" * ((MAX_LENGTH - 60) // 4)) + "]"
    expression = Expression(f"{numbers}.all(x, {numbers}.all(y, x + y > 0))")
    start = time.perf_counter()
    assert expression.holds(SCOPE)
    assert time.perf_counter() - start < 1
