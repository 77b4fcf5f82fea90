"""Learning curves drawn with characters: dots of Braille where there is colour, a letter for each line where not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from registry.presenting import formats
from registry.presenting.curves import Best, by_metric, nice_range

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from registry.domain.transfers.steps import EpochMetric

COLOURS = ("green", "yellow", "blue", "magenta", "cyan", "red")
GLYPHS, ASCII_GLYPHS = "•×+o▪◦", "*x+o#%"
HEIGHT = 8
"""Rows of a plate."""
WIDEST = 90
"""Columns of a plate: a longer line is harder to read, not easier."""
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a Braille character by row and column of its dots (Unicode block U+2800)."""


@dataclass(frozen=True, slots=True)
class _Pen:
    """What the terminal can show."""

    colour: bool
    ascii: bool

    @property
    def fine(self) -> bool:
        """True if lines are distinguished by colour, so that they can be drawn with dots."""
        return self.colour and not self.ascii

    @property
    def frame(self) -> tuple[str, str, str, str]:
        """A tick, the side, the corner and the floor of a plate."""
        return ("+", "|", "+", "-") if self.ascii else ("┤", "│", "└", "─")

    def glyph(self, number: int) -> str:
        """The character of a line where it is not drawn in dots."""
        glyphs = ASCII_GLYPHS if self.ascii else GLYPHS
        return glyphs[number % len(glyphs)]

    def style(self, number: int) -> str:
        """Of a line, on a dim ground."""
        return f"not dim not bold {COLOURS[number % len(COLOURS)]}" if self.colour else "not dim not bold"


def draw(console: Console, curve: Sequence[EpochMetric], best: Best | None) -> None:
    """Print a plate for each metric of `curve` in the width of `console`. One epoch alone is no curve: not drawn."""
    from rich.text import Text

    width = max(24, min(console.width, WIDEST))
    colour = console.is_terminal and not console.no_color and console.color_system is not None
    pen = _Pen(colour, not console.encoding.lower().startswith("utf"))
    plates = {
        metric: roles
        for metric, roles in by_metric(curve).items()
        if len({point.epoch for line in roles.values() for point in line}) > 1
    }
    for metric, roles in plates.items():
        for line in (_title(metric, roles, pen), *_plate(roles, width, pen)):
            console.print(line, soft_wrap=True)
    if plates and best is not None:
        text = f"Best epoch: {best.epoch}"
        if best.metric:
            text += f", with {best.role} {best.metric} {formats.number(best.value)}"
        console.print(Text(text, style="dim"), soft_wrap=True)


def _title(metric: str, roles: Mapping[str, Sequence[EpochMetric]], pen: _Pen) -> Text:
    from rich.text import Text

    text = Text(metric, style="bold")
    for number, (role, points) in enumerate(roles.items()):
        text.append("   ").append("━━" if pen.fine else pen.glyph(number), style=pen.style(number))
        text.append(f" {role} {formats.number(points[-1].value)}", style="not bold")
    return text


def _plate(roles: Mapping[str, Sequence[EpochMetric]], width: int, pen: _Pen) -> Sequence[Text]:
    """The axes with their labels and the lines between them."""
    from rich.text import Text

    points = [point for line in roles.values() for point in line]
    low, high = nice_range([point.value for point in points])
    first, last = min(p.epoch for p in points), max(p.epoch for p in points)
    labels = {0: f"{high:.3g}", HEIGHT // 2: f"{(low + high) / 2:.3g}", HEIGHT - 1: f"{low:.3g}"}
    margin = max(map(len, labels.values())) + 1
    columns = width - margin - 2
    cells = _Cells(columns, HEIGHT, fine=pen.fine)
    for number, line in enumerate(roles.values()):
        cells.line([((p.epoch - first) / (last - first), (high - p.value) / (high - low)) for p in line], number)
    tick, side, corner, floor = pen.frame
    lines = []
    for row in range(HEIGHT):
        shown = Text(f"{labels.get(row, ''):>{margin}} {tick if row in labels else side}", style="dim")
        for bits, number in cells.row(row):
            text = "".join(" " if not b else chr(0x2800 + b) if pen.fine else pen.glyph(number) for b in bits)
            shown.append(text, style=pen.style(number))
        shown.rstrip()
        lines.append(shown)
    lines.append(Text(f"{'':>{margin}} {corner}{floor * columns}", style="dim"))
    lines.append(Text(f"{'':>{margin}}  {_epochs(first, last, columns)}", style="dim"))
    return lines


def _epochs(first: int, last: int, columns: int) -> str:
    """Labels under the axis, as many as have room, each under its place."""
    word = "epoch"
    room = columns - len(word) - 1
    every = max(1, math.ceil((last - first) * (len(str(last)) + 3) / max(room, 1)))
    shown = [" "] * columns
    for epoch in range(first, last + 1, every):
        label = str(epoch)
        at = round((columns - 1) * (epoch - first) / max(last - first, 1))
        at = min(at, room - len(label))
        if all(c == " " for c in shown[max(at - 1, 0) : at + len(label) + 1]):
            shown[at : at + len(label)] = label
    shown[-len(word) :] = word
    return "".join(shown)


class _Cells:
    """A grid of characters; fine, each is two dots wide and four high."""

    def __init__(self, columns: int, rows: int, *, fine: bool) -> None:
        self._wide, self._high = (2, 4) if fine else (1, 1)
        self._columns, self._fine = columns, fine
        self._bits = [[0] * columns for _ in range(rows)]
        self._owner = [[-1] * columns for _ in range(rows)]

    def line(self, places: Sequence[tuple[float, float]], number: int) -> None:
        """A line through `places` (shares of width and height from the upper left); later lines lie above."""
        across, down = self._columns * self._wide - 1, len(self._bits) * self._high - 1
        dots = [(round(x * across), round(y * down)) for x, y in places]
        for x, y in dots[:1]:
            self._dot(x, y, number)
        for (x0, y0), (x1, y1) in pairwise(dots):
            steps = max(abs(x1 - x0), abs(y1 - y0), 1)
            for i in range(1, steps + 1):
                self._dot(x0 + round((x1 - x0) * i / steps), y0 + round((y1 - y0) * i / steps), number)

    def _dot(self, x: int, y: int, number: int) -> None:
        row, column = y // self._high, x // self._wide
        self._bits[row][column] |= _DOTS[y % 4][x % 2] if self._fine else 1
        self._owner[row][column] = number

    def row(self, row: int) -> Iterator[tuple[Sequence[int], int]]:
        """The bits of a row's characters from left to right, in runs of one line (-1: of none)."""
        cells = zip(self._bits[row], self._owner[row], strict=True)
        for owner, run in groupby(cells, key=lambda cell: cell[1]):
            yield [bits for bits, _ in run], owner
