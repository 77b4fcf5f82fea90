"""How far what normalisations meet is from the statistics that they keep."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from adapters.loop.machine.device import probe
from adapters.loop.training.learner import ArrayItems
from adapters.loop.training.statistics import apart_from_kept
from registry.domain.comparison.statistics.feature_summaries import energy


def kept(module: nn.Module, rows: torch.Tensor) -> float | None:
    def predict(inputs: object) -> torch.Tensor:
        assert isinstance(inputs, torch.Tensor)
        found: torch.Tensor = module(inputs)
        return found

    found = apart_from_kept(predict, module, ArrayItems(rows), np.zeros(len(rows)), probe("cpu", "fp32"))
    assert found is None or found["layers"] == 1
    return None if found is None else found["energy"]


def test_the_energy_is_that_of_draws_from_the_two_distributions() -> None:
    even = torch.special.ndtri((torch.arange(1_000) + 0.5) / 1_000)[:, None]  # a normal distribution without luck
    norm = nn.BatchNorm1d(1)
    norm.running_mean, norm.running_var = torch.tensor([1.0]), torch.tensor([4.0])
    rows = even * 0.5 + 3
    old = even * 2 + 1
    assert kept(norm, rows) == pytest.approx(energy(old.double().numpy(), rows.double().numpy()), abs=0.005)


def test_rows_like_those_that_were_learnt_from_are_at_no_distance_and_shifted_ones_are() -> None:
    draw = torch.Generator().manual_seed(1)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, momentum=None), nn.ReLU(), nn.Flatten())
    old = torch.rand(256, 3, 9, 9, generator=draw)
    net.train()(old)
    again = torch.rand(128, 3, 9, 9, generator=draw)
    found = [kept(net, rows) for rows in (again, again * 0.3, again * 0.3 + 2)]
    assert found[0] == pytest.approx(0.0, abs=0.01)
    assert found[0] < found[1] < found[2] <= 1  # type: ignore[operator]
    assert not any(part._forward_pre_hooks for part in net.modules()), "nothing stays behind"


def test_a_model_without_running_statistics_gives_no_figure() -> None:
    assert kept(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), torch.zeros(9, 2)) is None
