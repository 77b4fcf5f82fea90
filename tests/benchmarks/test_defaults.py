"""The benchmark of defaults: what an option loses to the best of each draw; no draw tests on what it learns."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from benchmarks.defaults import PARTS, SOLVERS, Cell, Pool, solved, table


def test_regret_is_what_an_option_loses_to_the_best_of_each_draw() -> None:
    found = {("a", 0): 0.9, ("b", 0): 0.8, ("a", 1): 0.7, ("b", 1): 0.8}
    cells: list[Cell] = [(option, "set", seed, value) for (option, seed), value in found.items()]
    console = Console(width=120, record=True, quiet=False, file=None)
    with console.capture() as caught:
        console.print(table("part", cells, draws=2))
    lines = {line.split("│")[1].strip(): line for line in caught.get().splitlines() if "│" in line}
    assert "0.800" in lines["a"]
    assert "5.0 ±" in lines["a"]  # 0 on the first draw, 10 points on the second
    assert "5.0 ±" in lines["b"]


def test_rows_to_learn_from_and_rows_to_test_on_are_others_and_the_same_for_each_option() -> None:
    pool = Pool([str(n) for n in range(900)], np.array(["x", "y"] * 450))
    learnt, tested = pool.draw(3, 200)
    assert (len(learnt), len(tested)) == (200, 500)
    assert not set(learnt.tolist()) & set(tested.tolist())
    again = pool.draw(3, 200)
    assert np.array_equal(learnt, again[0])
    assert np.array_equal(tested, again[1])


@pytest.mark.parametrize("option", SOLVERS)
def test_each_way_to_find_a_head_learns_features_that_tell_the_class(option: str) -> None:
    truth = np.array(["x", "y"] * 150)
    draw = np.random.default_rng(0)
    features = draw.normal(size=(300, 8)).astype(np.float32) + (truth == "x")[:, None] * 2
    assert solved(features, Pool(list(truth), truth), 0, 100, SOLVERS[option]) > 0.9


def test_every_default_that_the_page_names_has_its_part() -> None:
    assert {"features", "probe", "tuning", "rates", "augmentation"} == set(PARTS)
