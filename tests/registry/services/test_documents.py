"""YAML from outside: every mistake has its line, and a misspelt key its near one."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict

from registry.errors import BadRecipeError
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
        ("output: a\ninner:\n  raet: 3\n", r"line 3: there is no key 'inner\.raet', did you mean 'rate'\?"),
        ("outptu: a\n", r"line 1: there is no key 'outptu', did you mean 'output'\?"),
        ("inner: {}\n", "the key 'output' is missing"),
        ("output: a\noutput: b\n", "line 2: the key 'output' is given twice"),
        ("output: a\nitems:\n- rate: 1\n- rate: x\n", "line 4: items.1.rate"),
        ("output: &x a\ninner: *x\n", "line 2: anchors and aliases"),
        ("- a\n", "is not a mapping"),
        ("", "is not a mapping"),
        ("output: [\n", "line 2"),
        ("output: !!python/object/apply:os.system [id]\n", "line 1"),
        ("output: a\nitems:\n- " + "[" * 10_000, "line 3: values lie more than 32 deep"),
        ("x" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(BadRecipeError, match=sentence):
        read(text)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(BadRecipeError) as caught:
        read("outptu: a\ninner:\n  raet: 3\n")
    assert len(caught.value.facts["problems"]) == 3  # type: ignore[arg-type]
