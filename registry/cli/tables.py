"""Tables that fit the terminal: columns are dropped or shortened with `…`, and no word or number is broken.

What goes into a pipe or a file is never dropped or shortened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

GAP = 2
"""Columns between two columns."""
WHOLE, WORD = 28, 40
"""Widths up to which a column is never shortened: one of texts, and one of single words such as references."""
SHORTEST = 16
"""Characters that a shortened cell keeps at least."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A cell of several pieces, such as metrics: as many whole ones are shown as there is room for."""

    parts: Sequence[str]

    def __str__(self) -> str:
        return "  ".join(self.parts)

    def within(self, width: int, ellipsis: str) -> str:
        """As many pieces as fit `width`, then the ellipsis; the first is cut where even that does not fit."""
        for count in range(len(self.parts), 0, -1):
            text = "  ".join(self.parts[:count]) + (f" {ellipsis}" if count < len(self.parts) else "")
            if len(text) <= width:
                return text
        return cut(str(self), width, ellipsis)


@dataclass(frozen=True, slots=True)
class Column:
    """What the layout knows of a column: its heading, its cells, and what may be done to make it narrower."""

    head: str
    cells: Sequence[Text | Pieces]
    right: bool = False
    prose: bool = False
    """True where cells are sentences: they go on in the next line, between words."""

    @property
    def natural(self) -> int:
        """The width at which nothing is shortened."""
        return max(len(self.head), *map(_width, self.cells))

    @property
    def least(self) -> int:
        """The width below which it cannot be read: numbers whole, the first of several pieces, short texts whole."""
        heading = max(map(len, self.head.split()), default=0)
        if self.right:
            return max(heading, *map(_width, self.cells))
        firsts = [len(cell.parts[0]) + GAP for cell in self.cells if isinstance(cell, Pieces) and cell.parts]
        if firsts:
            return min(self.natural, max(heading, *firsts))
        one_word = not any(" " in str(cell) for cell in self.cells)
        if self.natural <= WHOLE or (one_word and self.natural <= WORD):
            return self.natural
        return max(heading, WORD if one_word else SHORTEST)


def fitted(columns: Sequence[Column], room: int, drop: Sequence[str]) -> tuple[Sequence[int], Sequence[int]]:
    """Which columns are shown (their places), and how wide each is, in `room` characters.

    The first column always stays. The columns named by `drop` go first, in that order, then the last ones.
    """
    kept = list(range(len(columns)))
    order = [place for head in drop for place in kept if columns[place].head == head]
    order += [place for place in reversed(kept[1:]) if place not in order]
    while len(kept) > 1 and _sum(columns[place].least for place in kept) > room:
        kept.remove(order.pop(0))
    widths = {place: columns[place].natural for place in kept}
    while (surplus := _sum(widths.values()) - room) > 0:
        widest = max(kept, key=lambda place: (widths[place] - columns[place].least, widths[place]))
        spare = widths[widest] - columns[widest].least
        if spare <= 0:
            widths[kept[0]] = max(1, widths[kept[0]] - surplus)
            break
        widths[widest] -= min(spare, max(1, surplus // 4))
    return kept, [widths[place] for place in kept]


def shortened(cell: Text | Pieces, width: int, ellipsis: str) -> Text:
    """The cell in at most `width` characters."""
    from rich.text import Text

    if isinstance(cell, Pieces):
        return Text(cell.within(width, ellipsis))
    if _width(cell) <= width:
        return cell
    short = cell.copy()
    short.truncate(max(0, width - len(ellipsis)))
    short.rstrip()
    return short.append(ellipsis)


def cut(text: str, width: int, ellipsis: str) -> str:
    """`text` in at most `width` characters, with the ellipsis where it was cut."""
    return text if len(text) <= width else text[: max(0, width - len(ellipsis))].rstrip() + ellipsis


def _width(cell: Text | Pieces) -> int:
    return len(str(cell)) if isinstance(cell, Pieces) else cell.cell_len


def _sum(widths: Iterable[int]) -> int:
    counted = list(widths)
    return sum(counted) + GAP * (len(counted) - 1)
