"""Tokens: long enough, checkable without a database, and stored as a digest only."""

from __future__ import annotations

import hashlib
import math
import re

from hypothesis import given
from hypothesis import strategies as st

from lineage import Digest
from registry.domain.people.tokens import PATTERN, hash_secret, is_well_formed, new_secret

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET = new_secret()


def test_a_new_token_is_well_formed_and_matches_the_published_pattern() -> None:
    assert is_well_formed(SECRET)
    assert re.fullmatch(PATTERN, SECRET)
    assert len(SECRET) == len("fbr_") + 32 + 6


def test_a_token_has_at_least_178_random_bits() -> None:
    assert 32 * math.log2(len(ALPHABET)) >= 178
    assert len({new_secret() for _ in range(200)}) == 200


@given(place=st.integers(4, 41), char=st.sampled_from(ALPHABET))
def test_one_wrong_character_in_a_token_is_found_without_a_database(place: int, char: str) -> None:
    typo = SECRET[:place] + char + SECRET[place + 1 :]
    assert is_well_formed(typo) == (typo == SECRET)


@given(place=st.integers(4, 40))
def test_two_swapped_characters_in_a_token_are_found(place: int) -> None:
    swapped = SECRET[:place] + SECRET[place + 1] + SECRET[place] + SECRET[place + 2 :]
    assert is_well_formed(swapped) == (swapped == SECRET)


@given(text=st.text())
def test_anything_else_is_not_a_token(text: str) -> None:
    assert not is_well_formed(text)
    assert not is_well_formed(SECRET + text) or not text


def test_tokens_of_earlier_releases_are_accepted_for_ever() -> None:
    assert is_well_formed("fbr_" + "0" * 32 + "1el32O")
    assert is_well_formed("fbr_" + "Forebear" * 4 + "4881A9")


def test_what_is_stored_is_the_sha_256_of_the_whole_token() -> None:
    assert hash_secret("fbr_x") == Digest(hashlib.sha256(b"fbr_x").hexdigest())
