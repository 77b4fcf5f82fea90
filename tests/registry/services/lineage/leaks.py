"""A registry in which models are tested on rows that others were trained on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import Row, SplitPlan
from registry.domain.data.leakage import Leakage
from registry.domain.data.rows import index_lines
from registry.domain.manifests import FileEntry, Manifest
from registry.domain.names import Name, Reference, VersionRef
from registry.domain.verbs.data import AddDataset
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.lineage.verbs import Lineage
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests import builders
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.reviews import open_with_reviews
from tests.registry.services.teams import Team

RECIPE = "schema: forebear/recipe/v1\noutput: text/{output}\nmethod: {method}\nsource: models:/{source}\ndata: {data}\n"


def opened(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """Twenty reviews."""
    plugins = FakePlugins(fake_adapter=FakeAdapter(), fake_engine=FakeEngine())
    context = open_with_reviews(open_uow, clock, tmp_path, plugins)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    return context


def add(context: Context, name: str, file: Path, plan: SplitPlan) -> None:
    Datasets(context).add(AddDataset(Name("data", name), str(file), licence="cc0-1.0", split=plan))


def made(context: Context, data: str, *, output: str = "child", source: str = "library/bert") -> Leakage:
    recipe = RECIPE.format(output=output, method="feature_extraction", source=source, data=data)
    step = Transfers(context).submit(recipe)
    assert Transfers(context).step(step.summary.id).summary.error is None
    return Lineage(context).leakage(Reference.parse(f"models:/text/{output}"))


def add_texts(team: Team, name: str, split: str, texts: Sequence[str]) -> VersionRef:
    """A dataset version of texts in one table, all in one split."""
    rows = [Row(n, Digest.of(text.encode()), split, "cat", text=text) for n, text in enumerate(texts)]
    index, table = b"".join(index_lines(rows)), "\n".join(texts).encode()
    files = [FileEntry("texts.csv", len(table), Digest.of(table))]
    for data in (table, index):
        team.blobs.put(io.BytesIO(data))
    with team.open_uow(actor="ana", write=True) as uow, pytest.MonkeyPatch.context() as patch:
        patch.setattr(builders, "manifest", lambda text, *, rows: Manifest.of(files, Digest.of(index)))
        ref = builders.add_dataset_version(uow, name, modality=Modality.TEXT)
        uow.commit(Event("dataset_version.added", str(ref), {}))
    return ref
