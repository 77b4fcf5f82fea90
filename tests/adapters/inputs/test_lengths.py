"""What a step says of how far it has read its texts."""

from __future__ import annotations

import pytest

from adapters.inputs.lengths import MOST, POSITIONS, RECIPE, SOURCE, TOKENIZER, Limit, Reading, TextsRead
from registry.web.steps import highlights


def test_texts_that_were_cut_are_counted_by_role_with_the_length_and_what_decided_it() -> None:
    texts = TextsRead(Limit(512, POSITIONS))
    texts.add("train", Reading(1200, 31, 512))
    texts.add("test", Reading(40, 0, 300))
    assert list(texts.notes()) == [
        "texts were cut after 512 tokens, where the model's positions end: 31 of 1,200 in train"
    ]
    assert texts.facts()["text_length"] == "512 tokens at most, where the model's positions end"


def test_where_no_text_was_cut_the_data_decided_and_there_is_no_note() -> None:
    texts = TextsRead(Limit(512, POSITIONS))
    texts.add("train", Reading(1200, 0, 97))
    assert not list(texts.notes())
    assert texts.facts()["text_length"] == "whole texts, 97 tokens at most"


def test_a_second_reading_of_a_role_is_of_some_of_its_rows_and_changes_nothing() -> None:
    texts = TextsRead(Limit(8, unit="words"))
    texts.add("train", Reading(20, 4, 8))
    texts.add("train", Reading(4, 4, 8))
    assert list(texts.notes()) == ["texts were cut after 8 words, as max_length says: 4 of 20 in train"]


def test_a_learner_that_has_read_nothing_says_nothing() -> None:
    assert not TextsRead(Limit(8)).facts()


@pytest.mark.parametrize("why", [RECIPE, POSITIONS, TOKENIZER, SOURCE, MOST])
def test_the_page_of_a_step_says_how_far_it_read_and_what_decided_that(why: str) -> None:
    texts = TextsRead(Limit(131_072, why))
    texts.add("train", Reading(20, 4, 131_072))
    assert highlights({"facts": texts.facts()})["facts · text_length"] == f"131,072 tokens at most, {why}"
