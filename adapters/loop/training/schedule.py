"""Learning rate schedules: a pure function of the step, so that there is no scheduler state to save."""

from __future__ import annotations

import math
from collections.abc import Callable

from registry.domain.recipes.recipe import Schedule
from registry.errors import BadRecipeError


def rate(schedule: Schedule, steps: int) -> Callable[[int], float]:
    """The factor on every group's learning rate at step 0, 1, … of `steps`.

    After a linear warm-up over `schedule.warmup * steps` steps: `constant` stays 1, `linear` and `cosine` (half a
    period; Loshchilov & Hutter 2017, SGDR, without restarts) fall towards 0 at the end, and `staircase` is divided by
    ten at each of `schedule.drops` (shares of all steps; Kolesnikov and others 2020, BiT).
    Raises: BadRecipeError for an unknown name or a warm-up outside [0, 1).
    """
    if not 0 <= schedule.warmup < 1:
        raise BadRecipeError(
            f"'schedule.warmup' is {schedule.warmup}", remedy="Use a share of all steps: 0 or more, and below 1"
        )
    warm = round(schedule.warmup * steps)
    rest = max(1, steps - warm)
    shapes: dict[str, Callable[[float], float]] = {
        "constant": lambda _: 1.0,
        "linear": lambda done: 1.0 - done,
        "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
        "staircase": lambda _: 1.0,
    }
    if schedule.name not in shapes:
        raise BadRecipeError(f"'schedule.name' is {schedule.name!r}", remedy=f"Choose one of {', '.join(shapes)}")
    shape = shapes[schedule.name]

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        if schedule.name == "staircase":  # its drops are shares of all steps, warm-up included
            return float(0.1 ** sum(step >= round(drop * steps) for drop in schedule.drops))
        return shape(min(1.0, (step - warm) / rest))

    return factor
