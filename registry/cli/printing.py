"""Printing for people: consoles, tables and small formats. Rich is imported when the first line is printed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from registry.presenting.formats import number

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDE = 200
"""Columns of a table that goes into a pipe: wide enough that nothing is cut."""


def out() -> Console:
    """The console of standard output."""
    return _console(sys.stdout.isatty(), stderr=False)


def errors() -> Console:
    """The console of standard error."""
    return _console(sys.stderr.isatty(), stderr=True)


@cache
def _console(terminal: bool, *, stderr: bool) -> Console:
    from rich.console import Console

    # A console asks for sys.stdout anew at every print, so it may be kept.
    return Console(stderr=stderr, width=None if terminal else WIDE, highlight=False, emoji=False)


def say(*parts: RenderableType) -> None:
    """Print to standard output."""
    out().print(*parts)


def tell(sentence: str) -> None:
    """Print one sentence about what was done."""
    from rich.text import Text

    out().print(Text(f"{sentence}."), soft_wrap=True)


def hint(text: str) -> None:
    """Print what to do next, dimly, where it does not get into a pipe."""
    from rich.text import Text

    errors().print(Text(text, style="dim"), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print rows under columns, or the sentence `empty`. A column that starts with `>` is flush right."""
    from rich.table import Table
    from rich.text import Text

    listed = [[cell if isinstance(cell, Text) else Text(plain(cell)) for cell in row] for row in rows]
    if not listed:
        hint(empty)
        return
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for position, column in enumerate(columns):
        right = column.startswith(">")
        shown.add_column(
            column.removeprefix(">"), justify="right" if right else "left", overflow="fold", no_wrap=position == 0
        )
    for row in listed:
        shown.add_row(*row)
    out().print(shown)


def facts(title: str, pairs: Mapping[str, object]) -> None:
    """Print a title and its facts, one a line; what is empty is left out."""
    from rich.table import Table
    from rich.text import Text

    say(Text(title, style="bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for word, value in pairs.items():
        cell = value if isinstance(value, Text) else Text(plain(value))
        if cell.plain not in {"", "–"}:
            grid.add_row(word, cell)
    say(grid)


def heading(text: str) -> None:
    """Print the name of a section."""
    from rich.text import Text

    say(Text(f"\n{text}", style="bold"))


def plain(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={plain(item)}" if item != "" else str(key) for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return str(value)


def moment(at: datetime) -> str:
    """A time in the reader's own zone, to the minute."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M")
