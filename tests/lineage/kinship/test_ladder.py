"""What the weights say about real models, trained here: every way of passing weights on, and models of other origin."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.material.kinship_zoo import CHILDREN, KINDS, Arrays, State, parent, state, stored
from lineage import Relation
from lineage.kinship import compare, compare_merge

KIND = "transformer"
LORA_BF16 = "LoRA r 4, merged in BF16"
EXPECTED = {
    "frozen backbone, new head": {Relation.FROZEN_PLUS_HEAD},
    "fine-tuned, 1 epoch": {Relation.FINE_TUNED},
    "LoRA r 4, merged": {Relation.LORA_MERGED},
    LORA_BF16: {Relation.LORA_MERGED},
    "cast to F16": {Relation.CAST},
    "cast to BF16": {Relation.CAST},
    "8 bits": {Relation.QUANTISED},
    "4 bits": {Relation.QUANTISED},
    "pruned 50 %": {Relation.PRUNED, Relation.FINE_TUNED},
    "pruned 90 %": {Relation.PRUNED, Relation.FINE_TUNED},
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return parent(KIND, 1, epochs=1)


@pytest.fixture(scope="module")
def stranger() -> Arrays:
    """The same architecture, data and recipe, from another seed."""
    return Arrays(state(parent(KIND, 2, epochs=1)))


@pytest.fixture(scope="module")
def children(model: nn.Module) -> Mapping[str, State]:
    made = {name: CHILDREN[name](model, 1) for name in EXPECTED if name != LORA_BF16}
    return made | {LORA_BF16: stored(made["LoRA r 4, merged"], "BF16")}  # the same training, rounded


@pytest.mark.parametrize("name", EXPECTED)
def test_the_weights_say_how_a_child_was_made_from_its_parent(
    model: nn.Module, children: Mapping[str, State], name: str
) -> None:
    said = compare(Arrays(children[name]), Arrays(state(model)))
    assert said.relation in EXPECTED[name], said
    if said.relation is Relation.LORA_MERGED:
        assert said.rank == 4


@pytest.mark.parametrize("name", EXPECTED)
def test_a_model_of_another_seed_is_not_the_parent_of_any_child(
    stranger: Arrays, children: Mapping[str, State], name: str
) -> None:
    said = compare(Arrays(children[name]), stranger)
    assert said.relation is Relation.UNRELATED, said
    assert said.p is not None
    assert said.p > 1e-3


def test_the_same_tensors_under_other_names_are_identical(model: nn.Module) -> None:
    arrays = state(model)
    renamed = {f"encoder.{name}": array for name, array in arrays.items()}
    assert compare(Arrays(renamed), Arrays(arrays)).relation is Relation.IDENTICAL


def test_a_convolutional_child_is_known_after_its_channels_were_put_in_another_order() -> None:
    made = parent("convolutional", 3, epochs=1)
    child = Arrays(CHILDREN["permuted"](made, 3))
    assert compare(child, Arrays(state(made))).relation is Relation.CONSISTENT_AFTER_ALIGNMENT
    other = Arrays(state(parent("convolutional", 4, epochs=1)))
    assert compare(child, other).relation is Relation.UNRELATED


def test_a_merge_names_the_share_of_each_parent(model: nn.Module, children: Mapping[str, State]) -> None:
    first, second = state(model), children["fine-tuned, 1 epoch"]
    mixed = {name: (0.3 * first[name] + 0.7 * second[name]).astype(np.float32) for name in first}
    said = compare_merge(Arrays(stored(mixed, "BF16")), [Arrays(first), Arrays(second)])
    assert said.relation is Relation.MERGED
    assert said.weights == pytest.approx((0.3, 0.7), abs=0.02)


def test_a_model_is_no_merge_of_models_that_it_did_not_come_from(
    children: Mapping[str, State], stranger: Arrays
) -> None:
    torch.manual_seed(5)
    other = Arrays(state(KINDS[KIND]()))
    assert not compare_merge(Arrays(children["fine-tuned, 1 epoch"]), [stranger, other]).relation.supports


def two_layers(draw: Callable[..., np.ndarray], width: int) -> State:
    return {
        "hidden.weight": draw(size=(width, 30)).astype(np.float32),
        "next.weight": draw(size=(width, width)).astype(np.float32),
        "head.weight": draw(size=(5, width)).astype(np.float32),
    }


def test_the_p_values_of_unrelated_models_are_uniform() -> None:
    from scipy.stats import kstest

    draw = np.random.default_rng(0).standard_normal
    values = [compare(Arrays(two_layers(draw, 64)), Arrays(two_layers(draw, 64))).p for _ in range(200)]
    assert None not in values
    assert kstest(values, "uniform").pvalue > 0.01


def test_nothing_is_said_of_models_with_too_few_neurons() -> None:
    draw = np.random.default_rng(0).standard_normal
    said = compare(Arrays(two_layers(draw, 20)), Arrays(two_layers(draw, 20)))
    assert said.relation is Relation.UNDECIDABLE


def test_tables_that_are_computed_prove_nothing() -> None:
    """Rotary tables and the ones and zeros of a fresh normalisation are equal in models that have nothing in common."""
    draw = np.random.default_rng(0).standard_normal
    shared = {
        "rotary.inv_freq": np.linspace(0, 1, 4096, dtype=np.float32),
        "norm.weight": np.ones(512, np.float32),
        "norm.bias": np.zeros(512, np.float32),
    }
    child, other = (Arrays({**shared, **two_layers(draw, 64)}) for _ in range(2))
    assert compare(child, other).relation is Relation.UNRELATED
