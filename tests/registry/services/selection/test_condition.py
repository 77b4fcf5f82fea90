"""Weights that were never trained are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lineage.kinship.tensors import TensorInfo
from registry.services.context import Context
from registry.services.selection.condition import constant, untrained
from tests.registry.services.selection.worlds import order, recommend


def test_an_untrained_checkpoint_comes_last_whatever_it_scores(context: Context) -> None:
    report = recommend(context, "strong-untrained", "weak")
    assert order(report) == ["weak", "strong-untrained"]
    assert "it was never trained" in report.ranked[1].flag
    assert [start.model.name.name for start in report.starts] == ["weak"]


@dataclass
class Given:
    """Weights by name, as a reader gives them."""

    arrays: Mapping[str, np.ndarray]

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        return {name: TensorInfo(name, "F32", array.shape) for name, array in self.arrays.items()}

    def raw(self, name: str) -> np.ndarray:
        return self.arrays[name].reshape(-1)


def test_statistics_that_moved_are_those_of_a_trained_model() -> None:
    fresh = {"bn.running_mean": np.zeros(4, np.float32), "bn.running_var": np.ones(4, np.float32)}
    assert "statistics that they begin with" in untrained(Given(fresh))
    assert untrained(Given(fresh | {"bn.running_mean": np.full(4, 0.1, np.float32)})) == ""
    assert untrained(Given({"last.weight": np.ones((3, 4), np.float32)})) == ""  # no normalisation: nothing is shown


def test_features_that_never_vary_are_said_to_say_nothing() -> None:
    assert constant(np.ones((20, 5), np.float32)) == "100% of its features are the same for every row"
    assert constant(np.random.default_rng(0).normal(size=(20, 5))) == ""
