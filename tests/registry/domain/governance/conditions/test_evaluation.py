"""Conditions mean what CEL means: random ones have the answers of the library `common-expression-language`."""

from __future__ import annotations

from typing import Any

import cel
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from registry.domain.governance.conditions.evaluation import Meter, compiled
from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.conditions.syntax import MAX_WALKS, parse

FACTS: dict[str, object] = {
    "a": 1,
    "b": 2.5,
    "t": "abc",
    "yes": True,
    "none": None,
    "l": [1.0, 2.0, 3.0],
    "w": ["x", "abc"],
    "m": {"k": 1, "n": {"deep": "abc"}, "l": [1, 2]},
}
NUMBERS = st.sampled_from(["a", "b", "1", "2", "0", "-3", "2.5", "1e2", "m.k", "m.missing", "size(l)", "l[0]", "l[7]"])
TEXTS = st.sampled_from(["t", "'abc'", '"x"', "m.n.deep", "w[0]", "r'b'", "t + 'x'", "missing.t"])


Both = tuple[str, str]
"""A condition, and the same for the library: with every `all` and `exists` written out."""


def _numbers(depth: int) -> st.SearchStrategy[str]:
    if depth == 0:
        return NUMBERS
    inner = _numbers(depth - 1)
    return NUMBERS | st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "%"]), inner)


def _filled(form: str, *parts: Both) -> Both:
    return form.format(*(ours for ours, _ in parts)), form.format(*(theirs for _, theirs in parts))


def _walked(macro: str, number: str, inner: Both) -> Both:
    """A walk through `l`.

    The specification: `all` is its items joined with `&&`, `exists` with `||`, so an error at one item does not matter
    where another decides. The library stops at the error of the first item instead, so it gets them joined.
    """
    ours, theirs = inner
    text = f"l.{macro}(x, x > {number} || {ours})"
    if macro == "exists_one":
        return text, f"l.{macro}(x, x > {number} || {theirs})"
    joined = {"all": " && ", "exists": " || "}[macro].join(f"({x} > {number} || {theirs})" for x in (1.0, 2.0, 3.0))
    return text, f"({joined})"


def _truths(depth: int) -> st.SearchStrategy[Both]:
    plain = (
        st.sampled_from(["yes", "true", "false", "has(m.k)", "has(m.x)", "'k' in m", "2.0 in l", "none == null", "t"])
        | st.builds("{} {} {}".format, _numbers(1), st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), _numbers(1))
        | st.builds("{} {} {}".format, TEXTS, st.sampled_from(["<", "==", "!=", ">"]), TEXTS)
        | st.builds("{}.{}({})".format, TEXTS, st.sampled_from(["contains", "startsWith", "endsWith"]), TEXTS)
    )
    leaves = plain.map(lambda text: (text, text))
    if depth == 0:
        return leaves
    inner = _truths(depth - 1)
    filtered = st.builds("size(l.{}) == 2".format, st.sampled_from(["filter(x, x > 1.0)", "map(x, x > 1.0, x)"]))
    return (
        leaves
        | st.builds(_filled, st.sampled_from(["({} && {})", "({} || {})"]), inner, inner)
        | st.builds(_filled, st.just("!({})"), inner)
        | st.builds(_filled, st.just("({} ? {} : {})"), inner, inner, inner)
        | st.builds(_walked, st.sampled_from(["all", "exists", "exists_one"]), _numbers(1), inner)
        | filtered.map(lambda text: (text, text))
    )


def ours(text: str) -> object:
    """The answer of this package; None without one."""
    try:
        return compiled(parse(text))(dict(FACTS), Meter())
    except UnanswerableError:
        return None


def theirs(text: str) -> Any:
    """The answer of the library; None without one."""
    try:
        return cel.evaluate(text, dict(FACTS))
    except Exception:  # noqa: BLE001 - the library raises nine kinds of errors
        return None


@settings(max_examples=150)
@given(_truths(2))
@example(_walked("exists", "a", ("t", "t")))
@example(_walked("all", "2.0", ("t", "t")))
def test_random_conditions_have_the_answers_of_the_library(both: Both) -> None:
    text, written_out = both
    assume(text.count("(x, ") <= MAX_WALKS)
    assert ours(text) == theirs(written_out), text


def test_an_error_at_one_item_does_not_matter_where_another_decides() -> None:
    assert ours("l.exists(x, x > a || t)") is True
    assert ours("l.all(x, x > 2.0 ? false : t)") is False
    assert ours("l.exists(x, x > 7.0 || t)") is None
    assert ours("l.exists_one(x, x > 2.0 || t)") is None


@pytest.mark.parametrize(
    "text",
    [
        "7 / 2 == 3 && -7 / 2 == -3 && -7 % 2 == -1",
        "7.0 / 0.0 > 1e308",
        "[1, 2] + [3] == [1, 2, 3]",
        "'a' + 'b' == 'ab'",
        "b'a' == b'a'",
        "0x1F == 31 && 1u == 1",
        "{'a': 1}.a == 1 && {'a': 1} == {'a': 1.0}",
        "m.n == {'deep': 'abc'}",
        "t.matches('^a.c$') && !t.matches('d')",
        "'\\u00e4' == 'ä' && '\\n' != 'n'",
        "timestamp('2026-01-01T00:00:00Z') + duration('36h') > timestamp('2026-01-02T00:00:00Z')",
        "duration('90s') == duration('1m30s')",
        "int('5') == 5 && int(2.7) == 2 && double('2.5') == 2.5 && string(1.0) == '1'",
        "m.exists(key, key == 'k')",
        "true > false",
        "a == 1.0 && 1 in l",
        "1 < 2 == true // and a comment",
        "[1, 2,].size() == 2",
        "m.l.map(x, x * 2) == [2, 4]",
        "--a == 1",
    ],
)
def test_what_the_specification_says_of_values_holds(text: str) -> None:
    assert ours(text) is True
    assert theirs(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "1 + 1.0 == 2.0",
        "'a' < 1",
        "1 / 0 == 1",
        "l[-1] == 1.0",
        "[1] < [2]",
        "9223372036854775807 + 1 > 0",
        "1 < 2 < 3",
    ],
)
def test_what_the_specification_calls_an_error_has_no_answer(text: str) -> None:
    assert ours(text) is None
    assert theirs(text) is None


def test_a_large_value_costs_by_its_size_wherever_it_is_compared() -> None:
    numbers = [0.5] * 2000
    for text in ("numbers == numbers", "0.7 in numbers", "size(numbers + numbers) == 4000", "max(numbers) == 0.5"):
        meter = Meter()
        compiled(parse(text))({"numbers": numbers}, meter)
        assert meter.used > 2000, text


def test_a_list_of_lists_of_lists_is_counted_no_further_than_is_allowed() -> None:
    meter = Meter()
    with pytest.raises(UnanswerableError, match="20,000 steps"):
        compiled(parse("l.map(x, l) == l.map(x, l)"))({"l": [0.5] * 2000}, meter)
    assert meter.used < 60_000
