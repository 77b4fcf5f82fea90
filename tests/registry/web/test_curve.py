"""Learning curves stay on their plate, whatever was measured."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from registry.domain.transfers import EpochMetric
from registry.web.curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plots

points = st.builds(
    EpochMetric,
    epoch=st.integers(0, 500),
    step=st.integers(0, 10_000),
    name=st.sampled_from(["loss", "accuracy"]),
    role=st.sampled_from(["train", "validation", "test"]),
    value=st.floats(-1e9, 1e9) | st.just(math.nan) | st.just(math.inf),
)


@given(st.lists(points, max_size=40))
@example([EpochMetric(0, 0, "loss", "train", 5e-324)])
@example([EpochMetric(0, 0, "loss", "train", 1e9), EpochMetric(1, 1, "loss", "train", 1e9 + 1e-6)])
def test_every_point_lies_on_the_plate(curve: list[EpochMetric]) -> None:
    for plot in plots(curve):
        for line in plot.lines:
            for x, y in line.dots:
                assert LEFT <= x <= WIDTH - RIGHT
                assert TOP <= y <= HEIGHT - BOTTOM
        assert len(plot.x_marks) <= 10
        assert [mark.at for mark in plot.y_marks] == sorted((mark.at for mark in plot.y_marks), reverse=True)


def test_a_better_value_is_higher_and_a_later_epoch_further_right() -> None:
    curve = [EpochMetric(epoch, epoch, "accuracy", "train", value) for epoch, value in ((1, 0.5), (2, 0.7), (3, 0.9))]
    (plot,) = plots(curve)
    (line,) = plot.lines
    assert [x for x, _ in line.dots] == sorted(x for x, _ in line.dots)
    assert [y for _, y in line.dots] == sorted((y for _, y in line.dots), reverse=True)
    assert line.last == 0.9


def test_nothing_measured_is_nothing_drawn() -> None:
    assert plots([]) == ()
    assert plots([EpochMetric(1, 1, "loss", "train", math.nan)]) == ()
