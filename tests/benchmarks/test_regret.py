"""The benchmark of choosing: what each rule loses is counted right, on outcomes that are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.material.decoys import CHANGES
from benchmarks.regret import SEEDS, Target, interval, judged


def target(name: str, worth: list[float], hoped: list[float], sizes: list[int]) -> Target:
    return Target(name, sizes, [hoped] * SEEDS, [worth] * SEEDS)


def test_what_each_rule_loses_is_the_best_less_its_first_choice() -> None:
    targets = [
        target("one", [0.9, 0.5, 0.4], [0.0, -1.0, -2.0], [10, 10, 5]),
        target("other", [0.3, 0.8, 0.4], [0.0, -1.0, -2.0], [10, 10, 5]),
    ]
    found = judged(targets)
    assert found["scores"][0] == pytest.approx([0.0, 0.5])
    assert found["size"][0] == pytest.approx([0.2, 0.25]), "of equals, their mean loss"
    assert found["history"][0] == pytest.approx([0.4, 0.5]), "the order of the other target alone"
    assert found["chance"][0] == pytest.approx([0.3, 0.3])


def test_an_interval_over_targets_holds_their_mean() -> None:
    mean, low, high = interval(np.array([1.0, 2.0, 3.0, 4.0]))
    assert (mean, low < mean < high) == (2.5, True)
    assert interval(np.array([2.0, 2.0]))[1:] == (2.0, 2.0)


@pytest.mark.parametrize("change", CHANGES)
def test_a_decoy_has_the_shape_and_the_type_of_the_real_weights_and_not_their_values(change: str) -> None:
    draw = np.random.default_rng(0)
    real = draw.normal(size=(8, 4)).astype(np.float32)
    decoy = CHANGES[change]("layer.weight", real, draw)
    assert (decoy.shape, decoy.dtype) == (real.shape, real.dtype)
    assert not np.allclose(decoy, real)
