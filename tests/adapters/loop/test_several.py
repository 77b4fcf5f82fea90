"""Multi-task learning, and distillation from several teachers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import load_file

from adapters.loop.methods.distillation import soft_loss
from adapters.loop.tasks.tasks import MultiLabel, Regression, SingleLabel
from lineage import Digest
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Method, Optimizer
from registry.errors import BadRecipeError
from registry.ports.transfers import DataInput, ModelInput, Saved, TransferJob
from tests.adapters.loop.worlds import NETWORKS, WORLDS, World, finish, tree, with_each_network


@pytest.fixture(params=NETWORKS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return WORLDS[request.param](tmp_path)


def two_tasks(world: World) -> dict[str, DataInput]:
    """Two tasks on the same items: the kind of fruit (a class) and its price (a number)."""
    price = replace(world.relabelled({"apple": "1", "pear": "2.5", "plum": "9"}), labels=LabelKind.NUMBER)
    return {
        f"{role}.{task}": replace(data, split=role)
        for task, data in (("fruit", world.data), ("price", price))
        for role in ("train", "validation", "test")
    }


def several(world: World, work: str, **changes: Any) -> TransferJob:
    wanted: dict[str, Any] = {"method": Method.MULTI_TASK, "data": two_tasks(world), "epochs": 10}
    wanted |= {"metrics": ("accuracy", "rmse"), "optimizer": Optimizer(lr=0.01)}
    return world.job(work, **wanted | changes)


@with_each_network("weighting", ["fixed", "uncertainty"], ("keras", "uncertainty"), ("transformers", "fixed"))
def test_two_tasks_are_learnt_at_once_and_resume_to_the_same_bytes(world: World, weighting: str) -> None:
    params = {"weighting": weighting}
    whole, metrics = finish(world, several(world, "whole", params=params))
    assert metrics["test.fruit", "accuracy"] > metrics["test.fruit", "baseline_accuracy"]
    assert metrics["test.price", "rmse"] < metrics["test.price", "baseline_rmse"]
    assert set(whole.facts["tasks"]) == {"fruit", "price"}  # type: ignore[call-overload]
    events = world.adapter.run(several(world, "cut", params=params))
    assert next(event for event in events if isinstance(event, Saved))
    events.close()  # type: ignore[attr-defined]
    resumed, _ = finish(world, several(world, "cut", params=params, resume=True))
    assert tree(resumed.folder) == tree(whole.folder)


def test_every_head_is_kept_by_name_and_the_first_loads_as_usual(world: World) -> None:
    done, metrics = finish(world, several(world, "work"))
    heads, config = load_file(done.folder / "heads.safetensors"), json.loads((done.folder / "heads.json").read_text())
    assert heads["fruit.weight"].shape[0] == 3
    assert heads["price.weight"].shape[0] == 1
    assert config["heads"]["fruit"]["classes"] == ["apple", "pear", "plum"]
    alone = replace(world.child(done), data=world.data).job("again", method=Method.FINE_TUNING, epochs=0)
    _, again = finish(world, alone)
    assert again["test", "accuracy"] == metrics["test.fruit", "accuracy"]


def test_one_task_or_an_unknown_one_is_refused(world: World) -> None:
    one = {role: data for role, data in two_tasks(world).items() if role.endswith("fruit")}
    with pytest.raises(BadRecipeError, match="needs two tasks"):
        finish(world, several(world, "one", data=one))
    with pytest.raises(BadRecipeError, match=r"'params\.weights' names 'frut'"):
        finish(world, several(world, "two", params={"weights": {"frut": 2.0}}))
    with pytest.raises(BadRecipeError, match="takes several tasks"):
        finish(world, several(world, "three", data={"train": world.data}))


def taught(world: World, work: str, **changes: Any) -> tuple[World, TransferJob]:
    done, _ = finish(world, world.job("teacher", method=Method.FINE_TUNING, epochs=8, optimizer=Optimizer(lr=0.01)))
    teacher = replace(world.child(done).source, role="teacher", label="test/teacher/1")
    wanted: dict[str, Any] = {"method": Method.DISTILLATION, "sources": (world.source, teacher), "epochs": 10}
    wanted |= {"optimizer": Optimizer(lr=0.01)}
    return world, world.job(work, **wanted | changes)


@with_each_network("student", ["pretrained", "fresh"], ("keras", "fresh"), ("transformers", "pretrained"))
def test_a_student_learns_from_its_teacher_and_asks_it_once(world: World, student: str) -> None:
    params = {"student": student, "alpha": 1.0}
    _, job = taught(world, "whole", params=params)
    whole, metrics = finish(world, job)
    if student == "pretrained":  # a few steps on 48 rows are too few for a transformer from nothing
        assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"]
    assert whole.facts["teacher_answers_computed"] == 48
    again, _ = finish(world, replace(job, work=world.folder / "again"))
    assert again.facts["teacher_answers_computed"] == 0
    assert tree(again.folder) == tree(whole.folder)


def test_a_teacher_of_other_classes_or_without_a_head_is_refused(world: World) -> None:
    bare = ModelInput(world.source.folder, Digest.of(b"x"), "teacher", world.source.architecture, "test/bare/1")
    job = world.job(method=Method.DISTILLATION, sources=(world.source, bare))
    with pytest.raises(BadRecipeError, match="The classes of the teacher test/bare/1 are not those of the data"):
        finish(world, job)
    with pytest.raises(BadRecipeError, match="takes 1 to 8 as teacher"):
        finish(world, world.job("none", method=Method.DISTILLATION))


def test_the_soft_loss_is_that_of_the_paper() -> None:
    draw = torch.Generator().manual_seed(1)
    outputs, soft = torch.randn(5, 3, generator=draw), torch.randn(5, 3, generator=draw)
    task = SingleLabel(("a", "b", "c"))
    p, q = (F.softmax(x / 4, dim=1) for x in (soft, outputs))
    assert float(soft_loss(task, outputs, soft, 4.0)) == pytest.approx(
        float(16 * (p * (p / q).log()).sum(dim=1).mean()), rel=1e-5
    )
    assert float(soft_loss(task, soft, soft, 4.0)) == pytest.approx(0, abs=1e-6)
    assert float(soft_loss(Regression(3, 2), outputs, soft, 4.0)) == pytest.approx(
        float((outputs - soft).square().mean())
    )
    p = (soft / 2).sigmoid()
    wanted = F.binary_cross_entropy((outputs / 2).sigmoid(), p) * 4
    assert float(soft_loss(MultiLabel(("a", "b", "c")), outputs, soft, 2.0)) == pytest.approx(float(wanted), rel=1e-5)


def test_teachers_answers_are_averaged(world: World) -> None:
    _, job = taught(world, "one", params={"alpha": 1.0})
    twice = replace(job, work=world.folder / "two", sources=(*job.sources, job.sources[1]))
    one, two = finish(world, job)[0], finish(world, twice)[0]
    first, second = (load_file(done.folder / "model.safetensors") for done in (one, two))
    assert all(np.allclose(first[n].float(), second[n].float(), atol=1e-4) for n in first)
