"""The contract of transfer adapters beyond the basic methods: other labels, tuning options, few shots, exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from adapters.dvc.source import DvcSource
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.domain.recipes.recipe import Head, Method, Optimizer
from registry.errors import BadRecipeError
from registry.limits import DataLimits
from registry.ports.data import HowToRead
from registry.ports.transfers import Saved
from tests.adapters.loop.worlds import CLASSES, WORLDS, World, finish, of_each_adapter, tree, with_each_adapter

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


@with_each_adapter(
    "kind", [LabelKind.MANY, LabelKind.NUMBER], ("keras", LabelKind.NUMBER), ("transformers", LabelKind.MANY)
)
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
    # The saved model predicts in the units of the labels: measured again without training, it gives the same.
    again = world.child(done).job("again", **wanted | {"method": TUNE, "epochs": 0})
    assert finish(world, again)[1] == pytest.approx(metrics, rel=1e-4)


def test_training_from_scratch_keeps_nothing_of_the_parent(world: World) -> None:
    done, _ = finish(world, world.job(method=Method.PRETRAINING))
    same = [name for name, parent, child in shared(world.source.folder, done.folder) if torch.equal(parent, child)]
    constant = ("bias", "LayerNorm", "normalization", "num_batches", "padding")
    assert [name for name in same if not any(word in name for word in constant)] == []


def test_balanced_classes_and_patience_and_few_shots_are_reported(world: World) -> None:
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


@with_each_adapter("variant", VARIANTS, ("keras", "wise_ft"), ("transformers", "wise_ft"))
def test_every_tuning_method_learns_and_resumes_to_the_same_bytes(world: World, variant: str) -> None:
    changes: dict[str, Any] = {"method": TUNE, "params": VARIANTS[variant], "epochs": 4}
    whole, metrics = finish(world, world.job("whole", **changes))
    assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"]
    events = world.adapter.run(world.job("cut", **changes))
    assert next(event for event in events if isinstance(event, Saved))
    events.close()  # type: ignore[attr-defined]
    resumed, _ = finish(world, world.job("cut", resume=True, **changes))
    assert tree(resumed.folder) == tree(whole.folder)


def test_a_strong_l2_sp_keeps_the_weights_near_the_source(world: World) -> None:
    def drift(alpha: float) -> float:
        done, _ = finish(world, world.job(f"a{alpha}", method=TUNE, params={"l2_sp": alpha}))
        return sum(float((a - b).float().norm()) for _, a, b in shared(world.source.folder, done.folder))

    assert drift(50.0) < drift(0.0) / 2


@of_each_adapter()
def test_half_the_average_lies_between_the_probe_and_the_tuned_model(world: World) -> None:
    def run(share: float) -> dict[str, torch.Tensor]:
        changes: dict[str, Any] = {"method": TUNE, "params": {"lp_ft": True, "wise_ft": share}}
        return weights(finish(world, world.job(f"s{share}", **changes))[0].folder)

    start, half, end = run(0.0), run(0.5), run(1.0)
    for name, tensor in half.items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, (start[name] + end[name]) / 2, atol=1e-5), name


def test_an_average_with_a_head_that_knows_nothing_is_refused(world: World) -> None:
    with pytest.raises(BadRecipeError, match="those of a new head are random") as refused:
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
    repeats = done.facts["repeats"]["test"]["accuracy"]  # type: ignore[index]
    assert len(repeats["values"]) == 4
    assert metrics["test", "accuracy_mean"] == pytest.approx(np.mean(repeats["values"]))
    assert repeats["values"][0] == metrics["test", "accuracy"]
    assert metrics["test", "accuracy_half_width"] == pytest.approx(3.182446305 * np.std(repeats["values"], ddof=1) / 2)
    again, _ = finish(world, world.job("again", method=PROBE, head=Head("ridge"), params={"shots": 5, "repeats": 4}))
    assert tree(again.folder) == tree(done.folder)
    with pytest.raises(BadRecipeError, match="solved instead of trained"):
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
        HowToRead(labels=labels),
        staging=tmp_path / "staging",
        cache=tmp_path / "cache",
        limits=DataLimits(),
    )
    assert listing.modality is Modality.TABULAR
    assert [row.split for row in listing.rows] == ["train"] * 48 + ["test"] * 18
    assert [row.label for row in listing.rows] == [row.label for name in roles for row in roles[name].chosen]
    again, _ = finish(world, world.job("again", method=PROBE, data=roles, params={"export": kind.value}))
    assert tree(again.folder) == tree(done.folder)
