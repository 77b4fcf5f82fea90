"""Which passwords are refused."""

from __future__ import annotations

import pytest

from registry.domain.people.passwords import MOST, check_password
from registry.errors import InvalidError

NAMES = ("ana.silva", "Ana Silva")


@pytest.mark.parametrize(
    "word",
    [
        "heron kettle orbit mosaic",
        "wD3v9xKq0ZpL2mTs",
        "zaubern über möwen",
        "我的模型注册表很安全因为这个句子很长",
        "my dog likes passwords",
        "x" * 3 + "gq7-vt4_zk9 b" + "m" * (MOST - 16),
    ],
)
def test_long_ones_are_taken_whatever_characters_they_have(word: str) -> None:
    assert check_password(word, NAMES)


@pytest.mark.parametrize(
    "word",
    [
        "",
        "short but fine",
        "q" * (MOST + 1),
        "passwordpassword",
        "Password12345678",
        "P@ssw0rd P@ssw0rd!",
        "letmeinletmein2026",
        "qwertyuiopasdfghjkl",
        "correcthorsebatterystaple",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "abcdefghijklmnopqrst",
        "zyxwvutsrqponmlkjihg",
        "12345678901234567890",
        "2026-11-29 2026-11-29",
        "AnaSilva-AnaSilva-1",
        "Silva Welcome Forebear",
        "heron kettle\norbit mosaic",
        "heron kettle \x00 mosaic",
        "heron kettle \ud800 mosaic",
    ],
)
def test_short_ones_and_those_that_are_tried_first_are_refused_and_not_repeated(word: str) -> None:
    with pytest.raises(InvalidError) as refused:
        check_password(word, NAMES)
    assert not word or word not in str(refused.value)


def test_every_keyboard_sends_the_same_password() -> None:
    assert check_password("ﬁne Å heron kettle", ()) == check_password("fine A\u030a heron kettle", ())
