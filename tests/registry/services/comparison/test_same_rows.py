"""A new version against the old one on the same test rows."""

from __future__ import annotations

import pytest

from registry.services.comparison.same_rows import _error


@pytest.mark.parametrize(
    ("label", "answer", "error"),
    [
        ("good", "good", 0.0),
        ("good", "bad", 1.0),
        ("a|b", ["b", "a"], 0.0),
        ("", [], 0.0),
        ("new york|rome", ["rome", "new york"], 0.0),
        ("new york|rome", ["new york"], 1.0),
        ("N V N", ["N", "V", "V"], 1.0),
        ("2.5", 2.0, 0.5),
    ],
)
def test_an_answer_is_wrong_as_its_kind_of_label_says(label: str, answer: object, error: float) -> None:
    assert _error({"label": label, "prediction": answer}) == error
