"""Asks a version about rows: what its head gives for each, and the features that the head reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np

from registry.domain.catalog.models import VersionDetail
from registry.domain.comparison.statistics.two_samples import Floats
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind
from registry.domain.recipes.methods import TEST, TRAIN
from registry.domain.recipes.recipe import Recipe
from registry.domain.transfers.steps import StepDetail
from registry.errors import AdapterError, InvalidError
from registry.ports.transfers import DataInput, ModelInput
from registry.services.comparison.arm_recipes import as_it_is
from registry.services.comparison.asking import ask, source_of, with_its_head
from registry.services.comparison.baselines import read_answers
from registry.services.context import Context
from registry.services.selection.candidates import Eligible, feature_recipe
from registry.services.selection.heads import OUTPUTS, chances
from registry.services.selection.measuring import features_of


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two samples: the dataset, and the rows of it that are compared, in order of key."""

    detail: DatasetVersionDetail
    data: DataInput


@dataclass(frozen=True, slots=True)
class Answered:
    """What the version answered to each row: the prediction, and by class the chance that it gives (N x C).

    For numbers the one column is the prediction; for tags of words the chances are means over the words of a row.
    """

    answers: tuple[object, ...]
    outputs: Floats
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks `model`, which `step` made, each time in a new folder below `folder`."""

    context: Context
    model: VersionDetail
    step: StepDetail
    folder: Path
    seed: int
    _numbers: count[int] = field(default_factory=count)

    def features(self, side: Side) -> Floats:
        """What the head reads, for each row (N x D). Raises: BadRecipeError where it gives none, InvalidError."""
        split = side.data.split
        recipe = feature_recipe(self.context, self.model, side.detail, split=split, seed=self.seed)
        data = side.data
        if data.labels is LabelKind.TAGS:  # features are those of whole texts, which no single word labels
            rows = tuple(replace(row, label=None) for row in data.rows)
            data = replace(data, rows=rows, labels=LabelKind.NONE)
        found = features_of(self.context, Eligible(self.model, recipe, ()), data, self._place())[0]
        return self._finite(np.asarray(found, dtype=np.float64), "features")

    def answers(self, sides: Sequence[Side]) -> list[Answered]:
        """What it answers to the rows of each side, whose labels must be classes that it knows.

        Raises: BadRecipeError where it has no head, BadDataError for a label that it does not know, InvalidError.
        """
        source = source_of(self.context, self.model, self._place() / "model")
        return [self._answered(source, side) for side in sides]

    def _answered(self, source: ModelInput, side: Side) -> Answered:
        recipe = self._recipe(side)
        data = {TRAIN: side.data, TEST: side.data}  # nothing is trained: adapters insist on rows to learn from
        finished = ask(self.context, recipe, source, data, self._place(), seed=self.seed, outputs=True)
        answers = read_answers(finished.folder, side.data)
        try:
            outputs = np.load(finished.folder / OUTPUTS, allow_pickle=False).astype(np.float64)
        except OSError as error:
            raise AdapterError(f"The adapter {recipe.adapter} gives no outputs") from error
        outputs, labels = self._finite(outputs, "outputs"), side.data.labels
        if labels is LabelKind.TAGS:
            return Answered(answers, _of_words(outputs), finished.classes)
        return Answered(answers, chances(outputs.reshape(len(answers), -1), labels), finished.classes)

    def _recipe(self, side: Side) -> Recipe:
        rows = side.detail.summary.ref, side.data.split
        return as_it_is(*with_its_head(self.context, self.model, self.step, rows, side.data.labels))

    def _finite(self, values: Floats, what: str) -> Floats:
        if not np.isfinite(values).all():
            raise InvalidError(
                f"The {what} of {self.model.summary.ref} for these rows hold values that are not finite numbers"
            )
        return values

    def _place(self) -> Path:
        place = self.folder / f"ask-{next(self._numbers)}"
        place.mkdir()
        return place


def _of_words(outputs: Floats) -> Floats:
    """The chance of each tag, by the mean over the words of a row (N x C), from outputs by word (N x W x C).

    Words whose outputs are all zero are padding, or were cut off.
    """
    there = (outputs != 0).any(axis=-1, keepdims=True)
    each = chances(outputs.reshape(-1, outputs.shape[-1]), LabelKind.CLASS).reshape(outputs.shape)
    words = np.maximum(1, there.sum(axis=1))
    found: Floats = np.where(there, each, 0.0).sum(axis=1) / words
    return found
