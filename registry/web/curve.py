"""Learning curves as points on a plate of fixed size, ready for an inline SVG."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from registry.domain.transfers import EpochMetric

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 30


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
    """Which of the plate's colours (1 to 6)."""


@dataclass(frozen=True, slots=True)
class Plot:
    """One metric over the epochs, a line per role. Pixels, y pointing down."""

    metric: str
    lines: tuple[Line, ...]
    x_marks: tuple[Mark, ...]
    y_marks: tuple[Mark, ...]


def plots(curve: Sequence[EpochMetric]) -> tuple[Plot, ...]:
    """One plot per metric, in order of first appearance. Values that are not finite leave a gap."""
    by_metric: dict[str, dict[str, list[EpochMetric]]] = defaultdict(lambda: defaultdict(list))
    for point in curve:
        if math.isfinite(point.value):
            by_metric[point.name][point.role].append(point)
    roles = sorted({point.role for point in curve})
    return tuple(_plot(metric, lines, roles) for metric, lines in by_metric.items())


def _plot(metric: str, by_role: dict[str, list[EpochMetric]], roles: Sequence[str]) -> Plot:
    points = [point for line in by_role.values() for point in line]
    low, high = _nice_range([point.value for point in points])
    first, last = min(p.epoch for p in points), max(p.epoch for p in points)
    span = max(last - first, 1)

    def x(epoch: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (epoch - first) / span, 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low), 1)

    lines = []
    for role, line in by_role.items():
        ordered = sorted(line, key=lambda point: (point.epoch, point.step))
        dots = tuple((x(point.epoch), y(point.value)) for point in ordered)
        text = " ".join(f"{px},{py}" for px, py in dots)
        lines.append(Line(role, text, dots, ordered[-1].value, roles.index(role) % 6 + 1))
    every = max(1, math.ceil(span / 8))
    epochs = range(first, last + 1, every)
    ticks = [low + (high - low) * i / 4 for i in range(5)]
    return Plot(
        metric,
        tuple(lines),
        tuple(Mark(x(epoch), str(epoch)) for epoch in epochs),
        tuple(Mark(y(tick), f"{tick:.3g}") for tick in ticks),
    )


def _nice_range(values: Sequence[float]) -> tuple[float, float]:
    """Bounds around `values` at round numbers, never empty. What differs by rounding alone is a flat line."""
    low, high = min(values), max(values)
    size = max(abs(low), abs(high))
    if high - low < 1e-9 * max(size, 1e-3):
        pad = max(size / 10, 1e-6)
        return low - pad, high + pad
    step = 10 ** math.floor(math.log10(high - low))
    for divisor in (1, 2, 5):
        if (high - low) / (step / divisor) >= 3:
            step /= divisor
            break
    return math.floor(low / step) * step, math.ceil(high / step) * step
