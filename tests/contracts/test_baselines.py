"""Baselines over every adapter: a source that helps is positive, one that harms negative, an equal one neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from registry.domain.comparison.scoring import verdict_on
from registry.domain.comparison.verdict import ArmKind, Outcome, TransferVerdict
from registry.domain.names import Reference
from registry.domain.recipes.recipe import DataChoice, Method, Optimizer
from registry.ports.transfers import Advanced, DataInput, ModelInput, Saved, TransferJob
from registry.services.comparison.arm_recipes import Plan
from registry.services.comparison.baselines import Baselines
from tests.adapters.loop import worlds
from tests.adapters.loop.worlds import WORLDS, World, finish, of_each_adapter

DATASET = Reference.parse("datasets:/test/fruit/1")
PROBE, TUNE = Method.FEATURE_EXTRACTION, Method.FINE_TUNING


def enough(world: World) -> int:
    """Epochs in which the model learns something from random weights: more for a transformer."""
    return 3 if world.source.architecture.startswith("transformers:Bert") else 1


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Enough rows to be tested on."""
    monkeypatch.setattr(worlds, "SPLITS", {"validation": 15, "test": 60, "related": 160})
    return WORLDS[request.param](tmp_path)


def compared(world: World, job: TransferJob, production: ModelInput | None = None) -> tuple[Baselines, TransferVerdict]:
    """The step's own job, then its arms, and what follows from their answers."""
    job = replace(job, recipe=replace(job.recipe, data={role: DataChoice(DATASET, role) for role in job.data}))
    done, _ = finish(world, job)
    baselines = Baselines(world.adapter, job, Plan((7, 8, 9)), production)
    told = list(baselines.run(done))
    assert {type(event) for event in told} <= {Advanced, Saved}
    assert {event.phase.partition(":")[0] for event in told if isinstance(event, Advanced)} >= {"scratch, seed 8"}
    return baselines, verdict_on(baselines.collect("step-1"))


@pytest.fixture(scope="module")
def schools() -> dict[str, World]:
    """The worlds whose source was `schooled`, by their adapter: each is trained once."""
    return {}


def schooled(world: World, schools: dict[str, World]) -> World:
    """The source after it has learnt the matter, with a head for its classes."""
    name = world.adapter.offer.name
    if name not in schools:
        schools[name] = _trained(world)
    return replace(world, source=schools[name].source)


def _trained(world: World) -> World:
    data = {"train": replace(world.data, split="related"), "validation": replace(world.data, split="validation")}
    job = world.job("school", method=Method.PRETRAINING, epochs=12, optimizer=Optimizer(lr=5e-3), data=data)
    return world.child(finish(world, job)[0], "schooled")


def emptied(world: World) -> World:
    """The source with every weight at nothing: what went in does not matter any more."""
    path = world.source.folder / "model.safetensors"
    tensors = {name: torch.zeros_like(t) if t.is_floating_point() else t for name, t in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})
    return world


def rows(world: World) -> dict[str, DataInput]:
    """The related rows to learn from, and no validation: from scratch takes the middle rate."""
    return {role: replace(world.data, split=split) for role, split in (("train", "related"), ("test", "test"))}


def test_a_source_trained_on_the_subject_is_shown_to_help(world: World, schools: dict[str, World]) -> None:
    taught = schooled(world, schools)
    words = world.adapter.offer.name == "gensim"  # vectors of words hardly move at the rate of a network
    epochs, rate = (6, 1e-2) if words else (enough(world), 1e-3)
    job = taught.job(method=TUNE, epochs=epochs, batch_size=16, optimizer=Optimizer(lr=rate), data=rows(world))
    _, verdict = compared(taught, job)
    assert verdict.outcome in {Outcome.POSITIVE, Outcome.HELPFUL}, verdict  # the probe may be as good
    assert [score.arm for score in verdict.scores] == [
        ArmKind.TRANSFER,
        ArmKind.SCRATCH,
        ArmKind.PROBE,
        ArmKind.CONSTANT,
    ]


@of_each_adapter()
def test_a_source_with_all_weights_at_zero_gives_a_negative_verdict(world: World) -> None:
    job = emptied(world).job(method=PROBE, epochs=8, batch_size=16, data=rows(world))
    _, verdict = compared(world, job)
    assert verdict.outcome is Outcome.NEGATIVE, verdict


@of_each_adapter()
def test_a_source_that_was_never_trained_gives_an_inconclusive_verdict(world: World) -> None:
    job = world.job(method=TUNE, epochs=enough(world), batch_size=16, optimizer=Optimizer(lr=1e-3), data=rows(world))
    _, verdict = compared(world, job)
    assert verdict.outcome is Outcome.INCONCLUSIVE, verdict


@of_each_adapter()
def test_a_version_in_production_answers_as_it_is(world: World, schools: dict[str, World]) -> None:
    taught = schooled(world, schools)
    job = world.job(method=PROBE, epochs=1, data=rows(world))
    baselines, verdict = compared(world, job, replace(taught.source, role="production"))
    score = verdict.score(ArmKind.PRODUCTION)
    assert score is not None, baselines.skipped
    assert score.mean.value > 0.9
