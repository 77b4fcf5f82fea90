"""What there is to say about data at a glance, for the terminal and the page."""

from __future__ import annotations

from registry.domain.data.looks import Example, Look
from registry.presenting.formats import counted, number

UNEVEN = 1.5
"""How many times the smallest class goes into the largest before they are called uneven."""


def remarks(found: Look) -> list[str]:
    """Sentences about classes, their balance and copies, without full stops."""
    said = []
    if found.more_classes:
        said.append(f"Not shown: {found.more_classes} smaller class{'' if found.more_classes == 1 else 'es'}")
    balance = found.balance
    if balance is not None:
        smallest = counted(found.smallest, "row")
        said.append(
            f"The largest class has {balance:.1f} times as many rows as the smallest ({smallest})"
            if balance >= UNEVEN
            else f"The classes are about even; the smallest has {smallest}"
        )
    if found.duplicates:
        verb = "is a copy of an earlier one" if found.duplicates == 1 else "are copies of earlier ones"
        apart = f", {number(found.contradictions)} of them with another label" if found.contradictions else ""
        said.append(f"{counted(found.duplicates, 'row')} {verb}{apart}")
    else:
        said.append("No row is a copy of another")
    return said


def where(one: Example) -> str:
    """The beginning of its text in one line, or where the row is."""
    if one.text is not None:
        return " ".join(one.text.split())
    return f"{one.path} row {one.index}" if one.index is not None else one.path or ""
