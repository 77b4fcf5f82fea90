"""Learning curves as people look at them: a plate for each metric, a line for each role, the best epoch marked."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.domain.transfers.metrics import LESS_IS_BETTER
from registry.domain.transfers.steps import EpochMetric, StepDetail

OFF_THE_PLATE = 1e100


@dataclass(frozen=True, slots=True)
class Best:
    """The epoch whose weights the step keeps, and what it was chosen by (empty: it is the last)."""

    epoch: int
    metric: str = ""
    role: str = ""
    value: float = math.nan


def by_metric(curve: Sequence[EpochMetric]) -> Mapping[str, Mapping[str, Sequence[EpochMetric]]]:
    """Points by metric, then by role, both in order of first appearance, in order of training.

    Values that are not finite, or as good as that, leave a gap: there is no place for them on a plate.
    """
    found: dict[str, dict[str, list[EpochMetric]]] = defaultdict(lambda: defaultdict(list))
    for point in sorted(curve, key=lambda p: (p.epoch, p.step)):
        if abs(point.value) < OFF_THE_PLATE:
            found[point.name][point.role].append(point)
    return found


def best(step: StepDetail) -> Best | None:
    """The best epoch: as the manifest has it, and before there is one, as the validation curve says so far.

    None while nothing was measured on validation data.
    """
    held_out = [p for p in step.curve if p.role == "validation" and math.isfinite(p.value)]
    names = [str(name) for name in _listed(step.recipe.get("metrics"))]
    chooser = next((name for name in [*names, "loss"] if any(p.name == name for p in held_out)), None)
    values = {p.epoch: p for p in held_out if p.name == chooser}
    kept = (step.manifest or {}).get("facts")
    epoch = kept.get("best_epoch") if isinstance(kept, Mapping) else None
    if not isinstance(epoch, int):
        if chooser is None:
            return None
        losses = {p.epoch: p.value for p in held_out if p.name == "loss"}
        sign = -1 if chooser in LESS_IS_BETTER else 1
        epoch = max(values, key=lambda e: (sign * values[e].value, -losses.get(e, 0.0), -e))
    if chooser is None or epoch not in values:
        return Best(epoch)
    return Best(epoch, chooser, "validation", values[epoch].value)


def nice_range(values: Sequence[float]) -> tuple[float, float]:
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


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
