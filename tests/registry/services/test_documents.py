"""YAML from outside: every mistake has its line, and a misspelt key its near one."""

from __future__ import annotations

import time

import pytest
from pydantic import BaseModel, ConfigDict

from registry.errors import BadRecipeError
from registry.services.document_errors import MAX_PROBLEMS
from registry.services.documents import MAX_BYTES, read_document


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rate: float = 1.0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    output: str
    inner: Inner = Inner()
    items: list[Inner] = []


def read(text: str) -> Outer:
    return read_document(text, Outer, error=BadRecipeError, what="recipe")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("output: a\ninner:\n  raet: 3\n", r"Line 3: there is no key 'inner\.raet', did you mean 'rate'\?"),
        ("outptu: a\n", r"Line 1: there is no key 'outptu', did you mean 'output'\?"),
        ("inner: {}\n", "the key 'output' is missing"),
        ("output: a\noutput: b\n", "Line 2: the key 'output' is given twice"),
        ("output: a\nitems:\n- rate: 1\n- rate: x\n", "Line 4: items.1.rate"),
        ("output: &x a\ninner: *x\n", "Line 2: anchors and aliases"),
        ("- a\n", "is not a mapping"),
        ("", "is not a mapping"),
        ("output: [\n", "Line 2"),
        ("output: !!python/object/apply:os.system [id]\n", "Line 1: the tag .* is not supported"),
        ("output: a\nitems:\n- " + "[" * 10_000, "Line 3: values lie more than 32 deep"),
        ("x" * (MAX_BYTES + 1), "larger than"),
        ("ä" * (MAX_BYTES // 2 + 1), "larger than"),
        ("output: a\ninner: " + "{a: " * 10_000, "Line 2: values lie more than 32 deep"),
        ("output: a\n" + "".join(f"{' ' * i}a:\n" for i in range(40)), r"Line 3\d: values lie more than 32 deep"),
        ("- " * 100_000, "values lie more than 32 deep"),
        ("output: a\ninner: b\x00c\n", r"Line 2: the character U\+0000 is not allowed in a recipe"),
        ("output: a\nitems: \ud800\n", r"Line 2: the character U\+D800 is not allowed in a recipe"),
        ("output: a\n\x1b[31m: b\n", r"Line 2: the character U\+001B is not allowed in a recipe"),
        ("output: a\n<<: {inner: {}}\n", "Line 2: merge keys"),
        ("output: a\n? [a, b]\n: c\n", "Line 2: a key must be text"),
        ("output: a\n? {a: b}\n: c\n", "Line 2: a key must be text"),
        ("output: a\n1: b\n", "Line 2: the key 1 is not text: put it in quotes"),
        ("output: a\ninner: {on: yes}\n", "Line 2: the key on is not text: put it in quotes"),
        ("output: a: b\n", "Line 1: a value that holds a colon and a space must be in quotes"),
        ("output: a\n\tinner: {}\n", "Line 2: indent with spaces, not tabs"),
        ("output: a\n- b\n", "Line 2: the indentation does not fit the lines above"),
        ("output: a\n---\noutput: b\n", "Line 2: expected a single document in the stream, but found another"),
        ("output: 2026-13-01\n", "Line 1: '2026-13-01' cannot be read: month must be in 1..12"),
        ("output: a\ninner: {rate: 010}\n", "Line 2: '010' is not a plain number"),
        ("output: a\ninner: {rate: 1:30}\n", "Line 2: '1:30' is not a plain number"),
        ("output: a\ninner: {rate: " + "9" * 5000 + "}\n", "Line 2: a number of 5,000 digits is too long"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(BadRecipeError, match=sentence):
        read(text)


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_mistake() -> None:
    assert read("\ufeffoutput: a\r\ninner:\r\n  rate: 2\r\n") == Outer(output="a", inner=Inner(rate=2))


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(BadRecipeError) as caught:
        read("outptu: a\ninner:\n  raet: 3\n")
    assert len(caught.value.facts["problems"]) == 3  # type: ignore[arg-type]


def seconds(text: str, pattern: str) -> float:
    began = time.process_time()
    with pytest.raises(BadRecipeError, match=pattern) as caught:
        read(text)
    assert len(caught.value.message) < 10_000
    return time.process_time() - began


def test_the_first_mistakes_are_told_and_the_rest_counted() -> None:
    with pytest.raises(BadRecipeError) as caught:
        read("output: a\n" + "".join(f"x{number}: 1\n" for number in range(50)))
    problems = caught.value.facts["problems"]
    assert isinstance(problems, list)
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[0].startswith("Line 2: there is no key 'x0'")
    assert problems[-1] == "And 30 more mistakes"


@pytest.mark.parametrize("line", ["k{}: 1\n", "outpu{}: 1\n", "inner.rate{}: 1\n"])
def test_a_document_of_the_largest_size_with_nothing_right_in_it_is_refused_in_time_that_grows_with_its_size(
    line: str,
) -> None:
    def text(size: int) -> str:
        return "".join(line.format(number) for number in range(size // (len(line) + 3)))

    seconds(text(1000), "no key")  # the first call imports
    small, large = seconds(text(MAX_BYTES // 8), "no key"), seconds(text(MAX_BYTES), "no key")
    assert large < 40 * small  # 8 times the text; a check of each key against all would take 64 times
