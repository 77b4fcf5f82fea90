"""How data looks in a terminal before anybody chooses a model for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.cli.printing import heading, table, tell
from registry.presenting.formats import counted, number
from registry.presenting.looks import remarks, where

if TYPE_CHECKING:
    from registry.domain.data.looks import Look


def show_look(found: Look) -> None:
    """Rows, classes and their balance, duplicates, and the examples."""
    splits = ", ".join(f"{name} {number(count)}" for name, count in found.splits.items())
    tell(f"{found.dataset} has {counted(found.rows, 'row')}: {splits}")
    if found.classes:
        rows = [(name, number(count), f"{100 * count / found.rows:.1f} %") for name, count in found.classes.items()]
        table(("Class", ">Rows", ">Share"), rows, empty="")
    for one in remarks(found):
        tell(one)
    if found.examples:
        heading("Examples")
        shown = [(one.label or "", one.split, where(one)) for one in found.examples]
        table(("Label", "Split", "Row"), shown, empty="")
