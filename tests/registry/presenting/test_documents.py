"""A recipe that is printed is read back as it was, whatever its text looks like."""

import pytest
from pydantic import BaseModel

from registry.errors import BadRecipeError
from registry.presenting.documents import as_yaml
from registry.services.documents import read_document


class Words(BaseModel):
    words: dict[str, str | float]


@pytest.mark.parametrize(
    "text", ["1e5", "12E5", "1.5e3", "-.5e1", "010", "1:30", "on", "no", "~", "2026-11-23", "a: b"]
)
def test_text_that_looks_like_something_else_stays_text(text: str) -> None:
    written = as_yaml({"words": {"commit": text, "rate": 1e-05, "large": 1e22}})
    read = read_document(written, Words, error=BadRecipeError, what="recipe")
    assert read.words == {"commit": text, "rate": 1e-05, "large": 1e22}


def test_keys_keep_their_order_and_letters_their_form() -> None:
    assert as_yaml({"b": "ä", "a": [1]}) == "b: ä\na:\n- 1\n"
