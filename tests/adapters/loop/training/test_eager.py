from typing import Any

import pytest
import torch
from torch import nn

from adapters.loop.training import eager

KINDS: list[tuple[Any, Any, dict[str, Any]]] = [
    (eager.AdamW, torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.1, "fused": True}),
    (eager.SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "fused": True}),
    (eager.LBFGS, torch.optim.LBFGS, {"lr": 0.1, "max_iter": 5}),
]


def trained(kind: Any, settings: dict[str, Any]) -> tuple[torch.Tensor, dict[str, Any]]:
    torch.manual_seed(0)
    layer, x = nn.Linear(3, 2), torch.randn(8, 3)
    optimizer = kind(layer.parameters(), **settings)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss: torch.Tensor = layer(x).square().mean()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    return layer.weight.detach(), optimizer.state_dict()


@pytest.mark.parametrize(("ours", "torchs", "settings"), KINDS, ids=["adamw", "sgd", "lbfgs"])
def test_an_optimizer_without_the_compiler_learns_the_same_bits(ours: Any, torchs: Any, settings: Any) -> None:
    weight, state = trained(ours, settings)
    expected, expected_state = trained(torchs, settings)
    assert torch.equal(weight, expected)
    assert state["param_groups"] == expected_state["param_groups"]
    assert state["state"].keys() == expected_state["state"].keys()
    assert not weight.requires_grad


def test_hooks_of_steps_are_called_and_no_gradient_is_recorded() -> None:
    seen: list[bool] = []
    layer = nn.Linear(2, 1)
    optimizer = eager.AdamW(layer.parameters(), lr=0.1)
    optimizer.register_step_post_hook(lambda *_: seen.append(torch.is_grad_enabled()))
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert seen == [True]  # outside the step gradients are recorded again
    assert layer.weight.grad_fn is None
