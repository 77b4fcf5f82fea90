"""Exported representations: a step whose output is a dataset version, published whole and traced both ways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lineage import Assurance, Node, NodeKind
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, NumberSummary
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.errors import AdapterError, ConflictError, NameTakenError, NotFoundError, RegistryError
from registry.ports.transfers import Finished, TransferJob
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets, materialise_dataset
from registry.services.lineage.verbs import Lineage
from registry.services.recipes.outputs import output_kind
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import OFFER, ExportingAdapter, FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.registries import open_context

TABLE = "text,label\n" + "".join(f"review {'a' * n},{'good' if n % 2 else 'bad'}\n" for n in range(20))
RATED = "text,label\n" + "".join(f"review {'a' * n},{n / 4 - 2}\n" for n in range(20))
RECIPE = """\
schema: forebear/recipe/v1
output: data/features
method: feature_extraction
source: models:/library/bert
data: {train: {dataset: datasets:/data/reviews}}
params: {export: npz}
"""
MADE = Reference.parse("datasets:/data/features")


@pytest.fixture
def plugins() -> FakePlugins:
    return FakePlugins(fake_adapter=ExportingAdapter(), fake_engine=FakeEngine())


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, plugins: FakePlugins) -> Context:
    """A home with a source model, twenty reviews of two classes, twenty with a rating, and steps that run at once."""
    context = open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=plugins)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    source = draw(tmp_path / "bert", {"model.safetensors": "weights"})
    Catalog(context).import_model(ImportModel(Name("library", "bert"), str(source), licence="apache-2.0"))
    files = draw(tmp_path / "data", {"reviews.csv": TABLE, "rated.csv": RATED})
    datasets = Datasets(context)
    datasets.add(AddDataset(Name("data", "reviews"), str(files / "reviews.csv"), licence="cc0-1.0"))
    rated = AddDataset(Name("data", "rated"), str(files / "rated.csv"), licence="cc0-1.0", labels=LabelKind.NUMBER)
    datasets.add(rated)
    return context


@pytest.mark.parametrize("kind", [DataFormat.NPZ, DataFormat.PARQUET])
def test_an_export_is_a_dataset_with_the_splits_of_its_rows(kind: DataFormat, context: Context, tmp_path: Path) -> None:
    step = Transfers(context).submit(RECIPE.replace("npz", kind))
    assert step.summary.state is StepState.SUCCEEDED
    made = Datasets(context).version(MADE)
    assert (step.summary.output, made.step) == (made.summary.ref, step.summary.id)
    assert (made.summary.format, made.summary.rows, made.summary.labels) == (kind, 20, LabelKind.CLASS)
    before = Datasets(context).version(Reference.parse("datasets:/data/reviews"))
    assert made.summary.splits == before.summary.splits
    said = made.dataset.describing
    assert (said.modality, said.task, said.origin) == (Modality.TABULAR, "tabular-classification", "internal")
    assert said.licence == "Apache-2.0 AND CC0-1.0", "it owes what the model owes, and what the data owes"
    rows = materialise_dataset(context, made, tmp_path / "out")
    inputs = materialise_dataset(context, before, tmp_path / "in")
    assert [(row.split, row.label) for row in rows] == [(row.split, row.label) for row in inputs]
    assert [row.index for row in rows] == list(range(20))
    assert {row.path for row in rows} == {f"features.{kind.value}"}


def test_its_step_and_its_manifest_say_what_was_made(context: Context) -> None:
    step = Transfers(context).submit(RECIPE)
    made = Datasets(context).version(MADE)
    assert step.manifest is not None
    manifest: Any = step.manifest
    assert manifest["outputs"][0]["ref"] == "datasets:/data/features/1"
    assert manifest["outputs"][0]["digest"] == str(made.summary.digest)
    assert manifest["facts"]["width"] == 3
    assert manifest["facts"]["labels"] == "class"
    assert made.dvc is not None
    assert manifest["facts"]["dvc"]["md5"] == made.dvc.md5
    assert made.split_plan.column == "split"
    happened = Audit(context).search(subject="datasets:/data/features/1", action=None, page=PageRequest()).items
    assert [entry.action for entry in happened] == ["dataset_version.created"]


def test_lineage_goes_from_model_and_data_through_the_step_to_the_export(context: Context) -> None:
    step = Transfers(context).submit(RECIPE)
    tree = Lineage(context).show("datasets:/data/features/1", up=1)
    nodes: dict[int, Node] = {node.id: node for node in tree.nodes}
    drawn = {(nodes[e.source].label, nodes[e.target].label, e.role, e.assurance) for e in tree.edges}
    assert drawn == {
        ("library/bert/1", step.summary.id, "source", Assurance.OBSERVED),
        ("data/reviews/1", step.summary.id, "train", Assurance.OBSERVED),
        ("data/reviews/1", step.summary.id, "validation", Assurance.OBSERVED),
        ("data/reviews/1", step.summary.id, "test", Assurance.OBSERVED),
        (step.summary.id, "data/features/1", "output", Assurance.OBSERVED),
    }
    assert {node.kind for node in tree.nodes} == set(NodeKind)
    for above in ("models:/library/bert/1", "datasets:/data/reviews/1"):
        assert Lineage(context).path(above, "datasets:/data/features/1") is not None
    assert Datasets(context).version(MADE).step == step.summary.id


def test_numbers_stay_numbers_in_an_export(context: Context) -> None:
    Transfers(context).submit(RECIPE.replace("data/reviews", "data/rated").replace("npz", "parquet"))
    made = Datasets(context).version(MADE)
    before = Datasets(context).version(Reference.parse("datasets:/data/rated"))
    assert made.summary.labels is LabelKind.NUMBER
    assert made.summary.splits == before.summary.splits
    assert all(isinstance(split.numbers, NumberSummary) for split in made.summary.splits)


def test_an_export_goes_into_another_step(context: Context, plugins: FakePlugins) -> None:
    Transfers(context).submit(RECIPE)
    reader = FakeAdapter(replace(OFFER, modalities=OFFER.modalities | {Modality.TABULAR}))
    trained = replace(context, plugins=replace(plugins, fake_adapter=reader))
    plugins.fake_engine.work = lambda step_id: run_step(trained, step_id)
    text = RECIPE.replace("output: data/features", "output: text/child").replace("params: {export: npz}\n", "")
    Transfers(trained).submit(text.replace("data/reviews", "data/features"))
    (job,) = trained.plugins.transfer("transformers").jobs  # type: ignore[attr-defined]
    data = job.data["train"]
    assert (data.modality, data.format, data.labels) == (Modality.TABULAR, DataFormat.NPZ, LabelKind.CLASS)
    assert len(data.chosen) == 14
    way = Lineage(context).path("models:/library/bert/1", "models:/text/child/1")
    assert way is not None
    assert Catalog(context).version(Reference.parse("models:/text/child")).summary.ref.number == 1


def test_every_export_is_a_version_of_its_own(context: Context) -> None:
    for number in (1, 2):
        step = Transfers(context).submit(RECIPE)
        assert step.summary.output is not None
        assert step.summary.output.number == number
        assert Datasets(context).version(MADE).step == step.summary.id


@pytest.mark.parametrize(
    ("output", "error", "message"),
    [
        ("data/reviews", ConflictError, "data/reviews is a dataset of text data, and features are tabular"),
        ("data/re_views", NameTakenError, "data/re_views is taken"),
    ],
)
def test_an_export_never_lands_in_another_dataset(
    output: str, error: type[RegistryError], message: str, context: Context, tmp_path: Path
) -> None:
    table = draw(tmp_path, {"t.csv": TABLE}) / "t.csv"
    Datasets(context).add(AddDataset(Name("data", "re-views"), str(table), licence="MIT"))
    with pytest.raises(error, match=message):
        Transfers(context).submit(RECIPE.replace("data/features", output))
    assert not Transfers(context).search(method=Method.FEATURE_EXTRACTION).items


def test_labels_of_another_kind_are_another_dataset(context: Context) -> None:
    Transfers(context).submit(RECIPE)
    with pytest.raises(ConflictError, match="The labels of data/features are of the kind class, not number"):
        Transfers(context).submit(RECIPE.replace("data/reviews", "data/rated"))


def test_a_dataset_that_was_registered_meanwhile_is_not_mixed_with_features(
    context: Context, plugins: FakePlugins, tmp_path: Path
) -> None:
    table = draw(tmp_path, {"t.csv": TABLE}) / "t.csv"

    def register(job: TransferJob) -> None:
        Datasets(context).add(AddDataset(MADE.name, str(table), licence="MIT"))

    plugins.fake_adapter.during = register
    with pytest.raises(ConflictError, match="data/features holds other data than tabular"):
        Transfers(context).submit(RECIPE)
    (step,) = Transfers(context).search(method=Method.FEATURE_EXTRACTION).items
    assert (step.state, step.output) == (StepState.FAILED, None)
    assert Datasets(context).version(MADE).dataset.versions == 1


class Confused(ExportingAdapter):
    """An adapter that makes what the recipe does not ask for, or data that nobody can read."""

    breaks = False

    def run(self, job: TransferJob) -> Any:
        events = list(super().run(job))
        finished = events.pop()
        assert isinstance(finished, Finished)
        if self.breaks:
            np.savez(finished.folder / "features.npz", x=np.eye(2))
        yield from events
        yield finished if self.breaks else replace(finished, dataset=None)


@pytest.mark.parametrize(
    ("breaks", "message"),
    [
        (False, "made one of models where the recipe asks for datasets"),
        (True, r"made data that cannot be read: .*has no column 'split'"),
    ],
)
def test_an_adapter_that_makes_something_else_leaves_nothing(
    breaks: bool, message: str, context: Context, plugins: FakePlugins
) -> None:
    confused = Confused()
    confused.breaks = breaks
    wrong = replace(context, plugins=replace(plugins, fake_adapter=confused))
    plugins.fake_engine.work = lambda step_id: run_step(wrong, step_id)
    with pytest.raises(AdapterError, match=message):
        Transfers(wrong).submit(RECIPE)
    (step,) = Transfers(context).search(method=Method.FEATURE_EXTRACTION).items
    assert step.state is StepState.FAILED
    with pytest.raises(NotFoundError):
        Datasets(context).version(MADE)


def test_what_a_recipe_makes_is_told_by_its_export(context: Context) -> None:
    recipe = Transfers(context).check(RECIPE)
    assert output_kind(recipe) is AssetKind.DATASETS
    for params in ({}, {"export": "none"}):
        assert output_kind(replace(recipe, params=params)) is AssetKind.MODELS
    assert output_kind(replace(recipe, method=Method.FINE_TUNING)) is AssetKind.MODELS
