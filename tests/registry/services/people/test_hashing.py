"""Hashes of passwords, with the parameters that are published."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from registry.errors import MissingExtraError, UnavailableError
from registry.services.people import hashing
from registry.services.people.hashing import hash_password, is_outdated, verify_password


@pytest.fixture
def anew() -> Iterator[None]:
    hashing._hasher.cache_clear()
    yield
    hashing._hasher.cache_clear()


def test_a_hash_is_argon2id_over_64_mib_and_has_a_salt_of_its_own() -> None:
    made = hash_password("heron kettle orbit mosaic")
    name, version, costs, salt, value = made.split("$")[1:]
    assert (name, version, costs) == ("argon2id", "v=19", "m=65536,t=3,p=4")
    assert (len(salt), len(value)) == (22, 43)  # 16 and 32 bytes in base 64
    assert salt not in hash_password("heron kettle orbit mosaic")
    assert verify_password(made, "heron kettle orbit mosaic")
    assert not verify_password(made, "heron kettle orbit mosaik")
    assert not is_outdated(made)


def test_nobody_and_a_damaged_hash_have_no_password() -> None:
    assert not verify_password(None, "heron kettle orbit mosaic")
    assert not verify_password("$argon2id$v=19$m=65536,t=3,p=4$x", "heron kettle orbit mosaic")


def test_only_some_are_hashed_at_once_and_the_others_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 0.01)
    taken = [hashing._turn() for _ in range(hashing.AT_ONCE)]
    for one in taken:
        one.__enter__()
    with pytest.raises(UnavailableError, match="Too many people"):
        hash_password("heron kettle orbit mosaic")
    for one in taken:
        one.__exit__(None, None, None)
    assert hash_password("heron kettle orbit mosaic")


def test_without_the_extra_one_sentence_says_what_to_install(anew: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "argon2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'forebear\[passwords\]'"):
        hashing.check_installed()
