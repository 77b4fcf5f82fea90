"""Merges follow their papers; quantisation errors are at most half a step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from adapters.loop.techniques.merging import linear, slerp, task_arithmetic, ties
from adapters.loop.techniques.quantizing import dequantise, pack, unpack
from adapters.torch.definitions.few_bits import restore
from registry.domain.recipes.recipe import Method, Optimizer
from registry.errors import BadDataError, BadRecipeError, RefusedError
from registry.ports.transfers import Finished, ModelInput
from tests.adapters.loop.worlds import WORLDS, World, finish, tree, with_each_network


@pytest.fixture(params=sorted(WORLDS.keys() - {"gensim"}))  # averages of vectors have no such methods
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return WORLDS[request.param](tmp_path)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def child(world: World, name: str, **changes: Any) -> tuple[Finished, ModelInput]:
    wanted: dict[str, Any] = {"method": Method.FINE_TUNING, "epochs": 6, "optimizer": Optimizer(lr=0.01)}
    done, _ = finish(world, world.job(name, **wanted | changes))
    return done, replace(world.child(done).source, label=f"test/{name}/1")


def merged(world: World, sources: tuple[ModelInput, ...], **params: object) -> tuple[Finished, dict[Any, float]]:
    job = world.job("merged", method=Method.MERGE, sources=sources, params=params, roles=("test",))
    return finish(world, job)


def test_the_mean_of_two_children_is_their_mean_and_loads_as_they_do(world: World) -> None:
    (one, first), (two, second) = child(world, "one"), child(world, "two", seed=8)
    done, metrics = merged(world, (first, second))
    a, b, c = weights(one.folder), weights(two.folder), weights(done.folder)
    for name, tensor in c.items():
        wanted = (a[name] + b[name]) / 2 if tensor.is_floating_point() else a[name]
        assert torch.allclose(tensor, wanted, atol=1e-6), name
    assert done.architecture == one.architecture
    assert done.classes == ("apple", "pear", "plum")
    assert ("test", "accuracy") in metrics
    assert (done.folder / "predictions.json").is_file()
    again, _ = merged(world, (first, second))
    assert tree(again.folder) == tree(done.folder)


@with_each_network("kind", ["task_arithmetic", "ties"], ("keras", "ties"), ("transformers", "task_arithmetic"))
def test_what_one_child_added_to_its_base_gives_the_child_again(world: World, kind: str) -> None:
    one, first = child(world, "one")
    base = replace(world.source, role="base")
    done, _ = merged(world, (first, first, base), kind=kind, weights=[0.5, 0.5], density=1.0)
    a, c = weights(one.folder), weights(done.folder)
    scale = 1.0 if kind == "task_arithmetic" else 0.5  # ties takes the mean of what agrees, weighted by half each
    assert scale
    for name, tensor in c.items():
        if tensor.is_floating_point() and kind == "task_arithmetic":
            assert torch.allclose(tensor, a[name], atol=1e-5), name


def test_merges_that_make_no_sense_are_refused_with_what_would(world: World) -> None:
    (_, first), (_, other) = child(world, "one"), child(world, "two", data=renamed(world))
    for sources, params, message in (
        ((first,), {}, "needs two sources|nothing to merge it with"),
        ((first, other), {}, "have different classes"),
        ((first, first), {"kind": "ties"}, "kind ties needs a base"),
        ((first, first, first), {"kind": "slerp"}, "slerp takes two"),
        ((first, first), {"weights": [1.0]}, "has 1 values for 2 sources"),
        ((first, replace(first, architecture="other")), {}, "different architectures"),
        ((first, first), {"kind": "average"}, "expected linear, slerp"),
    ):
        with pytest.raises(BadRecipeError, match=message):
            merged(world, sources, **params)


def renamed(world: World) -> dict[str, Any]:
    other = world.relabelled({"plum": "cherry"})
    return {role: replace(other, split=role) for role in ("train", "validation", "test")}


def test_a_parent_with_other_tensors_is_named_with_the_first_of_them(world: World) -> None:
    from safetensors.torch import save_file

    (_, first), (two, second) = child(world, "one"), child(world, "two", seed=8)
    tensors = weights(two.folder)
    name = sorted(tensors)[0]
    save_file({n: t for n, t in tensors.items() if n != name}, two.folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadRecipeError, match="architectures of test/one/1 and test/two/1 differ") as refused:
        merged(world, (first, second))
    assert name in str(refused.value)


def test_a_merge_is_not_measured_on_classes_that_it_was_not_trained_for(world: World) -> None:
    (_, first), (_, second) = child(world, "one"), child(world, "two", seed=8)
    job = world.job("m", method=Method.MERGE, sources=(first, second), data={"test": renamed(world)["test"]})
    with pytest.raises(BadDataError, match="has the label 'cherry', which is not a class of the merge of test/one/1"):
        finish(world, job)


def tensors(count: int, *shape: int) -> list[torch.Tensor]:
    return [torch.randn(shape, generator=torch.Generator().manual_seed(n)) for n in range(count)]


def test_spherical_interpolation_keeps_the_length_and_ends_at_both_models() -> None:
    one, two = (t / t.norm() for t in tensors(2, 4, 5))
    assert torch.allclose(slerp(0.0)([one, two], None), one, atol=1e-6)
    assert torch.allclose(slerp(1.0)([one, two], None), two, atol=1e-6)
    assert float(slerp(0.3)([one, two], None).norm()) == pytest.approx(1, abs=1e-5)
    assert torch.allclose(slerp(0.3)([one, 2 * one], None), 1.3 * one, atol=1e-6)


def test_ties_merging_equals_its_three_steps_for_each_weight() -> None:
    *parents, base = tensors(4, 3, 7)
    shares, density = (1.0, 2.0, 0.5), 0.4
    differences = np.stack([(w - base).flatten().numpy() for w in parents])
    for row in differences:
        row[np.argsort(-np.abs(row), kind="stable")[round(density * row.size) :]] = 0
    wanted = np.zeros(differences.shape[1])
    for place in range(differences.shape[1]):
        mass = sum(a * d for a, d in zip(shares, differences[:, place], strict=True))
        agree = [
            (a, d) for a, d in zip(shares, differences[:, place], strict=True) if d and np.sign(d) == np.sign(mass)
        ]
        if agree:
            wanted[place] = sum(a * d for a, d in agree) / sum(a for a, _ in agree)
    found = ties(shares, 1.0, density)(parents, base)
    assert np.allclose((found - base).flatten().numpy(), wanted, atol=1e-5)
    assert torch.allclose(task_arithmetic((1, 1), 0.5)(parents[:2], base), (parents[0] + parents[1]) / 2, atol=1e-6)
    assert torch.allclose(linear((1, 3))(parents[:2], None), (parents[0] + 3 * parents[1]) / 4, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 9), columns=st.integers(1, 70), bits=st.sampled_from([8, 4]), group=st.sampled_from([8, 32, 64])
)
def test_few_bits_are_never_further_away_than_half_a_step(rows: int, columns: int, bits: int, group: int) -> None:
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows * columns))
    packed = pack(weight, bits, group)
    back = unpack(packed.codes, packed.scale, (rows, columns), bits, group)
    assert back.shape == weight.shape
    width = columns if bits == 8 else min(group, columns)
    scale = packed.scale.repeat_interleave(width, dim=1)[:, :columns]
    assert bool(((back - weight).abs() <= scale / 2 * (1 + 1e-4)).all())
    assert packed.largest <= 0.5001


@with_each_network("bits", [8, 4], ("keras", 8), ("transformers", 4))
def test_a_quantised_version_is_smaller_measured_as_it_is_and_a_source_again(world: World, bits: int) -> None:
    from adapters.loop.techniques import quantizing

    quantizing_least, quantizing.LEAST = quantizing.LEAST, 64  # the worlds are tiny
    try:
        one, first = child(world, "one")
        _, first_metrics = finish(world, world.job("first", method=Method.FINE_TUNING, epochs=0, sources=(first,)))
        job = world.job(
            "few", method=Method.QUANTIZATION, sources=(first,), params={"bits": bits, "group": 16}, roles=("test",)
        )
        done, metrics = finish(world, job)
        assert (done.folder / "model.safetensors").stat().st_size < (one.folder / "model.safetensors").stat().st_size
        assert done.facts["largest_error_in_scales"] <= 0.5001  # type: ignore[operator]
        small = replace(world.child(done).source, label="test/few/1")
        _, again = finish(world, world.job("again", method=Method.FINE_TUNING, epochs=0, sources=(small,)))
        own = {key: value for key, value in metrics.items() if not key[1].startswith("source_")}
        assert {key: again[key] for key in own} == own
        assert metrics["test", "source_accuracy"] == first_metrics["test", "accuracy"]
        by_loss = replace(job.recipe, metrics=("loss",))
        _, losses = finish(world, replace(job, recipe=by_loss, work=world.folder / "by-loss"))
        grown = losses["test", "loss"] - losses["test", "source_loss"]
        if grown > 0:
            strict = replace(by_loss, params={**by_loss.params, "most_lost": grown / 2})
            with pytest.raises(RefusedError, match=r"has loss [0-9.]+ on test data, its source"):
                finish(world, replace(job, recipe=strict, work=world.folder / "strict"))
        blind = replace(job, recipe=replace(job.recipe, params={**job.recipe.params, "most_lost": 0.1}), data={})
        with pytest.raises(
            BadRecipeError, match=r"'params\.most_lost' is compared on test data, and the recipe has none"
        ):
            finish(world, replace(blind, work=world.folder / "blind"))
        assert done.architecture == f"int{bits}:{one.architecture}"
        restored = restore(done.folder, world.folder / "restored")
        with pytest.raises(BadRecipeError, match="already quantised"):
            finish(world, replace(job, sources=(small,)))
        dequantise(done.folder, world.folder / "plain")
        plain = weights(world.folder / "plain")
        assert plain.keys() == weights(one.folder).keys()
        assert tree(restored)["model.safetensors"] == tree(world.folder / "plain")["model.safetensors"]
    finally:
        quantizing.LEAST = quantizing_least
