"""How good a version is by the main metric of its own task, against a constant answer and the version in production."""

from __future__ import annotations

from collections.abc import Mapping

from registry.domain.transfers.metrics import BASELINE, LESS_IS_BETTER

MAIN = ("accuracy", "macro_f1", "subset_accuracy", "rmse", "mae")
"""The main metric of a task is the first of these that was measured together with its baseline."""


def quality(metrics: Mapping[str, float], production: Mapping[str, float]) -> dict[str, object]:
    """What a policy reads as `quality`; empty where no main metric was measured.

    `gain` is what it is better by than the same answer to every row, `change` by than the version in production: the
    difference, and for errors (`rmse`, `mae`) the part of the other's error that it saves. Larger is better.
    """
    main = next((name for name in MAIN if name in metrics and BASELINE + name in metrics), None)
    if main is None:
        return {}
    value, constant = metrics[main], metrics[BASELINE + main]
    facts: dict[str, object] = {"metric": main, "value": value, "constant": constant}
    facts |= _better(main, "gain", value, constant)
    if main in production:
        facts |= {"production": production[main], **_better(main, "change", value, production[main])}
    return facts


def merit(metrics: Mapping[str, float]) -> tuple[str, float] | None:
    """The main metric and its value, larger is better: of an error, the share of a constant answer's that it saves.

    None where no main metric was measured, or an error without that of the constant answer.
    """
    for name in MAIN:
        constant = metrics.get(BASELINE + name, 0.0)
        if name in metrics and name not in LESS_IS_BETTER:
            return name, metrics[name]
        if name in metrics and constant > 0:
            return name, (constant - metrics[name]) / constant
    return None


def _better(metric: str, name: str, value: float, other: float) -> dict[str, float]:
    """What `value` is better by than `other`; nothing where the other's error is 0, of which no part can be saved."""
    if metric not in LESS_IS_BETTER:
        return {name: value - other}
    return {name: (other - value) / other} if other > 0 else {}
