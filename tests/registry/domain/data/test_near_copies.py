"""Near-copies of texts and pictures are found, and what is merely of one kind is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.data.near_copies import near_pictures, near_texts, picture_sketch, text_sketches

WORDS = np.array([f"w{number:x}ord{number * number % 97}" for number in range(2_000)])


def texts(count: int, seed: int) -> list[str]:
    """Texts of 120 words each, drawn anew."""
    chance = np.random.default_rng(seed)
    return [" ".join(chance.choice(WORDS, 120)) for _ in range(count)]


def edited(text: str) -> str:
    """The text with three words replaced, other case and other white space."""
    words = text.split()
    words[5], words[60], words[100] = "replaced", "by", "others"
    return "  ".join(words).upper()


def test_edited_texts_are_near_copies_and_others_are_not() -> None:
    plain = texts(40, 0)
    near = near_texts(text_sketches([*plain, *map(edited, plain[:10])]))
    assert near[:10].tolist() == list(range(40, 50))
    assert near[40:].tolist() == list(range(10))
    assert (near[10:40] == -1).all()


def test_texts_are_compared_with_those_of_another_set() -> None:
    train, test = texts(60, 1), texts(20, 2)
    test[3], test[7] = edited(train[50]), train[9]
    near = near_texts(text_sketches(test), text_sketches(train))
    assert {place: int(at) for place, at in enumerate(near) if at >= 0} == {3: 50, 7: 9}


def test_sketches_estimate_the_share_of_common_runs() -> None:
    one, two = texts(2, 3)
    half = one[: len(one) // 2] + two[len(two) // 2 :]
    (first, second) = text_sketches([one, half])
    runs = [{text.casefold()[place : place + 5] for place in range(len(text) - 4)} for text in (one, half)]
    exact = len(runs[0] & runs[1]) / len(runs[0] | runs[1])
    assert (first == second).mean() == pytest.approx(exact, abs=0.15)


@settings(max_examples=15)
@given(st.lists(st.text(max_size=8), max_size=12))
def test_no_text_is_a_near_copy_of_itself(found: list[str]) -> None:
    near = near_texts(text_sketches(found))
    assert len(near) == len(found)
    assert all(place != at for place, at in enumerate(near.tolist()))


def test_where_there_is_nothing_to_compare_with_no_text_is_a_near_copy() -> None:
    assert near_texts(text_sketches([]), text_sketches(["a text"])).tolist() == []
    assert near_texts(text_sketches(["a text"]), text_sketches([])).tolist() == [-1]


def test_pictures_that_differ_in_light_or_noise_are_near_copies_and_others_are_not() -> None:
    chance = np.random.default_rng(0)
    plain = chance.integers(0, 200, (30, 16, 16))
    bright = (plain[:5] + 40 + chance.integers(-4, 5, (5, 16, 16))).clip(0, 255)
    sketches = np.stack([picture_sketch(one.astype(np.uint8)) for one in (*plain, *bright)])
    near = near_pictures(sketches)
    assert near[:5].tolist() == list(range(30, 35))
    assert (near[5:30] == -1).all()
    assert near_pictures(sketches[30:], sketches[:30]).tolist() == list(range(5))


def test_pictures_of_one_colour_are_like_no_other() -> None:
    flat = np.stack([picture_sketch(np.full((16, 16), grey, np.uint8)) for grey in (0, 0, 9)])
    assert near_pictures(flat).tolist() == [-1, -1, -1]
    assert near_pictures(flat, flat[:0]).tolist() == [-1, -1, -1]
