"""Asks a version about rows: what its head gives for each, and the features that the head reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np

from lineage import Assurance
from registry.domain.catalog.models import VersionDetail
from registry.domain.codec.recipe import recipe_from_record
from registry.domain.comparison.statistics.two_samples import Floats
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind
from registry.domain.recipes.methods import SOURCE, TEST, TRAIN
from registry.domain.recipes.recipe import Method, Recipe, Resources
from registry.domain.transfers.steps import StepDetail, StepInput
from registry.errors import AdapterError, BadRecipeError, InvalidError
from registry.ports.transfers import DataInput, Determinism, Finished, ModelInput, TransferJob
from registry.services.artifacts.model_inputs import model_input
from registry.services.comparison.arm_recipes import as_it_is
from registry.services.comparison.baselines import read_answers
from registry.services.context import Context
from registry.services.recipes.recipes import complete, read_recipe
from registry.services.selection.candidates import Eligible, feature_recipe
from registry.services.selection.measuring import features_of

OUTPUTS = "outputs.npy"
_RECIPE = """\
schema: forebear/recipe/v1
output: {output}
method: fine_tuning
source: {source}
data:
  train: {{dataset: {data}, split: {unread}}}
  test: {{dataset: {data}, split: {split}}}
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two samples: the dataset, and the rows of it that are compared, in order of key."""

    detail: DatasetVersionDetail
    data: DataInput


@dataclass(frozen=True, slots=True)
class Answered:
    """What the version answered to each row: the prediction, and by class the chance that it gives (N x C).

    For numbers the one column is the prediction.
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
        found = features_of(self.context, Eligible(self.model, recipe, ()), side.data, self._place())[0]
        return self._finite(np.asarray(found, dtype=np.float64), "features")

    def answers(self, sides: Sequence[Side]) -> list[Answered]:
        """What it answers to the rows of each side, whose labels must be classes that it knows.

        Raises: BadRecipeError where it has no head, BadDataError for a label that it does not know, InvalidError.
        """
        item = StepInput(self.model.summary.ref, self.model.summary.digest, SOURCE, None, Assurance.OBSERVED)
        source = model_input(self.context, item, self._place() / "model")
        return [self._answered(source, side) for side in sides]

    def _answered(self, source: ModelInput, side: Side) -> Answered:
        recipe = self._recipe(side)
        engine = self.context.plugins.engine(self.context.settings.engine)
        job = TransferJob(
            recipe=recipe,
            sources=(source,),
            data={TRAIN: side.data, TEST: side.data},  # nothing is trained: adapters insist on rows to learn from
            work=self._place(),
            features=self.context.home / "cache" / "features",
            determinism=Determinism(self.seed, max(1, engine.grant(Resources()).cpus)),
            device=self.context.settings.device,
            outputs=True,
        )
        finished: Finished | None = None
        for event in self.context.plugins.transfer(recipe.adapter).run(job):
            finished = event if isinstance(event, Finished) else finished
        if finished is None:
            raise AdapterError(f"The adapter {recipe.adapter} ended without any answers")
        answers = read_answers(finished.folder, side.data)
        try:
            outputs = np.load(finished.folder / OUTPUTS, allow_pickle=False).astype(np.float64)
        except OSError as error:
            raise AdapterError(f"The adapter {recipe.adapter} gives no outputs") from error
        outputs = self._finite(outputs.reshape(len(answers), -1), "outputs")
        return Answered(answers, _chances(outputs, side.data.labels), finished.classes)

    def _recipe(self, side: Side) -> Recipe:
        """How the version reads such rows: texts and images as long and as large as its own step did."""
        summary, offers = side.detail.summary, self.context.plugins.offers()
        ref = self.model.summary.ref
        split = side.data.split  # a recipe must name rows to learn from; none are given to the adapter
        text = _RECIPE.format(
            output=ref.name,
            source=ref,
            data=summary.ref,
            split=json.dumps(split),
            unread=json.dumps(f"not-{split}"),
        )
        recipe = complete(
            read_recipe(text),
            modality=self.model.model.modality,
            offers=offers,
            labels=side.data.labels,
            architecture=self.model.architecture,
        )
        if Method.FINE_TUNING not in offers[recipe.adapter].methods:
            raise BadRecipeError(f"The adapter {recipe.adapter} cannot run the version as it is")
        if self.step.summary.method is not Method.IMPORT:
            before = recipe_from_record({k: v for k, v in self.step.recipe.items() if k != "submitted"})
            recipe = replace(recipe, image_size=before.image_size, max_length=before.max_length)
        return as_it_is(recipe, offers[recipe.adapter])

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


def _chances(outputs: Floats, labels: LabelKind) -> Floats:
    """The outputs of a head as chances; numbers as they are."""
    if labels is LabelKind.NUMBER:
        return outputs
    if labels is LabelKind.MANY:
        both: Floats = 1.0 / (1.0 + np.exp(-np.clip(outputs, -500, 500)))
        return both
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found
