"""Free text that people write beside things: bounded, without control characters, and encodable."""

from __future__ import annotations

from registry.errors import InvalidError


def check_words(text: str, what: str, limit: int, *, lines: bool = False, empty: bool = False) -> str:
    """`text` without the space around it. `lines` allows line breaks and tabs; `empty`, nothing at all.

    Raises: InvalidError.
    """
    allowed = "\n\r\t" if lines else ""
    if not empty and not text.strip():
        raise InvalidError(f"the {what} is empty")
    if len(text) > limit:
        raise InvalidError(f"the {what} is longer than {limit:,} characters")
    if any((ord(char) < 32 and char not in allowed) or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text):
        raise InvalidError(f"the {what} has control characters")
    return text.strip()
