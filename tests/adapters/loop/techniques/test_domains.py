"""Domain adaptation: the distances are those of the papers; labels of the target domain are never used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from adapters.loop.techniques.domains import WIDTHS, Discriminator, coral, mmd
from adapters.loop.techniques.together import Together, part_of
from adapters.loop.training.learner import ArrayItems
from lineage import Digest
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Freeze, Method
from registry.errors import BadDataError, BadRecipeError
from registry.ports.transfers import Advanced, DataInput, Saved
from tests.adapters.loop.worlds import (
    CLASSES,
    NETWORKS,
    WORLDS,
    World,
    finish,
    of_each_network,
    tree,
    with_each_network,
)


def features(seed: int, rows: int = 30, size: int = 4) -> torch.Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))


def test_coral_is_the_distance_of_the_covariances() -> None:
    one, two = features(1), 2 * features(2, rows=20)
    wanted = np.sum((np.cov(one.T.numpy()) - np.cov(two.T.numpy())) ** 2) / (4 * 16)
    assert float(coral(one, two)) == pytest.approx(float(wanted), rel=1e-5)
    assert float(coral(one, one + 7)) == pytest.approx(0, abs=1e-9)


def test_mmd_is_the_sum_over_pairs_and_zero_for_the_same_items() -> None:
    one, two = features(1, 6).double(), features(2, 5).double() + 1
    both = torch.cat([one, two]).float()
    distances = torch.cdist(both, both).square()
    width = distances.mean()
    kernel = sum(torch.exp(-distances / (w * width)) for w in WIDTHS) / len(WIDTHS)
    assert isinstance(kernel, torch.Tensor)
    wanted = kernel[:6, :6].mean() + kernel[6:, 6:].mean() - 2 * kernel[:6, 6:].mean()
    assert float(mmd(one, two)) == pytest.approx(float(wanted), abs=1e-5)
    assert float(mmd(one, one)) == pytest.approx(0, abs=1e-6)
    assert float(mmd(one, one + 3)) > float(mmd(one, one + 0.1))


def test_the_discriminator_reverses_its_gradient_with_growing_weight() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(4, steps=10)
    one, two = features(1).requires_grad_(), features(2)
    gradients = []
    for _ in range(10):
        plain = nn.functional.binary_cross_entropy_with_logits(
            discriminator.layers(torch.cat([one, two])).squeeze(1), torch.cat([torch.zeros(30), torch.ones(30)])
        )
        (straight,) = torch.autograd.grad(plain, one)
        (turned,) = torch.autograd.grad(discriminator(one, two), one)
        gradients.append(float((turned * straight).sum() / straight.square().sum()))
    assert gradients[0] == 0
    assert gradients == sorted(gradients, reverse=True)
    assert -1 < gradients[-1] < -0.99


def test_pairs_repeat_the_shorter_domain() -> None:
    here, there = ArrayItems(torch.arange(3.0)[:, None]), ArrayItems(torch.arange(10.0, 15.0)[:, None])
    pairs = Together({"source": here, "target": there})
    batch = pairs.batch(np.array([4, 0, 3]))
    assert part_of(batch, "source").flatten().tolist() == [1.0, 0.0, 0.0]  # type: ignore[union-attr]
    assert part_of(batch, "target").flatten().tolist() == [14.0, 10.0, 13.0]  # type: ignore[union-attr]


@pytest.fixture(params=NETWORKS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return WORLDS[request.param](tmp_path)


def domains(world: World, target: DataInput | None = None) -> dict[str, DataInput]:
    """Training rows as the source domain, validation rows as the target domain."""
    target = target or world.data
    return {
        "source-domain": replace(world.data, split="train"),
        "target-domain": replace(target, split="validation"),
        "test": replace(target, split="test"),
    }


@with_each_network("align", ["coral", "mmd", "dann", "adabn"], ("keras", "mmd"), ("transformers", "dann"))
def test_every_alignment_learns_and_resumes_to_the_same_bytes(world: World, align: str) -> None:
    changes: dict[str, Any] = {
        "method": Method.DOMAIN_ADAPTATION,
        "data": domains(world),
        "params": {"align": align, "align_weight": 0.2},
        "epochs": 12,
    }
    if align == "adabn" and not any(name.endswith(("running_mean", "moving_mean")) for name in tensors_of(world)):
        with pytest.raises(BadRecipeError, match="no BatchNorm layers, which adabn adapts"):
            finish(world, world.job(**changes))
        return
    whole, metrics = finish(world, world.job("whole", **changes))
    assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"]
    assert {("test", "source_only_accuracy"), ("test", "source_only_macro_f1")} <= metrics.keys()
    events = world.adapter.run(world.job("cut", **changes))
    assert next(event for event in events if isinstance(event, Saved))
    events.close()  # type: ignore[attr-defined]
    resumed, again = finish(world, world.job("cut", resume=True, **changes))
    assert tree(resumed.folder) == tree(whole.folder)
    assert again == metrics


@with_each_network("align", ["adabn"])
def test_statistics_of_a_frozen_backbone_adapt_to_the_target(world: World, align: str) -> None:
    """Nothing else of it changes, which the step proves."""
    if not any(name.endswith(("running_mean", "moving_mean")) for name in tensors_of(world)):
        pytest.skip("this source has no statistics")
    changes: dict[str, Any] = {"data": domains(world), "params": {"align": align}, "freeze": Freeze(what="backbone")}
    done, _ = finish(world, world.job(method=Method.DOMAIN_ADAPTATION, **changes))
    effect: Any = done.facts["effect"]
    assert effect["changed"] > 0 < effect["frozen"]


def tensors_of(world: World) -> list[str]:
    from safetensors import safe_open

    with safe_open(world.source.folder / "model.safetensors", "pt") as file:
        return list(file.keys())


@of_each_network()
def test_the_targets_labels_are_never_used(world: World) -> None:
    blind = replace(world.relabelled(dict.fromkeys(CLASSES)), labels=LabelKind.NONE)
    turned = world.relabelled(dict(zip(CLASSES, CLASSES[1:] + CLASSES[:1], strict=True)))
    made = []
    for name, target in (("seen", world.data), ("blind", blind), ("turned", turned)):
        data = domains(world) | {"target-domain": replace(target, split="validation", digest=Digest.of(b"same"))}
        done, _ = finish(world, world.job(name, method=Method.DOMAIN_ADAPTATION, data=data))
        made.append(tree(done.folder)["model.safetensors"])
    assert made[0] == made[1] == made[2]


def test_domains_with_other_label_spaces_are_refused(world: World) -> None:
    other = world.relabelled({"plum": "cherry"})
    with pytest.raises(BadDataError, match="different classes: 'cherry'") as refused:
        finish(world, world.job(method=Method.DOMAIN_ADAPTATION, data=domains(world, other)))
    assert "fine_tuning" in str(refused.value.remedy)


@of_each_network()
def test_without_the_weight_of_an_alignment_the_same_training_without_it_reaches_the_same(world: World) -> None:
    changes: dict[str, Any] = {"method": Method.DOMAIN_ADAPTATION, "data": domains(world)}
    _, metrics = finish(world, world.job("idle", params={"align": "coral", "align_weight": 0.0}, **changes))
    assert metrics["test", "source_only_accuracy"] == metrics["test", "accuracy"]
    done, alone = finish(world, world.job("off", params={"align": "coral", "source_only": False}, **changes))
    assert not any(name.startswith("source_only_") for _, name in alone)
    assert "training_check" in done.facts


@of_each_network()
def test_a_run_that_is_cut_while_it_trains_without_alignment_goes_on_there(world: World) -> None:
    changes: dict[str, Any] = {"method": Method.DOMAIN_ADAPTATION, "data": domains(world), "params": {"align": "mmd"}}
    _, whole = finish(world, world.job("whole", **changes))
    events = world.adapter.run(world.job("cut", **changes))
    for event in events:
        if isinstance(event, Advanced) and event.phase == "without alignment" and event.step > 8:
            assert event.total is not None
            break
    events.close()  # type: ignore[attr-defined]
    _, resumed = finish(world, world.job("cut", resume=True, **changes))
    assert resumed == whole
