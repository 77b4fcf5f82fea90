"""A registry with a model and a dataset of reviews, and the recipe of a step on both."""

from __future__ import annotations

from pathlib import Path

from registry.domain.data.datasets import LabelKind
from registry.domain.names import Name, Reference
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.transfers.running import run_step
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context

REVIEWS = Name("data", "reviews")
TABLE = "text,label\n" + "".join(f"review {n},{'good' if n % 2 else 'bad'}\n" for n in range(20))
RATED = "text,label\n" + "".join(f"review {'a' * n},{n / 4 - 2}\n" for n in range(20))
RECIPE = """\
schema: forebear/recipe/v1
output: text/reviews
method: feature_extraction
source: models:/library/bert
data: {train: {dataset: datasets:/data/reviews}}
"""
CHILD = Reference.parse("models:/text/reviews")
EXPORT = RECIPE.replace("text/reviews", "data/features") + "params: {export: npz}\n"
"""The same step, whose output is a dataset of features."""
MADE = Reference.parse("datasets:/data/features")


def open_with_reviews(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, folder: Path, plugins: FakePlugins, *, table: str = TABLE
) -> Context:
    """An admin's registry in `folder` with the model library/bert and the dataset data/reviews."""
    context = open_context(open_uow, clock, folder / "home", role="admin", plugins=plugins)
    source = draw(folder / "bert", {"model.safetensors": "weights"})
    Catalog(context).import_model(ImportModel(Name("library", "bert"), str(source), licence="apache-2.0"))
    data = draw(folder / "data", {"reviews.csv": table}) / "reviews.csv"
    Datasets(context).add(AddDataset(REVIEWS, str(data), licence="cc0-1.0"))
    return context


def open_for_exports(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, folder: Path, plugins: FakePlugins) -> Context:
    """The same with data/rated, twenty reviews with a rating; steps run at once."""
    context = open_with_reviews(open_uow, clock, folder, plugins)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    file = draw(folder / "rated", {"rated.csv": RATED}) / "rated.csv"
    rated = AddDataset(Name("data", "rated"), str(file), licence="cc0-1.0", labels=LabelKind.NUMBER)
    Datasets(context).add(rated)
    return context


def state_of(context: Context, step_id: str) -> StepState:
    """The state of a step as it is stored."""
    with context.read() as uow:
        step = uow.steps.get(step_id)
    assert step is not None
    return step.summary.state
