"""What every transfer adapter owes: the same promises, kept over pictures and over texts."""

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

from adapters.dvc.source import DvcSource
from adapters.gensim.offer import COVERAGE
from adapters.loop.metrics import BASELINES_OF_CLASSES, OF_CLASSES, OFFERED
from registry.domain.catalog import Modality
from registry.domain.data import DataFormat, LabelKind, SplitPlan
from registry.domain.transfers import Freeze, Head, Method, Optimizer, Schedule
from registry.errors import BadDataError, BadRecipeError, DivergedError, RegistryError, UnavailableError
from registry.ports import Advanced, DataInput, Finished, Measured, Saved, Started, TransferJob
from tests.adapters.loop.worlds import CLASSES, WORLDS, World, finish, tree

PROBE, TUNE = Method.FEATURE_EXTRACTION, Method.FINE_TUNING
both = pytest.mark.parametrize("method", [PROBE, TUNE], ids=["probe", "tune"])


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return WORLDS[request.param](tmp_path)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def shared(parent: Path, child: Path) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """Tensors of the parent beside the child's; a base model's names go without the task model's first part."""
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
@pytest.mark.parametrize("every", [0, 4], ids=["epochs", "steps"])
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


@both
def test_a_finished_run_resumed_writes_the_same_again(world: World, method: Method) -> None:
    once, _ = finish(world, world.job(method=method))
    before = tree(once.folder)
    again, _ = finish(world, world.job(method=method, resume=True))
    assert tree(again.folder) == before


def test_resume_keeps_the_thread_count_of_the_first_attempt(world: World) -> None:
    list(world.adapter.run(world.job()))
    other = replace(world.job(resume=True), determinism=replace(world.job().determinism, threads=2))
    done, _ = finish(world, other)
    assert done.facts["threads"] == 1


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


@both
def test_what_is_learnt_beats_the_commonest_class(world: World, method: Method) -> None:
    job = world.job(method=method, epochs=25, optimizer=Optimizer(lr=3e-2 if method is PROBE else 4e-3))
    _, metrics = finish(world, job)
    assert metrics["test", "baseline_accuracy"] == pytest.approx(1 / 3)
    assert metrics["test", "accuracy"] > 0.6


@both
def test_predictions_per_test_row_recompute_the_recorded_accuracy(world: World, method: Method) -> None:
    done, metrics = finish(world, world.job(method=method))
    told = json.loads((done.folder / "predictions.json").read_bytes())
    rows = {row.key: row for row in world.data.rows if row.split == "test"}
    assert [row["key"] for row in told["rows"]] == sorted(rows)
    assert all(rows[row["key"]].label == row["label"] for row in told["rows"])
    assert np.mean([row["label"] == row["prediction"] for row in told["rows"]]) == metrics["test", "accuracy"]


@both
def test_test_labels_change_nothing_but_what_is_reported(world: World, method: Method) -> None:
    one, _ = finish(world, world.job("one", method=method))
    shuffled = replace(world.relabelled({"apple": "plum", "plum": "apple"}, "test"), split="test")
    job = world.job("two", method=method)
    two, _ = finish(world, replace(job, data={**job.data, "test": shuffled}))
    assert tree(one.folder)["model.safetensors"] == tree(two.folder)["model.safetensors"]


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


def test_without_validation_data_the_last_epoch_is_kept(world: World) -> None:
    done, metrics = finish(world, world.job(roles=("train", "test")))
    assert done.facts["best_epoch"] == 3
    assert {role for role, _ in metrics} == {"test"}


def test_a_child_with_a_head_for_the_same_classes_keeps_it(world: World) -> None:
    parent, before = finish(world, world.job("parent", method=PROBE, epochs=20, optimizer=Optimizer(lr=3e-2)))
    grown = world.child(parent)
    frozen: dict[str, Any] = {"freeze": Freeze(what="backbone"), "optimizer": Optimizer(lr=1e-12)}
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


def test_features_are_computed_once_and_shared(world: World) -> None:
    first, _ = finish(world, world.job("one", method=PROBE))
    second, _ = finish(world, world.job("two", method=PROBE, optimizer=Optimizer(lr=1e-2)))
    assert first.facts["features_computed"] == 81
    assert second.facts["features_computed"] == 0
    assert second.facts["feature_cache_hits"] == {"train": True, "validation": True, "test": True}


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


def _one_class(world: World) -> dict[str, DataInput]:
    return {"train": replace(world.relabelled({"pear": "apple", "plum": "apple"}), split="train")}


def _stranger(world: World) -> dict[str, DataInput]:
    test = world.relabelled({"pear": "quince"}, "test")
    return {"train": replace(test, split="train"), "test": replace(test, split="test")}


def _empty(world: World) -> dict[str, DataInput]:
    return {"train": replace(world.data, split="training")}


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_without_label, "no label"),
        (_one_class, "one class only: 'apple'"),
        (_stranger, "'quince', which no training row has"),
        (_empty, "'training' of .* has no rows"),
    ],
)
@both
def test_data_that_cannot_be_learnt_from_is_refused_before_any_work(
    world: World, method: Method, make: Callable[[World], dict[str, DataInput]], told: str
) -> None:
    job = replace(world.job(method=method), data=make(world))
    with pytest.raises(BadDataError, match=told):
        list(world.adapter.run(job))
    assert not job.work.exists()
    assert not job.features.exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"freeze": Freeze(until="encoder.layer.99")}, "no such layer.*Choose one of"),
        ({"metrics": ("acuracy",)}, "'acuracy' is not known"),
        ({"optimizer": Optimizer(name="adam")}, "Choose adamw or sgd"),
        ({"schedule": Schedule("step")}, "constant, linear, cosine"),
        ({"schedule": Schedule(warmup=1.5)}, "warmup is 1.5"),
        ({"params": {"precison": "bf16"}}, "precison"),
        ({"params": {"precision": "int8"}}, "auto, fp32 or bf16"),
        ({"epochs": -1}, "epochs is -1"),
        ({"method": Method.DISTILLATION}, "does not do distillation"),
        ({"method": PROBE, "freeze": Freeze(until="x")}, "freezes the whole backbone"),
        ({"sources": ()}, "takes 1 as source"),
        ({"roles": ("test",)}, "needs data in the role train"),
    ],
)
def test_a_recipe_that_cannot_be_done_is_refused_with_what_can(
    world: World, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadRecipeError, match=told):
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
    with pytest.raises(DivergedError, match=r"last good checkpoint is kept\. Lower optimizer\.lr"):
        saved.extend(e for e in world.adapter.run(job) if isinstance(e, Saved))
    assert saved
    kept = load_file(saved[-1].path)
    assert math.isfinite(kept["total"].item())
    assert not (job.work / "output").exists()


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
    wanted = {*OF_CLASSES, *BASELINES_OF_CLASSES, *further}
    job: TransferJob = world.job(metrics=tuple(sorted(wanted)))
    _, metrics = finish(world, job)
    assert {name for role, name in metrics if role == "test"} == wanted


@pytest.mark.parametrize("kind", [LabelKind.MANY, LabelKind.NUMBER])
@both
def test_labels_of_other_kinds_are_learnt_as_well(world: World, method: Method, kind: LabelKind) -> None:
    texts = {"apple": "apple|red", "pear": "pear", "plum": ""} if kind is LabelKind.MANY else {}
    numbers = {"apple": "101", "pear": "102.5", "plum": "107"}
    data = replace(world.relabelled({**numbers, **texts}), labels=kind)
    roles = {role: replace(data, split=role) for role in ("train", "validation", "test")}
    names = ("macro_f1", "subset_accuracy") if kind is LabelKind.MANY else ("rmse", "r2")
    wanted: dict[str, Any] = {
        "method": method,
        "data": roles,
        "metrics": names,
        "epochs": 15,
        "optimizer": Optimizer(lr=0.01),
    }
    done, metrics = finish(world, world.job(**wanted))
    better = metrics["test", "macro_f1"] if kind is LabelKind.MANY else -metrics["test", "rmse"]
    plain = metrics["test", "baseline_macro_f1"] if kind is LabelKind.MANY else -metrics["test", "baseline_rmse"]
    assert better > plain
    assert done.classes == (("apple", "pear", "red") if kind is LabelKind.MANY else ())
    # The model as it was saved answers in the units of the labels: measured again, nothing learnt, it says the same.
    again = world.child(done).job("again", **wanted | {"method": TUNE, "epochs": 0})
    assert finish(world, again)[1] == pytest.approx(metrics, rel=1e-4)


def test_training_from_scratch_keeps_nothing_of_the_parent(world: World) -> None:
    done, _ = finish(world, world.job(method=Method.PRETRAINING))
    same = [name for name, parent, child in shared(world.source.folder, done.folder) if torch.equal(parent, child)]
    constant = ("bias", "LayerNorm", "normalization", "num_batches", "padding")
    assert [name for name in same if not any(word in name for word in constant)] == []


def test_balanced_classes_and_patience_and_few_shots_are_told(world: World) -> None:
    params = {"class_weights": "balanced", "patience": 1, "shots": 4}
    done, _ = finish(world, world.job(method=TUNE, epochs=40, params=params, optimizer=Optimizer(lr=0.05)))
    assert done.facts["train_rows"] == 12
    assert done.facts["epochs_run"] == int(str(done.facts["best_epoch"])) + 1 < 40


VARIANTS: dict[str, dict[str, object]] = {
    "lp_ft": {"lp_ft": True},
    "gradual": {"unfreeze": "gradual"},
    "l2_sp": {"l2_sp": 0.1},
    "wise_ft": {"lp_ft": True, "wise_ft": 0.5},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_way_of_tuning_learns_and_resumes_to_the_same_bytes(world: World, variant: str) -> None:
    changes: dict[str, Any] = {"method": TUNE, "params": VARIANTS[variant], "epochs": 4}
    whole, metrics = finish(world, world.job("whole", **changes))
    assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"]
    events = world.adapter.run(world.job("cut", **changes))
    assert next(event for event in events if isinstance(event, Saved))
    events.close()  # type: ignore[attr-defined]
    resumed, _ = finish(world, world.job("cut", resume=True, **changes))
    assert tree(resumed.folder) == tree(whole.folder)


def test_a_strong_pull_to_the_start_stays_near_it(world: World) -> None:
    def drift(alpha: float) -> float:
        done, _ = finish(world, world.job(f"a{alpha}", method=TUNE, params={"l2_sp": alpha}))
        return sum(float((a - b).float().norm()) for _, a, b in shared(world.source.folder, done.folder))

    assert drift(50.0) < drift(0.0) / 2


def test_half_the_average_lies_between_the_probe_and_the_tuned_model(world: World) -> None:
    def run(share: float) -> dict[str, torch.Tensor]:
        changes: dict[str, Any] = {"method": TUNE, "params": {"lp_ft": True, "wise_ft": share}}
        return weights(finish(world, world.job(f"s{share}", **changes))[0].folder)

    start, half, end = run(0.0), run(0.5), run(1.0)
    for name, tensor in half.items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, (start[name] + end[name]) / 2, atol=1e-5), name


def test_an_average_with_a_head_that_knows_nothing_is_refused(world: World) -> None:
    with pytest.raises(BadRecipeError, match="the head is new") as refused:
        finish(world, world.job(method=TUNE, params={"wise_ft": 0.5}))
    assert "lp_ft: true" in str(refused.value.remedy)


def test_layers_join_one_by_one_from_the_head_down(world: World) -> None:
    done, _ = finish(world, world.job(method=TUNE, params={"unfreeze": "gradual"}, epochs=1))
    assert any(not torch.equal(a, b) for _, a, b in shared(world.source.folder, done.folder))
    job = world.job("two", method=TUNE, params={"unfreeze": "gradual"}, epochs=2)
    events = world.adapter.run(job)
    first = next(event for event in events if isinstance(event, Saved))
    events.close()  # type: ignore[attr-defined]
    saved = {name: t for name, t in load_file(first.path).items() if name.startswith("model.")}
    parent = weights(world.source.folder)
    same = [
        name
        for name, tensor in parent.items()
        for key in saved
        if key.endswith(name) and torch.equal(tensor, saved[key])
    ]
    assert len(same) >= len(parent) - 2  # in the first epoch the head learns alone


def test_a_ridge_on_a_few_shots_reports_its_repeats(world: World) -> None:
    job = world.job(method=PROBE, head=Head("ridge"), params={"shots": 5, "repeats": 4})
    done, metrics = finish(world, job)
    assert done.facts["train_rows"] == 15
    told = done.facts["repeats"]["test"]["accuracy"]  # type: ignore[index]
    assert len(told["values"]) == 4
    assert metrics["test", "accuracy_mean"] == pytest.approx(np.mean(told["values"]))
    assert told["values"][0] == metrics["test", "accuracy"]
    assert metrics["test", "accuracy_half_width"] == pytest.approx(3.182 * np.std(told["values"], ddof=1) / 2)
    again, _ = finish(world, world.job("again", method=PROBE, head=Head("ridge"), params={"shots": 5, "repeats": 4}))
    assert tree(again.folder) == tree(done.folder)
    with pytest.raises(BadRecipeError, match="solved at once"):
        finish(world, world.job("no", method=PROBE, params={"repeats": 3}))


@pytest.mark.parametrize("kind", [DataFormat.NPZ, DataFormat.PARQUET])
@pytest.mark.parametrize("labels", [LabelKind.CLASS, LabelKind.NONE])
def test_representations_are_exported_as_a_dataset_of_the_same_rows(
    world: World, kind: DataFormat, labels: LabelKind, tmp_path: Path
) -> None:
    data = replace(world.data if labels is LabelKind.CLASS else world.relabelled(dict.fromkeys(CLASSES)), labels=labels)
    roles = {role: replace(data, split=role) for role in ("train", "test")}
    done, _ = finish(world, world.job(method=PROBE, data=roles, params={"export": kind.value}))
    assert (done.dataset, done.labels, done.architecture) == (kind, labels, "")
    (tmp_path / "staging").mkdir()
    listing = DvcSource().read(
        done.folder,
        staging=tmp_path / "staging",
        cache=tmp_path / "cache",
        split=SplitPlan(),
        label="label",
        text="text",
        rev=None,
        labels=labels,
    )
    assert listing.modality is Modality.TABULAR
    assert [row.split for row in listing.rows] == ["train"] * 48 + ["test"] * 18
    assert [row.label for row in listing.rows] == [row.label for name in roles for row in roles[name].chosen]
    again, _ = finish(world, world.job("again", method=PROBE, data=roles, params={"export": kind.value}))
    assert tree(again.folder) == tree(done.folder)
