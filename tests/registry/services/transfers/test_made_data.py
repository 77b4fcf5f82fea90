"""A dataset that a step made: read and checked as any other data is, and never mixed with other data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, NumberSummary
from registry.domain.names import Reference
from registry.domain.paging import PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.data import AddDataset
from registry.errors import AdapterError, ConflictError, NotFoundError
from registry.ports.transfers import Finished, TransferJob
from registry.services.audit.verbs import Audit
from registry.services.context import Context
from registry.services.data.verbs import Datasets, materialise_dataset
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import ExportingAdapter, FakeEngine, FakePlugins
from tests.registry.services.reviews import EXPORT, MADE, TABLE, open_for_exports


@pytest.fixture
def plugins() -> FakePlugins:
    return FakePlugins(fake_adapter=ExportingAdapter(), fake_engine=FakeEngine())


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, plugins: FakePlugins) -> Context:
    return open_for_exports(open_uow, clock, tmp_path, plugins)


@pytest.mark.parametrize("kind", [DataFormat.NPZ, DataFormat.PARQUET])
def test_an_export_is_a_dataset_with_the_splits_of_its_rows(kind: DataFormat, context: Context, tmp_path: Path) -> None:
    step = Transfers(context).submit(EXPORT.replace("npz", kind))
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


def test_the_step_and_the_manifest_of_an_export_describe_the_dataset(context: Context) -> None:
    step = Transfers(context).submit(EXPORT)
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


def test_numbers_stay_numbers_in_an_export(context: Context) -> None:
    Transfers(context).submit(EXPORT.replace("data/reviews", "data/rated").replace("npz", "parquet"))
    made = Datasets(context).version(MADE)
    before = Datasets(context).version(Reference.parse("datasets:/data/rated"))
    assert made.summary.labels is LabelKind.NUMBER
    assert made.summary.splits == before.summary.splits
    assert all(isinstance(split.numbers, NumberSummary) for split in made.summary.splits)


def test_every_export_is_a_version_of_its_own(context: Context) -> None:
    for number in (1, 2):
        step = Transfers(context).submit(EXPORT)
        assert step.summary.output is not None
        assert step.summary.output.number == number
        assert Datasets(context).version(MADE).step == step.summary.id


def test_a_dataset_that_was_registered_meanwhile_is_not_mixed_with_features(
    context: Context, plugins: FakePlugins, tmp_path: Path
) -> None:
    table = draw(tmp_path, {"t.csv": TABLE}) / "t.csv"

    def register(job: TransferJob) -> None:
        Datasets(context).add(AddDataset(MADE.name, str(table), licence="MIT"))

    plugins.fake_adapter.during = register
    with pytest.raises(ConflictError, match="data/features holds other data than tabular"):
        Transfers(context).submit(EXPORT)
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
        Transfers(wrong).submit(EXPORT)
    (step,) = Transfers(context).search(method=Method.FEATURE_EXTRACTION).items
    assert step.state is StepState.FAILED
    with pytest.raises(NotFoundError):
        Datasets(context).version(MADE)
