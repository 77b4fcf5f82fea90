"""Free text that people write beside things: bounded, without control characters, and encodable."""

from __future__ import annotations

from collections.abc import Mapping

from registry.errors import InvalidError

MAX_NESTING = 32
"""Lists and objects within one another: what is deeper could be written, but not read back."""


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


def check_facts(facts: object, what: str) -> None:
    """Refuse JSON that cannot be stored, printed and read again: nested too deeply, or with text that is no Unicode.

    Raises: InvalidError.
    """
    layer, depth = [facts], 0
    while layer:
        if depth > MAX_NESTING:
            raise InvalidError(f"the {what} nests lists and objects deeper than {MAX_NESTING}")
        within: list[object] = []
        for one in layer:
            if isinstance(one, Mapping):
                within += [*one.keys(), *one.values()]
            elif isinstance(one, list | tuple):
                within += one
            elif isinstance(one, str) and ("\x00" in one or any("\ud800" <= char <= "\udfff" for char in one)):
                raise InvalidError(f"the {what} has text that is no Unicode, or holds a NUL")
        layer, depth = within, depth + 1
