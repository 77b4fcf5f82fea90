"""Free text is kept unless a database or a terminal would fail on it; what an unknown word meant is suggested."""

from __future__ import annotations

import json

import pytest

from registry.domain.text import check_facts, check_words, did_you_mean, nearest
from registry.errors import InvalidError


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "The label is empty"),
        (" \t", "The label is empty"),
        ("x" * 11, "longer than 10 characters"),
        ("a\nb", "control characters"),
        ("a\x00b", "control characters"),
        ("\x1b[31m", "control characters"),
        ("a\x7f", "control characters"),
        ("\udcff", "control characters"),
    ],
)
def test_bad_text_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidError, match=reason):
        check_words(text, "label", 10)


def test_text_is_kept_without_the_space_around_it() -> None:
    assert check_words("  Zoë 模型 ", "label", 20) == "Zoë 模型"
    assert check_words("two\nlines\t", "label", 20, lines=True) == "two\nlines"
    assert check_words("", "label", 20, empty=True) == ""


@pytest.mark.parametrize("facts", ["\ud800", {"\x00": 1}, [["a", {"b": "\udfff"}]], json.loads("[" * 34 + "]" * 34)])
def test_facts_that_could_not_be_read_back_are_refused(facts: object) -> None:
    with pytest.raises(InvalidError, match="evidence"):
        check_facts(facts, "evidence")


def test_other_facts_are_kept() -> None:
    check_facts({"a": [1, 2.5, None, True, "\U0001f600 \n"], "b": json.loads("[" * 32 + "]" * 32)}, "evidence")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("acuracy", "accuracy"),
        ("ACCURACY", "accuracy"),  # alike but for case
        ("macro-f1", "macro_f1"),
        ("acc", "accuracy"),  # the only one that begins so
        ("ma", None),  # too short to say
        ("m", None),
        ("perplexity", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_an_unknown_word_suggests_the_nearest_known_one(word: str, meant: str | None) -> None:
    assert nearest(word, ["accuracy", "macro_f1", "loss"]) == meant


def test_a_prefix_that_two_words_share_suggests_neither() -> None:
    assert nearest("prod", ["production", "production_europe"]) is None


def test_a_sentence_ends_with_what_was_meant_or_with_all_there_is() -> None:
    assert did_you_mean("los", ["loss", "accuracy"]) == ", did you mean 'loss'?"
    assert did_you_mean("f1", ["loss", "accuracy"]) == ": there are accuracy, loss"
    assert did_you_mean("f1", []) == ": there are none"
