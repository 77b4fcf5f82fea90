"""Printing for people: consoles, tables and small formats. Rich is imported when the first line is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from registry.cli import tables
from registry.cli.streams import is_unicode
from registry.presenting.formats import number

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

WIDE = 10_000
"""Columns of a table that goes into a pipe: wide enough that nothing is cut."""


def out() -> Console:
    """The console of standard output."""
    return _console(sys.stdout.isatty(), os.environ.get("COLUMNS"), stderr=False)


def errors() -> Console:
    """The console of standard error."""
    return _console(sys.stderr.isatty(), os.environ.get("COLUMNS"), stderr=True)


@cache
def _console(terminal: bool, columns: str | None, *, stderr: bool) -> Console:  # noqa: ARG001 - part of the cache key
    """`columns` is read by rich itself; it is here because a console is kept for one width."""
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


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str, drop: Sequence[str] = (), prose: str = ""
) -> None:
    """Print rows under columns, or the sentence `empty`. A column that starts with `>` is flush right.

    On a terminal too narrow for it, the columns named by `drop` are left out first, in that order, and long cells are
    shortened; those of the column `prose` go on in the next line instead.
    """
    from rich.table import Table

    listed = [[_cell(value) for value in row] for row in rows]
    if not listed:
        hint(empty)
        return
    heads = [column.removeprefix(">") for column in columns]
    every = [
        tables.Column(head, cells, right=columns[place].startswith(">"), prose=head == prose and bool(prose))
        for place, (head, cells) in enumerate(zip(heads, zip(*listed, strict=True), strict=True))
    ]
    kept, widths = tables.fitted(every, out().width, drop)
    ellipsis = "…" if is_unicode() else "..."
    shown = Table(box=None, pad_edge=False, header_style="bold", padding=(0, tables.GAP, 0, 0), collapse_padding=True)
    for place, width in zip(kept, widths, strict=True):
        shown.add_column(heads[place], justify="right" if every[place].right else "left", width=width)
    for row in listed:
        shown.add_row(
            *(
                _whole(row[place]) if every[place].prose else tables.shortened(row[place], width, ellipsis)
                for place, width in zip(kept, widths, strict=True)
            )
        )
    out().print(shown)
    if left_out := [head for place, head in enumerate(heads) if place not in kept]:
        hint(f"Not shown at this width: {', '.join(left_out)}. A wider terminal or --output json shows all.")


def _cell(value: object) -> Text | tables.Pieces:
    from rich.text import Text

    return value if isinstance(value, Text | tables.Pieces) else Text(plain(value))


def _whole(cell: Text | tables.Pieces) -> Text:
    from rich.text import Text

    return cell if isinstance(cell, Text) else Text(str(cell))


def facts(title: str, pairs: Mapping[str, object]) -> None:
    """Print a title and its facts, one a line; what is empty is left out.

    A value goes on in the next line between words. One that holds a word longer than the line, such as a digest, has
    lines of its own, so that it is not broken.
    """
    from rich.text import Text

    say(Text(title, style="bold"))
    shown = {word: _whole(_cell(value)) for word, value in pairs.items()}
    shown = {word: cell for word, cell in shown.items() if cell.plain not in {"", "–"}}
    margin = max(map(len, shown), default=0) + tables.GAP
    for word, cell in shown.items():
        room = out().width - margin
        label = Text(word.ljust(margin), style="dim")
        if max(map(len, cell.plain.split()), default=0) > room:
            out().print(Text(word, style="dim"))
            out().print(Text(" " * tables.GAP) + cell, soft_wrap=True)
            continue
        first, *others = cell.wrap(out(), room)
        out().print(label + first, soft_wrap=True)
        for line in others:
            out().print(Text(" " * margin) + line, soft_wrap=True)


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
