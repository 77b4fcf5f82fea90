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


def test_the_distance_is_that_of_the_matrices_that_moved_and_0_where_none_did(model: nn.Module) -> None:
    arrays = state(model)
    last = [name for name, array in arrays.items() if array.ndim > 1][-1]
    said = compare(Arrays(arrays | {last: arrays[last] * np.float32(1.25)}), Arrays(arrays))
    assert said.distance == pytest.approx(0.25, rel=1e-4)
    assert compare(Arrays(dict(arrays)), Arrays(arrays)).distance == 0


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


def shuffled_inputs(arrays: State, names: tuple[str, ...], draw: np.random.Generator) -> State:
    """The columns of these matrices in another order each."""
    return {
        name: np.ascontiguousarray(array[:, draw.permutation(array.shape[1])]) if name in names else array
        for name, array in arrays.items()
    }


def three_layers(draw: np.random.Generator, width: int) -> State:
    made = two_layers(draw.standard_normal, width)
    return {**made, "last.weight": draw.standard_normal((width, width)).astype(np.float32)}


def test_a_verdict_by_neurons_says_what_it_measured_and_by_which_null(model: nn.Module, stranger: Arrays) -> None:
    first, second = compare(stranger, Arrays(state(model))), compare(Arrays(state(model)), stranger)
    for said in (first, second):
        assert said.relation is Relation.UNRELATED
        assert said.statistic is not None
        assert said.p is not None
        assert said.p * 1000 == pytest.approx(round(said.p * 1000)), "a share of 999 orders and the given one"
        assert "999 random orders" in (said.null or "")


def test_neurons_that_were_matched_are_judged_by_random_orders_of_their_own_inputs() -> None:
    draw = np.random.default_rng(2)
    arrays = three_layers(draw, 64)
    first, second = draw.permutation(64), draw.permutation(64)
    moved = {
        "hidden.weight": arrays["hidden.weight"][first],
        "next.weight": arrays["next.weight"][second][:, first],
        "last.weight": arrays["last.weight"][:, second],
        "head.weight": arrays["head.weight"],
    }
    trained = {n: (a + 0.3 * draw.standard_normal(a.shape)).astype(np.float32) for n, a in moved.items()}
    said = compare(Arrays(trained), Arrays(arrays))
    assert said.relation is Relation.CONSISTENT_AFTER_ALIGNMENT
    assert said.statistic == pytest.approx(1 / 1.09**0.5, abs=0.02)
    assert said.p == pytest.approx(0.01)
    assert "99 random orders of the inputs" in (said.null or "")


def test_the_parents_weights_in_another_order_are_told_from_those_of_layers_that_look_alike() -> None:
    """The wider a layer, the nearer the sorted weights of neurons that have nothing in common."""
    draw = np.random.default_rng(1)
    arrays = three_layers(draw, 128)
    child = shuffled_inputs(arrays, ("next.weight", "last.weight", "hidden.weight"), draw)
    child = {name: array + np.float32(1e-3) * (array > 0) for name, array in child.items()}
    child = {name: np.ascontiguousarray(array[draw.permutation(len(array))]) for name, array in child.items()}
    said = compare(Arrays(child), Arrays(arrays))
    assert said.relation is Relation.CONSISTENT_AFTER_ALIGNMENT
    assert said.p is not None
    assert said.p < 0.01
    assert "own 256 neurons" in (said.null or "")
    other = compare(Arrays(three_layers(draw, 128)), Arrays(arrays))
    assert other.relation is Relation.UNRELATED
