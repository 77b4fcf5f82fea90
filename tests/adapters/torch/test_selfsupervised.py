"""Continued pretraining of image models: views and loss are those of SimCLR; the child can be a source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.torch.selfsupervised.simclr import contrast
from adapters.torch.selfsupervised.views import random_view
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Method, Optimizer
from registry.errors import BadRecipeError
from registry.ports.transfers import Saved, TransferJob
from tests.adapters.loop.worlds import CLASSES, World, finish, image_world, tree


@pytest.fixture
def world(tmp_path: Path) -> World:
    return image_world(tmp_path)


def unlabelled(world: World, work: str, **changes: Any) -> TransferJob:
    bare = replace(world.relabelled(dict.fromkeys(CLASSES)), labels=LabelKind.NONE)
    data = {"unlabelled": replace(bare, split="train"), "validation": replace(bare, split="validation")}
    wanted: dict[str, Any] = {"method": Method.CONTINUED_PRETRAINING, "data": data, "metrics": ("loss",), "epochs": 4}
    return world.job(work, **wanted | {"batch_size": 16, "optimizer": Optimizer(lr=5e-3)} | changes)


def test_the_contrast_is_the_papers_formula() -> None:
    draw = torch.Generator().manual_seed(0)
    one, two = torch.randn(4, 6, generator=draw), torch.randn(4, 6, generator=draw)
    views = torch.nn.functional.normalize(torch.cat([one, two]), dim=1)
    total = 0.0
    for i in range(8):
        alike = torch.exp(views @ views[i] / 0.5)
        total -= float(torch.log(alike[(i + 4) % 8] / (alike.sum() - alike[i])))
    assert float(contrast(one, two, 0.5)) == pytest.approx(total / 8, rel=1e-5)


def test_views_differ_keep_their_size_and_follow_the_seed() -> None:
    pictures = torch.rand(3, 3, 20, 20)
    torch.manual_seed(1)
    one, two = random_view(pictures), random_view(pictures)
    torch.manual_seed(1)
    assert torch.equal(one, random_view(pictures))
    assert one.shape == pictures.shape
    assert not torch.allclose(one, two)
    assert one.isfinite().all()


def test_the_trunk_learns_without_labels_and_is_a_source_again(world: World) -> None:
    done, metrics = finish(world, unlabelled(world, "work", epochs=8))
    _, before = finish(world, unlabelled(world, "short", epochs=1))
    assert metrics["validation", "loss"] < before["validation", "loss"]
    assert done.architecture == world.source.architecture
    _, probe = finish(world.child(done), world.child(done).job("probe", method=Method.FEATURE_EXTRACTION))
    assert probe["test", "accuracy"] > probe["test", "baseline_accuracy"]


def test_an_interrupted_run_resumes_to_the_same_bytes(world: World) -> None:
    whole, _ = finish(world, unlabelled(world, "whole"))
    events = world.adapter.run(unlabelled(world, "cut"))
    assert next(event for event in events if isinstance(event, Saved))
    events.close()  # type: ignore[attr-defined]
    torch.manual_seed(3)
    resumed, _ = finish(world, unlabelled(world, "cut", resume=True))
    assert tree(resumed.folder) == tree(whole.folder)


def test_a_batch_too_small_to_contrast_is_refused(world: World) -> None:
    with pytest.raises(BadRecipeError, match="'batch_size' is 4"):
        finish(world, unlabelled(world, "small", batch_size=4))
