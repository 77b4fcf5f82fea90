"""Learning rate schedules."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adapters.loop.training.schedule import rate
from registry.domain.recipes.recipe import Schedule
from registry.errors import BadRecipeError


@given(st.sampled_from(["constant", "linear", "cosine"]), st.floats(0, 0.9), st.integers(1, 300))
def test_learning_rates_rise_then_fall_and_stay_between_zero_and_the_peak(name: str, warmup: float, steps: int) -> None:
    factor = rate(Schedule(name, warmup), steps)
    values = [factor(step) for step in range(steps)]
    assert all(0 <= value <= 1 for value in values)
    peak = values.index(max(values))
    assert values[:peak] == sorted(values[:peak])
    assert values[peak:] == sorted(values[peak:], reverse=True)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_shapes_are_those_of_torch(name: str) -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs: torch.optim.lr_scheduler.LRScheduler
    if name == "linear":
        theirs = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=50)
    else:
        theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    ours = rate(Schedule(name), 50)
    for step in range(50):
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        theirs.step()


def test_warm_up_is_linear_and_reaches_the_whole_rate() -> None:
    factor = rate(Schedule("constant", 0.1), 40)
    assert [factor(step) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_cosine_is_at_half_in_the_middle() -> None:
    assert math.isclose(rate(Schedule("cosine"), 100)(50), 0.5)


@pytest.mark.parametrize("schedule", [Schedule("onecycle"), Schedule("linear", 1.0), Schedule("linear", -0.1)])
def test_what_cannot_be_scheduled_is_refused(schedule: Schedule) -> None:
    with pytest.raises(BadRecipeError):
        rate(schedule, 10)
