"""Where a row stands (`line 3 of 'a.csv'`), in messages."""

from __future__ import annotations


def begin(where: str) -> str:
    """`where` as the first words of a sentence."""
    return where[:1].upper() + where[1:]
