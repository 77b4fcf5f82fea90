"""Free text: what people write is kept, what a database or a terminal would trip over is refused."""

from __future__ import annotations

import pytest

from registry.domain.words import check_words
from registry.errors import InvalidError


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the label is empty"),
        (" \t", "the label is empty"),
        ("x" * 11, "longer than 10 characters"),
        ("a\nb", "control characters"),
        ("a\x00b", "control characters"),
        ("\x1b[31m", "control characters"),
        ("a\x7f", "control characters"),
        ("\udcff", "control characters"),
    ],
)
def test_bad_words_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidError, match=reason):
        check_words(text, "label", 10)


def test_good_words_are_kept_without_the_space_around_them() -> None:
    assert check_words("  Zoë 模型 ", "label", 20) == "Zoë 模型"
    assert check_words("two\nlines\t", "label", 20, lines=True) == "two\nlines"
    assert check_words("", "label", 20, empty=True) == ""
