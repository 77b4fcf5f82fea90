"""A step with baselines on six hundred reviews, and how to read what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from lineage import Digest
from registry.domain.comparison.answers import Arms, read_arms
from registry.domain.comparison.records import verdict_of
from registry.domain.comparison.verdict import TransferVerdict
from registry.domain.names import Reference
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepDetail
from registry.services.context import Context
from registry.services.transfers.verbs import Transfers
from tests.fakes.predicting import PredictingAdapter

RECIPE = """\
schema: forebear/recipe/v1
output: text/reviews
method: fine_tuning
source: models:/library/bert
data: {train: {dataset: datasets:/data/reviews}}
seed: 7
"""


DATA = "data: {train: {dataset: datasets:/data/reviews}}"


CHILD = Reference.parse("models:/text/reviews")


def compared(context: Context, recipe: str = RECIPE, seeds: int = 3) -> StepDetail:
    return Transfers(context).submit(recipe, baselines=True, seeds=seeds)


def verdict(step: StepDetail) -> TransferVerdict:
    found = verdict_of(step.manifest)
    assert found is not None
    return found


def record(step: StepDetail) -> Mapping[str, Any]:
    assert step.manifest is not None
    facts = cast("Mapping[str, Mapping[str, Any]]", step.manifest["facts"])
    return facts["baselines"]


def answers(context: Context, step: StepDetail) -> Arms:
    return read_arms(context.blobs.open(Digest.parse(record(step)["answers"]["digest"])).read())


def ran(adapter: PredictingAdapter) -> list[tuple[Method, int, float, bool]]:
    """Every job: its method, seed and rate, and whether it saw test data."""
    return [(j.recipe.method, j.recipe.seed, j.recipe.optimizer.lr, "test" in j.data) for j in adapter.jobs]
