"""The check of a trained model on its training rows: broken models are found, and sound ones are never suspected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adapters.loop.tasks.metrics import Logits, Targets
from adapters.loop.tasks.points import constant_outputs
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tags import Tags
from adapters.loop.tasks.tasks import MultiLabel, Regression, SingleLabel, Task
from adapters.loop.training.check import ROWS, TrainingCheck, compare_modes, some_of
from adapters.loop.training.learner import Learner
from adapters.torch.transfer import TorchTransfers
from registry.domain.comparison.validity import CHECK
from registry.domain.recipes.recipe import Head, Method, Optimizer, Recipe
from registry.ports.transfers import ModelInput, TransferJob
from tests.adapters.loop.worlds import World, finish, image_world

PETS = SingleLabel(("cat", "dog", "fox"))
TRUTH = np.arange(ROWS, dtype=np.int64) % 3


def logits(answers: NDArray[np.int64], classes: int = 3, sure: float = 3.0) -> Logits:
    """Outputs that give each item the class in `answers`."""
    return (np.eye(classes, dtype=np.float32) * sure)[answers]


def wrong(truth: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """`truth` with the next class for a share of the items."""
    return np.where(np.random.default_rng(1).random(len(truth)) < share, (truth + 1) % 3, truth)


def compared(evaluation: Logits, training: Logits, task: Task = PETS, truth: Targets = TRUTH) -> TrainingCheck:
    return compare_modes(task, truth, truth, evaluation, training)


def test_a_model_that_answers_by_chance_in_use_and_well_in_training_is_found() -> None:
    found = compared(logits(wrong(TRUTH, 0.67)), logits(wrong(TRUTH, 0.1)))
    assert not found.agrees
    assert (found.metric, found.rows) == ("accuracy", ROWS)
    assert found.evaluation < 0.45
    assert found.training > 0.8


@pytest.mark.parametrize("dropped", [0.0, 0.1, 0.3, 0.66])
def test_dropout_makes_training_mode_worse_and_is_no_fault(dropped: float) -> None:
    assert compared(logits(wrong(TRUTH, 0.05)), logits(wrong(TRUTH, dropped))).agrees


def test_small_differences_between_the_modes_are_no_fault() -> None:
    assert compared(logits(wrong(TRUTH, 0.2)), logits(wrong(TRUTH, 0.1))).agrees


def test_a_model_that_has_learnt_nothing_in_either_mode_is_not_broken() -> None:
    found = compared(logits(np.zeros_like(TRUTH)), logits(np.zeros_like(TRUTH)))
    assert found.agrees
    assert not found.learnt


def test_on_rare_classes_a_model_with_one_answer_has_learnt_if_its_loss_says_so() -> None:
    truth: NDArray[np.int64] = (np.arange(ROWS) % 16 == 0).astype(np.int64)
    task = SingleLabel(("sound", "ill"))
    doubts = logits(np.zeros_like(truth), 2, 4.0)
    doubts[truth == 1] = (1.0, 0.8)
    assert (doubts.argmax(axis=1) == 0).all()
    assert compared(doubts, doubts, task, truth).learnt
    prior = constant_outputs(task, truth, truth)
    assert not compared(prior, prior, task, truth).learnt


def test_with_balanced_weights_a_model_is_compared_with_a_constant_that_has_them_too() -> None:
    truth: NDArray[np.int64] = (np.arange(ROWS) % 16 == 0).astype(np.int64)
    task = SingleLabel(("sound", "ill")).balanced(truth)
    uniform = np.zeros((ROWS, 2), dtype=np.float32)
    assert compared(uniform, uniform, task, truth).explained == pytest.approx(0, abs=1e-9)
    better = logits(np.where(np.arange(ROWS) % 4 == 0, 1, 0), 2)
    assert compared(better, better, task, truth).learnt


def test_numbers_are_compared_by_their_squared_errors() -> None:
    truth = np.linspace(0, 9, ROWS, dtype=np.float32)[:, None]
    task = Regression(float(truth.mean()), float(truth.std()))
    flat = np.full_like(truth, truth.mean())
    good = truth + np.random.default_rng(2).normal(size=truth.shape).astype(np.float32)
    broken = compared(flat, good, task, truth)
    assert (broken.metric, broken.agrees, broken.learnt) == ("mean squared error", False, False)
    assert broken.explained == pytest.approx(0, abs=1e-6)
    sound = compared(good, flat, task, truth)
    assert (sound.agrees, sound.learnt) == (True, True)
    assert sound.evaluation == pytest.approx(float(((good - truth) ** 2).mean()), rel=1e-5)


def test_several_classes_per_row_are_compared_class_by_class() -> None:
    truth = (np.arange(ROWS * 3).reshape(ROWS, 3) % 4 == 0).astype(np.float32)
    task = MultiLabel(("a", "b", "c"))
    none, good = np.full_like(truth, -1.1), truth * 8 - 4
    broken, sound = compared(none, good, task, truth), compared(good, none, task, truth)
    assert (broken.agrees, broken.learnt) == (False, False)
    assert (sound.agrees, sound.learnt) == (True, True)


def test_tags_are_compared_word_by_word_without_padding() -> None:
    truth = np.tile(np.array([0, 1, 0, -100], dtype=np.int64), (ROWS, 1))
    task = Tags(("O", "B"))
    words = np.where(truth < 0, 0, truth)
    good, plain = logits(words, 2), constant_outputs(task, truth, truth)
    broken, sound = compared(plain, good, task, truth), compared(good, plain, task, truth)
    assert (broken.agrees, broken.learnt) == (False, False)
    assert broken.constant == pytest.approx(2 / 3)
    assert (sound.agrees, sound.learnt, sound.evaluation) == (True, True, 1.0)


def test_the_same_rows_are_checked_whenever_a_recipe_runs() -> None:
    assert some_of(1000, 7).tolist() == some_of(1000, 7).tolist() != some_of(1000, 8).tolist()
    assert len(some_of(1000, 7)) == ROWS
    assert some_of(5, 7).tolist() == [0, 1, 2, 3, 4]


# --- whole runs ----------------------------------------------------------------------------------------------------


class ForeignNorm(nn.Module):
    """A normalisation that keeps its statistics in its own way, so that nothing recomputes them after a short run.

    They begin far from those of the data, as with any model whose activations are small.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("variance", torch.full((1, channels, 1, 1), 25.0))

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = self.mean, self.variance
        if self.training:
            mean, variance = x.mean(dim=(0, 2, 3), keepdim=True), x.var(dim=(0, 2, 3), keepdim=True)
            with torch.no_grad():
                self.mean.lerp_(mean, 0.001)
                self.variance.lerp_(variance, 0.001)
        return (x - mean) / (variance + 1e-5).sqrt()


class ForeignNorms(TorchTransfers):
    """The torch adapter with such layers in place of BatchNorm."""

    def open(self, source: ModelInput, recipe: Recipe, task: Task, *, keep_head: bool, fresh: bool) -> Learner:
        learner = super().open(source, recipe, task, keep_head=keep_head, fresh=fresh)
        for part in list(learner.module.modules()):
            for name, child in list(part.named_children()):
                if isinstance(child, nn.BatchNorm2d):
                    setattr(part, name, ForeignNorm(child.num_features))
        return learner

    def reload(self, folder: Path, architecture: str, sample: Role) -> None:
        """No library loads such a model."""


def facts_of(world: World, job: TransferJob) -> Mapping[str, Any]:
    return finish(world, job)[0].facts


def test_a_norm_whose_statistics_never_arrive_is_recorded_and_noted(tmp_path: Path) -> None:
    world = replace(image_world(tmp_path), adapter=ForeignNorms())
    facts = facts_of(world, world.job(epochs=8, optimizer=Optimizer(lr=1e-2)))
    check = facts[CHECK]["train"]
    assert not check["agrees"], check
    assert check["training"] > 0.8
    (note,) = facts["notes"]
    assert note.startswith("on its training rows the accuracy is 0.")
    assert note.endswith("in use, the model does not answer as it was trained to")


def test_the_same_run_with_norms_that_are_recomputed_is_sound(tmp_path: Path) -> None:
    world = image_world(tmp_path)
    facts = facts_of(world, world.job(method=Method.PRETRAINING, epochs=8, optimizer=Optimizer(lr=1e-2)))
    assert facts[CHECK]["train"]["agrees"]
    assert facts[CHECK]["train"]["learnt"]
    assert not facts.get("notes")


def test_a_head_with_much_dropout_is_sound(tmp_path: Path) -> None:
    world = image_world(tmp_path)
    facts = facts_of(world, world.job(epochs=6, head=Head("mlp", 16, 0.5)))
    assert facts[CHECK]["train"]["agrees"]
    assert facts[CHECK]["train"]["training"] <= facts[CHECK]["train"]["evaluation"]
