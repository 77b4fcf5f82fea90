"""Runs a model through its adapter outside of a step: what it gives for rows is measured, and nothing is published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lineage import Assurance
from registry.domain.catalog.models import VersionDetail
from registry.domain.codec.recipe import recipe_from_record
from registry.domain.data.datasets import LabelKind
from registry.domain.names import VersionRef
from registry.domain.recipes.methods import SOURCE
from registry.domain.recipes.recipe import Method, Recipe, Resources
from registry.domain.transfers.recorded import OWN_CODE
from registry.domain.transfers.steps import StepDetail, StepInput
from registry.errors import AdapterError
from registry.ports.transfers import AdapterOffer, DataInput, Determinism, Finished, ModelInput, TransferJob
from registry.services.artifacts.model_inputs import model_input
from registry.services.context import Context
from registry.services.recipes.recipes import complete, read_recipe

_RECIPE = """\
schema: forebear/recipe/v1
output: {output}
method: {method}
source: {source}
data:
  train: {{dataset: {train[0]}, split: {train[1]}}}
  test: {{dataset: {test[0]}, split: {test[1]}}}
"""
Split = tuple[VersionRef, str]
"""A dataset version and the name of one of its splits."""


def recipe_of(
    context: Context,
    model: VersionDetail,
    step: StepDetail,
    method: Method,
    *,
    train: Split,
    test: Split,
    labels: LabelKind,
) -> tuple[Recipe, AdapterOffer]:
    """How `model`, which `step` made, reads such data: texts and images as long and as large as its own step did.

    A program of somebody's own left no recipe that says so: what it made is read as an import is.
    Raises: BadRecipeError where its adapter does not know `method`.
    """
    ref, offers = model.summary.ref, context.plugins.offers()
    places = {"train": (train[0], json.dumps(train[1])), "test": (test[0], json.dumps(test[1]))}
    text = _RECIPE.format(output=ref.name, method=method, source=ref, **places)
    kind, modality = model.architecture, model.model.modality
    recipe = complete(read_recipe(text), modality=modality, offers=offers, labels=labels, architecture=kind)
    if step.summary.method is not Method.IMPORT and step.summary.adapter != OWN_CODE:
        before = recipe_from_record({k: v for k, v in step.recipe.items() if k != "submitted"})
        recipe = replace(recipe, image_size=before.image_size, max_length=before.max_length)
    return recipe, offers[recipe.adapter]


def with_its_head(
    context: Context, model: VersionDetail, step: StepDetail, rows: Split, labels: LabelKind
) -> tuple[Recipe, AdapterOffer]:
    """As `recipe_of`, for a model whose head is only asked. A recipe must name rows to learn from: none are given."""
    unread = (rows[0], f"not-{rows[1]}")
    return recipe_of(context, model, step, Method.FINE_TUNING, train=unread, test=rows, labels=labels)


def source_of(context: Context, model: VersionDetail, folder: Path) -> ModelInput:
    """The files of `model`, written into the new `folder`."""
    summary = model.summary
    return model_input(context, StepInput(summary.ref, summary.digest, SOURCE, None, Assurance.OBSERVED), folder)


def ask(
    context: Context,
    recipe: Recipe,
    source: ModelInput,
    data: Mapping[str, DataInput],
    work: Path,
    *,
    seed: int,
    outputs: bool = False,
    any_labels: bool = False,
    norms: bool = False,
    words: bool = False,
) -> Finished:
    """Run `recipe` in `work`, on as many threads as a step whose recipe asks for none. Raises: AdapterError."""
    settings = context.settings
    granted = context.plugins.engine(settings.engine).grant(Resources(cpus=settings.threads))
    job = TransferJob(
        recipe=recipe,
        sources=(source,),
        data=data,
        work=work,
        features=context.home / "cache" / "features",
        determinism=Determinism(seed, max(1, granted.cpus)),
        device=settings.device,
        outputs=outputs,
        any_labels=any_labels,
        norms=norms,
        words=words,
    )
    finished: Finished | None = None
    for event in context.plugins.transfer(recipe.adapter).run(job):
        finished = event if isinstance(event, Finished) else finished
    if finished is None:
        raise AdapterError(f"The adapter {recipe.adapter} ended without any result")
    return finished
