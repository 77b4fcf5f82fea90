"""How the marks of a version look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import hint, table

if TYPE_CHECKING:
    from registry.domain.catalog.marks import Marks


def show_marks(found: Marks) -> None:
    """Each mark, who set it and why, and the way that it came."""
    rows = [
        (one.mark, f"{one.by}: {one.reason}" if one.by else "the registry", " → ".join(one.path)) for one in found.marks
    ]
    empty = f"{found.ref} has no mark: nobody set one on it or on what it was made from"
    table(("Mark", "Set by", "Path"), rows, empty=empty, drop=("Set by",), prose="Path")
    if not found.complete:
        hint("The ancestry is larger than what was read: there may be more.")
