"""The contract of transfer adapters, tested with every framework."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from adapters.gensim.offer import COVERAGE
from adapters.loop.tasks.metrics import OFFERED, SINGLE_LABEL_BASELINES, SINGLE_LABEL_METRICS
from registry.domain.data.datasets import Row
from registry.domain.recipes.recipe import Freeze, Head, Method, Optimizer, Schedule
from registry.errors import BadDataError, BadRecipeError, DivergedError, RegistryError, UnavailableError
from registry.ports.transfers import Advanced, DataInput, Finished, Measured, Saved, Started, TransferJob
from tests.adapters.loop.worlds import WORLDS, World, finish, of_each_adapter, tree, with_each_adapter

METRICS = {"accuracy", "macro_f1", "baseline_accuracy"}
PROBE, TUNE = Method.FEATURE_EXTRACTION, Method.FINE_TUNING
both = pytest.mark.parametrize("method", [PROBE, TUNE], ids=["probe", "tune"])


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return WORLDS[request.param](tmp_path)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def shared(parent: Path, child: Path) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Pairs of a parent's and a child's tensor; base models lack the name prefix of task models."""
    theirs = weights(child)
    for name, tensor in weights(parent).items():
        (found,) = [value for key, value in theirs.items() if key == name or key.partition(".")[2] == name]
        yield name, tensor, found


@both
def test_events_come_in_order_and_end_with_one_finished(world: World, method: Method) -> None:
    events = list(world.adapter.run(world.job(method=method)))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(e, (Started, Finished)) for e in events) == 2
    steps = [e.step for e in events if isinstance(e, Advanced) and e.phase == "train"]
    assert steps == sorted(set(steps))
    assert steps[-1] == events[0].steps == 18
    assert [e.step for e in events if isinstance(e, Saved)] == [6, 12, 18]
    assert events[0].trainable < events[0].parameters or method is TUNE
    assert events[-1].flops > 0
    assert events[-1].device_seconds > 0


@both
def test_the_same_job_gives_the_same_bytes(world: World, method: Method) -> None:
    one, _ = finish(world, world.job("one", method=method, head=Head(dropout=0.2)))
    two, _ = finish(world, world.job("two", method=method, head=Head(dropout=0.2), features=world.folder / "other"))
    assert tree(one.folder) == tree(two.folder)
    other, _ = finish(world, world.job("three", method=method, head=Head(dropout=0.2), seed=8))
    assert tree(other.folder)["model.safetensors"] != tree(one.folder)["model.safetensors"]


@both
@with_each_adapter("every", [0, 4], ("keras", 4), ("transformers", 4))
def test_an_interrupted_run_resumes_to_the_same_bytes(world: World, method: Method, every: int) -> None:
    changes: dict[str, Any] = {"method": method, "head": Head(dropout=0.3), "checkpoint_every": every}
    whole, whole_metrics = finish(world, world.job("whole", **changes))
    events = world.adapter.run(world.job("cut", **changes))
    seen = 0
    for event in events:
        seen += isinstance(event, Saved)
        if seen == 2 and isinstance(event, Advanced):
            break
    events.close()  # type: ignore[attr-defined]
    torch.manual_seed(99)
    resumed = list(world.adapter.run(world.job("cut", resume=True, **changes)))
    assert isinstance(resumed[0], Started)
    assert resumed[0].resumed_from == (8 if every else 12)
    assert isinstance(resumed[-1], Finished)
    assert tree(resumed[-1].folder) == tree(whole.folder)
    assert {(e.role, e.name): e.value for e in resumed if isinstance(e, Measured) and e.final} == whole_metrics


@of_each_adapter()
@both
def test_a_finished_run_resumed_writes_the_same_again(world: World, method: Method) -> None:
    once, _ = finish(world, world.job(method=method))
    before = tree(once.folder)
    again, _ = finish(world, world.job(method=method, resume=True))
    assert tree(again.folder) == before


@of_each_adapter()
def test_resume_keeps_the_thread_count_of_the_first_attempt(world: World) -> None:
    list(world.adapter.run(world.job()))
    other = replace(world.job(resume=True), determinism=replace(world.job().determinism, threads=2))
    done, _ = finish(world, other)
    assert done.facts["threads"] == 1


@of_each_adapter()
def test_checkpoints_of_another_recipe_are_refused(world: World) -> None:
    finish(world, world.job())
    with pytest.raises(BadRecipeError, match="another recipe"):
        list(world.adapter.run(world.job(resume=True, batch_size=4)))


def test_a_probe_leaves_the_backbone_bit_for_bit_as_it_was(world: World) -> None:
    done, _ = finish(world, world.job(method=PROBE))
    pairs = list(shared(world.source.folder, done.folder))
    assert len(pairs) > 10 or len(pairs) == len(weights(world.source.folder)) == 1
    assert [name for name, parent, child in pairs if not torch.equal(parent, child)] == []


def test_layers_before_until_stay_and_the_rest_learns(world: World) -> None:
    if len(weights(world.source.folder)) == 1:
        pytest.skip("this source is one layer: none lies before it")
    done, _ = finish(world, world.job(method=TUNE, freeze=Freeze(until=world.layer)))
    moved = {name: not torch.equal(a, b) for name, a, b in shared(world.source.folder, done.folder)}
    inside = {
        name: changed for name, changed in moved.items() if name.startswith((world.layer + ".", world.layer + "/"))
    }
    assert inside
    assert any(inside.values())
    assert not any(changed for name, changed in moved.items() if name.startswith(("embed", "encoder.layer.0")))
    assert done.facts["frozen_layers"]


def test_full_fine_tuning_moves_every_layer(world: World) -> None:
    done, _ = finish(world, world.job(method=TUNE))
    kernels = [(a, b) for _, a, b in shared(world.source.folder, done.folder) if a.ndim > 1]
    assert kernels
    assert sum(not torch.equal(a, b) for a, b in kernels) >= len(kernels) - 2  # unused position tables may rest


@of_each_adapter("transformers")
@both
def test_what_is_learnt_beats_the_commonest_class(world: World, method: Method) -> None:
    job = world.job(method=method, epochs=25, optimizer=Optimizer(lr=3e-2 if method is PROBE else 4e-3))
    _, metrics = finish(world, job)
    assert metrics["test", "baseline_accuracy"] == pytest.approx(1 / 3)
    assert metrics["test", "accuracy"] > 0.6


@both
def test_predictions_per_test_row_recompute_the_recorded_accuracy(world: World, method: Method) -> None:
    done, metrics = finish(world, world.job(method=method))
    written = json.loads((done.folder / "predictions.json").read_bytes())
    rows = {row.key: row for row in world.data.rows if row.split == "test"}
    assert [row["key"] for row in written["rows"]] == sorted(rows)
    assert all(rows[row["key"]].label == row["label"] for row in written["rows"])
    assert np.mean([row["label"] == row["prediction"] for row in written["rows"]]) == metrics["test", "accuracy"]


@of_each_adapter()
@both
def test_test_labels_change_nothing_but_what_is_reported(world: World, method: Method) -> None:
    one, _ = finish(world, world.job("one", method=method))
    shuffled = replace(world.relabelled({"apple": "plum", "plum": "apple"}, "test"), split="test")
    job = world.job("two", method=method)
    two, _ = finish(world, replace(job, data={**job.data, "test": shuffled}))
    assert tree(one.folder)["model.safetensors"] == tree(two.folder)["model.safetensors"]


@of_each_adapter()
def test_the_best_epoch_by_validation_is_kept_not_the_last(world: World) -> None:
    events = list(world.adapter.run(world.job(epochs=6, optimizer=Optimizer(lr=2e-2), schedule=Schedule("constant"))))
    curve = [e for e in events if isinstance(e, Measured) and e.role == "validation" and not e.final]
    accuracy = {e.epoch: e.value for e in curve if e.name == "accuracy"}
    loss = {e.epoch: e.value for e in curve if e.name == "loss"}
    best = max(accuracy, key=lambda epoch: (accuracy[epoch], -loss[epoch]))
    done = events[-1]
    assert isinstance(done, Finished)
    assert done.facts["best_epoch"] == best
    final = [e.value for e in events if isinstance(e, Measured) and e.final and e.role == "validation"]
    assert accuracy[best] in final


@of_each_adapter()
def test_without_validation_data_the_last_epoch_is_kept(world: World) -> None:
    done, metrics = finish(world, world.job(roles=("train", "test")))
    assert done.facts["best_epoch"] == 3
    assert {role for role, _ in metrics} == {"test"}


def test_a_child_with_a_head_for_the_same_classes_keeps_it(world: World) -> None:
    parent, before = finish(world, world.job("parent", method=PROBE, epochs=20, optimizer=Optimizer(lr=3e-2)))
    grown = world.child(parent)
    frozen: dict[str, Any] = {"freeze": Freeze(what="backbone"), "optimizer": Optimizer(lr=1e-6)}
    child, after = finish(grown, grown.job("child", method=TUNE, **frozen))
    assert child.facts["head_kept"] is True
    assert child.classes == parent.classes
    assert after["test", "accuracy"] == before["test", "accuracy"]


def test_a_child_for_other_classes_gets_a_new_head(world: World) -> None:
    parent, _ = finish(world, world.job("parent", method=PROBE))
    grown = world.child(parent)
    fewer = world.relabelled({"plum": "pear"})
    data = {role: replace(fewer, split=role) for role in ("train", "validation", "test")}
    child, _ = finish(grown, replace(grown.job("child", method=TUNE), data=data))
    assert child.classes == ("apple", "pear")
    assert child.facts["head_kept"] is False


def test_a_head_is_asked_about_rows_with_labels_that_it_does_not_know(world: World) -> None:
    parent, before = finish(world, world.job("parent", method=PROBE, epochs=20, optimizer=Optimizer(lr=3e-2)))
    grown, strange = world.child(parent), world.relabelled({"plum": "car", "apple": "boat"})
    data = {role: replace(strange, split="test") for role in ("train", "test")}
    asked = replace(grown.job("asked", method=TUNE, epochs=0), data=data, outputs=True, any_labels=True)
    done, told = finish(grown, asked)
    outputs = np.load(done.folder / "outputs.npy").reshape(len(data["test"].chosen), -1)
    right = [row.label == done.classes[n] for row, n in zip(_of(world, "test"), outputs.argmax(axis=1), strict=True)]
    assert np.mean(right) == pytest.approx(before["test", "accuracy"])
    assert [file.name for file in done.folder.iterdir()] == ["outputs.npy"]
    assert not any(name in METRICS for _, name in told)
    with pytest.raises(BadRecipeError, match="no head"):
        finish(world, replace(asked, sources=(world.source,), work=world.folder / "headless"))


def _of(world: World, split: str) -> list[Row]:
    return sorted(replace(world.data, split=split).chosen, key=lambda row: row.key)


def test_features_are_computed_once_and_shared(world: World) -> None:
    first, _ = finish(world, world.job("one", method=PROBE))
    second, _ = finish(world, world.job("two", method=PROBE, optimizer=Optimizer(lr=1e-2)))
    assert first.facts["features_computed"] == 81
    assert second.facts["features_computed"] == 0
    assert second.facts["feature_cache_hits"] == {"train": True, "validation": True, "test": True}


@of_each_adapter()
def test_a_damaged_cache_entry_is_made_again(world: World) -> None:
    first, _ = finish(world, world.job("one", method=PROBE))
    for array in (world.folder / "features").rglob("features.npy"):
        data = bytearray(array.read_bytes())
        data[-3] ^= 0x40
        array.write_bytes(data)
    second, _ = finish(world, world.job("two", method=PROBE))
    assert second.facts["features_computed"] == 81
    assert tree(first.folder) == tree(second.folder)


def _without_label(world: World) -> dict[str, DataInput]:
    return {"train": replace(world.relabelled({"pear": None}), split="train")}


def _single_label(world: World) -> dict[str, DataInput]:
    return {"train": replace(world.relabelled({"pear": "apple", "plum": "apple"}), split="train")}


def _stranger(world: World) -> dict[str, DataInput]:
    test = world.relabelled({"pear": "quince"}, "test")
    return {"train": replace(test, split="train"), "test": replace(test, split="test")}


def _empty(world: World) -> dict[str, DataInput]:
    return {"train": replace(world.data, split="training")}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_without_label, "no label"),
        (_single_label, "one class only: 'apple'"),
        (_stranger, "'quince', which no training row has"),
        (_empty, "'training' of .* has no rows"),
    ],
)
@both
def test_data_that_cannot_be_learnt_from_is_refused_before_any_work(
    world: World, method: Method, make: Callable[[World], dict[str, DataInput]], message: str
) -> None:
    job = replace(world.job(method=method), data=make(world))
    with pytest.raises(BadDataError, match=message):
        list(world.adapter.run(job))
    assert not job.work.exists()
    assert not job.features.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"freeze": Freeze(until="encoder.layer.99")}, "no such layer.*Choose one of"),
        ({"metrics": ("acuracy",)}, "'acuracy' does not exist"),
        ({"optimizer": Optimizer(name="adam")}, "Choose adamw or sgd"),
        ({"schedule": Schedule("step")}, "constant, linear, cosine"),
        ({"schedule": Schedule(warmup=1.5)}, "warmup' is 1.5"),
        ({"params": {"precison": "bf16"}}, "precison"),
        ({"params": {"precision": "int8"}}, "expected auto, fp64, fp32 or bf16"),
        ({"epochs": -1}, "'epochs' is -1"),
        ({"method": Method.IMPORT}, "does not support the method import"),
        ({"method": PROBE, "freeze": Freeze(until="x")}, "freezes the whole backbone"),
        ({"sources": ()}, "takes 1 as source"),
        ({"roles": ("test",)}, "needs data in the role train"),
    ],
)
def test_a_recipe_that_cannot_be_done_is_refused_with_what_can(
    world: World, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRecipeError, match=message):
        list(world.adapter.run(world.job(**changes)))


def test_bf16_is_refused_where_no_probe_passes(world: World) -> None:
    with pytest.raises(UnavailableError, match="bf16"):
        list(world.adapter.run(world.job(params={"precision": "bf16"})))


def test_a_device_that_is_not_there_is_one_clear_error(world: World) -> None:
    with pytest.raises(UnavailableError, match="cuda:7"):
        list(world.adapter.run(world.job(device="cuda:7")))


def test_a_source_that_is_not_there_is_an_error_of_the_registry(world: World) -> None:
    gone = replace(world.source, folder=world.folder / "nowhere")
    with pytest.raises(RegistryError):
        list(world.adapter.run(replace(world.job(), sources=(gone,))))


def test_a_diverging_loss_stops_with_advice_and_keeps_the_last_good_checkpoint(world: World) -> None:
    job = world.job(
        epochs=40,
        checkpoint_every=1,
        optimizer=Optimizer("sgd", lr=1e38, clip=0.0, momentum=0.0),
        schedule=Schedule("linear", warmup=0.5),
    )
    saved: list[Saved] = []
    with pytest.raises(DivergedError, match=r"last checkpoint before that is kept\. Lower optimizer\.lr"):
        saved.extend(e for e in world.adapter.run(job) if isinstance(e, Saved))
    assert saved
    kept = load_file(saved[-1].path)
    assert math.isfinite(kept["total"].item())
    assert not (job.work / "output").exists()


@of_each_adapter("keras")
@both
def test_a_run_leaves_torch_as_it_found_it(world: World, method: Method) -> None:
    torch.manual_seed(1)
    before = (torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    finish(world, world.job(method=method))
    after = (torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_what_the_adapter_offers_is_what_it_does(world: World) -> None:
    further = world.adapter.offer.metrics - OFFERED
    assert further <= COVERAGE
    wanted = {*SINGLE_LABEL_METRICS, *SINGLE_LABEL_BASELINES, *further}
    job: TransferJob = world.job(metrics=tuple(sorted(wanted)))
    _, metrics = finish(world, job)
    assert {name for role, name in metrics if role == "test"} == wanted
