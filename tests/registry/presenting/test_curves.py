"""Which epoch is best, and how curves are laid out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from registry.domain.names import Name
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import EpochMetric, MirrorState, StepDetail, StepState, StepSummary
from registry.presenting.curves import Best, best, by_metric
from tests.builders import NOW

STEP = StepDetail(
    StepSummary(
        "step-1", Method.FINE_TUNING, "torch", StepState.RUNNING, None, Name("vision", "digits"), NOW, "ana", NOW, None,
        2.0, 4, None,
    ),
    (), {"metrics": ["accuracy"]}, (), (), None, None, MirrorState("off"),
)  # fmt: skip


def point(epoch: int, name: str, value: float, role: str = "validation") -> EpochMetric:
    return EpochMetric(epoch, epoch * 10, name, role, value)


def curve(**values: list[float]) -> tuple[EpochMetric, ...]:
    """Validation values of each metric, epoch by epoch."""
    return tuple(
        point(epoch, name, value) for name, line in values.items() for epoch, value in enumerate(line, start=1)
    )


@pytest.mark.parametrize(
    ("metrics", "measured", "wanted"),
    [
        (["accuracy"], {"accuracy": [0.5, 0.9, 0.8]}, Best(2, "accuracy", "validation", 0.9)),
        (["rmse", "r2"], {"rmse": [3.0, 2.0, 2.5], "r2": [0.1, 0.2, 0.9]}, Best(2, "rmse", "validation", 2.0)),
        ([], {"loss": [0.9, 0.5, 0.7]}, Best(2, "loss", "validation", 0.5)),
        (["accuracy"], {"accuracy": [0.9, 0.9], "loss": [0.4, 0.3]}, Best(2, "accuracy", "validation", 0.9)),
        (["accuracy"], {"accuracy": [0.9, 0.9, 0.9]}, Best(1, "accuracy", "validation", 0.9)),
        (["accuracy"], {"accuracy": [0.5, math.nan]}, Best(1, "accuracy", "validation", 0.5)),
    ],
)
def test_the_best_epoch_so_far_is_that_of_the_metric_that_chooses(
    metrics: list[str], measured: dict[str, list[float]], wanted: Best
) -> None:
    assert best(replace(STEP, recipe={"metrics": metrics}, curve=curve(**measured))) == wanted


def test_the_manifest_has_the_last_word() -> None:
    ended = replace(STEP, curve=curve(accuracy=[0.9, 0.5]), manifest={"facts": {"best_epoch": 2}})
    assert best(ended) == Best(2, "accuracy", "validation", 0.5)
    alone = best(replace(STEP, manifest={"facts": {"best_epoch": 3}}))
    assert alone is not None
    assert (alone.epoch, alone.metric) == (3, "")


def test_without_validation_data_nothing_is_best_before_the_end() -> None:
    assert best(replace(STEP, curve=(point(1, "loss", 0.5, "train"),))) is None


def test_lines_are_in_order_of_training_and_leave_out_what_is_no_number() -> None:
    found = by_metric([point(2, "loss", 0.4), point(1, "loss", 0.9), point(3, "loss", math.nan)])
    assert [p.epoch for p in found["loss"]["validation"]] == [1, 2]
    assert by_metric([point(1, "loss", math.inf)]) == {}
