"""Exported representations: a step whose output is a dataset version, published whole and traced both ways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lineage import Assurance, Node, NodeKind
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.data import AddDataset
from registry.errors import ConflictError, NameTakenError, RegistryError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.lineage.verbs import Lineage
from registry.services.recipes.outputs import output_kind
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import OFFER, ExportingAdapter, FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.reviews import EXPORT, MADE, TABLE, open_for_exports


@pytest.fixture
def plugins() -> FakePlugins:
    return FakePlugins(fake_adapter=ExportingAdapter(), fake_engine=FakeEngine())


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, plugins: FakePlugins) -> Context:
    return open_for_exports(open_uow, clock, tmp_path, plugins)


def test_lineage_goes_from_model_and_data_through_the_step_to_the_export(context: Context) -> None:
    step = Transfers(context).submit(EXPORT)
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


def test_an_export_goes_into_another_step(context: Context, plugins: FakePlugins) -> None:
    Transfers(context).submit(EXPORT)
    reader = FakeAdapter(replace(OFFER, modalities=OFFER.modalities | {Modality.TABULAR}))
    trained = replace(context, plugins=replace(plugins, fake_adapter=reader))
    plugins.fake_engine.work = lambda step_id: run_step(trained, step_id)
    text = EXPORT.replace("output: data/features", "output: text/child").replace("params: {export: npz}\n", "")
    Transfers(trained).submit(text.replace("data/reviews", "data/features"))
    (job,) = trained.plugins.transfer("transformers").jobs  # type: ignore[attr-defined]
    data = job.data["train"]
    assert (data.modality, data.format, data.labels) == (Modality.TABULAR, DataFormat.NPZ, LabelKind.CLASS)
    assert len(data.chosen) == 14
    way = Lineage(context).path("models:/library/bert/1", "models:/text/child/1")
    assert way is not None
    assert Catalog(context).version(Reference.parse("models:/text/child")).summary.ref.number == 1


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
        Transfers(context).submit(EXPORT.replace("data/features", output))
    assert not Transfers(context).search(method=Method.FEATURE_EXTRACTION).items


def test_labels_of_another_kind_are_another_dataset(context: Context) -> None:
    Transfers(context).submit(EXPORT)
    with pytest.raises(ConflictError, match="The labels of data/features are of the kind class, not number"):
        Transfers(context).submit(EXPORT.replace("data/reviews", "data/rated"))


def test_what_a_recipe_makes_is_told_by_its_export(context: Context) -> None:
    recipe = Transfers(context).check(EXPORT)
    assert output_kind(recipe) is AssetKind.DATASETS
    for params in ({}, {"export": "none"}):
        assert output_kind(replace(recipe, params=params)) is AssetKind.MODELS
    assert output_kind(replace(recipe, method=Method.FINE_TUNING)) is AssetKind.MODELS
