"""Training proves what it changed: a frozen tensor that moved is seen, and a trained one that did not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from adapters.loop.training.effect import Effect
from registry.errors import EffectError


def network() -> Any:
    """A frozen layer, its normalisation, and a head."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    layers[:2].requires_grad_(False)
    return layers


def expected(layers: Any, rate: float = 0.1) -> Effect:
    groups = [{"params": list(layers[2].parameters()), "lr": rate, "initial_lr": rate}]
    return Effect.expected(layers, [layers[0], layers[1]], groups)


def moved(tensor: torch.Tensor) -> None:
    with torch.no_grad():
        tensor.add_(1)


def test_what_changed_and_what_stayed_is_recorded_and_a_tensor_without_effect_is_named() -> None:
    layers = network()
    effect = expected(layers)
    moved(layers[2].weight)
    assert effect.proved(layers) == {"changed": 1, "frozen": 7, "unchanged": 1, "unchanged_names": ["2.bias"]}


def test_a_training_that_changes_nothing_fails() -> None:
    layers = network()
    effect = expected(layers)
    with pytest.raises(EffectError, match=r"none of 2 trained tensors, such as 2\.weight, 2\.bias") as e:
        effect.proved(layers)
    assert (e.value.code, e.value.facts["unchanged"]) == ("no-effect", ["2.weight", "2.bias"])


@pytest.mark.parametrize("part", ["0.weight", "1.running_mean", "1.num_batches_tracked"])
def test_a_frozen_tensor_or_statistic_that_moved_fails(part: str) -> None:
    layers = network()
    effect = expected(layers)
    moved(layers[2].weight)
    moved((dict(layers.named_parameters()) | dict(layers.named_buffers()))[part])
    with pytest.raises(EffectError, match=f"1 of 7 frozen tensors changed in training: {part}"):
        effect.proved(layers)


def test_the_last_bit_of_a_frozen_tensor_counts() -> None:
    layers = network()
    effect = expected(layers)
    moved(layers[2].weight)
    layers[0].weight.data.view(torch.int32)[0, 0] ^= 1
    with pytest.raises(EffectError, match="frozen tensors changed"):
        effect.proved(layers)


def test_a_learning_rate_of_zero_claims_no_change() -> None:
    layers = network()
    assert expected(layers, rate=0.0).proved(layers)["frozen"] == 9


def test_an_adapter_that_adds_nothing_fails_although_its_head_has_learnt() -> None:
    layers: Any = nn.ModuleDict({"lora_A": nn.Linear(3, 1), "lora_B": nn.Linear(1, 3), "head": nn.Linear(3, 2)})
    groups = [{"params": list(layers.parameters()), "lr": 0.1}]
    effect = Effect.expected(layers, [], groups)
    moved(layers["head"].weight)
    moved(layers["lora_A"].weight)
    with pytest.raises(EffectError, match="none of 2 tensors of the adapter"):
        effect.proved(layers)


def test_tensors_of_sixteen_bits_and_without_extent_have_digests_too() -> None:
    layer: Any = nn.ParameterDict(
        {"scale": nn.Parameter(torch.ones(())), "narrow": nn.Parameter(torch.ones(3).bfloat16())}
    )
    effect = Effect.expected(layer, [], [{"params": list(layer.parameters()), "lr": 0.1}])
    moved(layer["narrow"])
    assert effect.proved(layer)["unchanged_names"] == ["scale"]
