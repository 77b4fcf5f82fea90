"""Learning curves as points on a plate of fixed size, ready for an inline SVG, and as a table for who wants numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.domain.transfers.steps import EpochMetric
from registry.presenting.curves import Best, by_metric, nice_range
from registry.presenting.formats import number

WIDTH, HEIGHT = 440, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 20, 44
MOST_DOTS = 40
"""A line of more points is drawn without a dot on each."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A label on an axis: where (pixels) and what."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One role's values over the epochs: SVG points, and the last value for the legend."""

    role: str
    points: str
    dots: tuple[tuple[float, float], ...]
    last: float
    colour: int
    """Which of the plate's colours and dashes (1 to 6)."""
    description: str
    """The line in words."""

    @property
    def dotted(self) -> bool:
        """True where each point has room for a dot."""
        return len(self.dots) <= MOST_DOTS


@dataclass(frozen=True, slots=True)
class Plot:
    """One metric over the epochs, a line per role. Pixels, y pointing down."""

    metric: str
    lines: tuple[Line, ...]
    x_marks: tuple[Mark, ...]
    y_marks: tuple[Mark, ...]
    best: Mark | None
    """Where the best epoch is."""

    @property
    def description(self) -> str:
        """The plot in words."""
        lines = "; ".join(line.description for line in self.lines)
        return f"{lines}. {self.best.text.capitalize()}." if self.best else f"{lines}."


@dataclass(frozen=True, slots=True)
class Table:
    """Values by epoch, newest first: a row is an epoch and a value (or None) for each of `names`."""

    names: tuple[str, ...]
    rows: tuple[tuple[int, tuple[float | None, ...]], ...]
    best: int | None


def plots(curve: Sequence[EpochMetric], best: Best | None = None) -> tuple[Plot, ...]:
    """One plot per metric, in order of first appearance. Values that are not finite leave a gap."""
    roles = sorted({point.role for point in curve})
    return tuple(_plot(metric, lines, roles, best) for metric, lines in by_metric(curve).items())


def table(curve: Sequence[EpochMetric], best: Best | None = None) -> Table:
    """Every value, also what is not finite; of an epoch that was measured twice the later one."""
    names = tuple(dict.fromkeys(f"{point.role} {point.name}" for point in curve))
    epochs: dict[int, dict[str, float]] = {}
    for point in curve:
        epochs.setdefault(point.epoch, {})[f"{point.role} {point.name}"] = point.value
    rows = ((epoch, tuple(values.get(name) for name in names)) for epoch, values in epochs.items())
    return Table(names, tuple(sorted(rows, reverse=True)), best.epoch if best else None)


def _plot(metric: str, by_role: Mapping[str, Sequence[EpochMetric]], roles: Sequence[str], best: Best | None) -> Plot:
    points = [point for line in by_role.values() for point in line]
    low, high = nice_range([point.value for point in points])
    first, last = min(p.epoch for p in points), max(p.epoch for p in points)
    span = max(last - first, 1)

    def x(epoch: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (epoch - first) / span, 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low), 1)

    lines = []
    for role, line in by_role.items():
        dots = tuple((x(point.epoch), y(point.value)) for point in line)
        text = " ".join(f"{px},{py}" for px, py in dots)
        begin, end = line[0], line[-1]
        description = f"{role}: {number(begin.value)} at epoch {begin.epoch}, {number(end.value)} at epoch {end.epoch}"
        lines.append(Line(role, text, dots, end.value, roles.index(role) % 6 + 1, description))
    every = max(1, math.ceil(span / 6))
    ticks = [low + (high - low) * i / 4 for i in range(5)]
    return Plot(
        metric,
        tuple(lines),
        tuple(Mark(x(epoch), str(epoch)) for epoch in range(first, last + 1, every)),
        tuple(Mark(y(tick), f"{tick:.3g}") for tick in ticks),
        Mark(x(best.epoch), f"best: epoch {best.epoch}") if best and first <= best.epoch <= last else None,
    )
