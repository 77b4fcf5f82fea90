"""Learning curves stay on their plate, whatever was measured."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from registry.domain.transfers.steps import EpochMetric
from registry.presenting.curves import Best
from registry.web.curve import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plots, table

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
def test_every_point_of_a_curve_lies_inside_the_plot(curve: list[EpochMetric]) -> None:
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


def test_without_measurements_no_curve_is_drawn() -> None:
    assert plots([]) == ()
    assert plots([EpochMetric(1, 1, "loss", "train", math.nan)]) == ()


def test_the_best_epoch_is_marked_at_its_place_in_the_plot() -> None:
    curve = [EpochMetric(epoch, epoch, "loss", "train", 1 / epoch) for epoch in range(1, 6)]
    (plot,) = plots(curve, Best(3))
    assert plot.best is not None
    assert (plot.best.at, plot.best.text) == (plot.lines[0].dots[2][0], "best: epoch 3")
    assert plot.description == "train: 1 at epoch 1, 0.2 at epoch 5. Best: epoch 3."
    assert plots(curve, Best(9))[0].best is None


def test_the_table_has_every_value_newest_first() -> None:
    curve = [
        EpochMetric(1, 10, "loss", "train", 0.5),
        EpochMetric(1, 10, "accuracy", "validation", 0.7),
        EpochMetric(2, 20, "loss", "train", math.inf),
    ]
    shown = table(curve, Best(1))
    assert shown.names == ("train loss", "validation accuracy")
    assert shown.rows == ((2, (math.inf, None)), (1, (0.5, 0.7)))
    assert shown.best == 1
