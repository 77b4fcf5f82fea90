"""How a version is spoken to otherwise than its parents, by its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lineage import Relation
from registry.domain.catalog.interface import InterfaceDifference, Part
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.verbs.catalog import ImportModel
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.governance.dossier import open_dossier
from registry.services.lineage.interfaces import of_output
from registry.services.lineage.verbs import Lineage
from registry.services.lookup import found
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context, with_an_account


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    return with_an_account(open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=FakePlugins()))


def bring(context: Context, tmp_path: Path) -> None:
    """The same weights under one name with the parent's mean, and under another with a mean of its own."""
    for name, mean in (("pictures", 0.5), ("careless", 0.4), ("careful", 0.5)):
        folder = tmp_path / f"{name}-source"
        folder.mkdir()
        save_file({"body.weight": np.ones((64, 30), np.float32)}, folder / "model.safetensors")
        (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [mean]}))
        claims = () if name == "pictures" else (Reference.parse("models:/vision/pictures/1"),)
        Catalog(context).import_model(ImportModel(Name("vision", name), str(folder), parents=claims))


VERSIONS = [VersionRef(AssetKind.MODELS, Name("vision", name), 1) for name in ("careless", "careful")]
CARELESS, CAREFUL = map(Reference.to, VERSIONS)


def test_what_a_version_expects_otherwise_than_its_parent_is_recorded_when_it_is_imported(
    context: Context, tmp_path: Path
) -> None:
    """The same weights, served with another mean, answer wrongly without an error."""
    bring(context, tmp_path)
    (recorded,) = Lineage(context).checks(CARELESS)
    assert recorded.interface == (
        InterfaceDifference(Part.PREPROCESSING, "preprocessor_config.json: image_mean", "[0.5]", "[0.4]"),
    )
    (asked,) = Lineage(context).verify(CARELESS)
    assert asked.interface == recorded.interface
    (careful,) = Lineage(context).checks(CAREFUL)
    assert careful.interface == ()
    with context.read() as uow:
        step = found(uow.steps.get(found(uow.catalog.version(VERSIONS[0]), CARELESS).step), CARELESS)
    assert step.manifest is not None
    assert "image_mean" in json.dumps(step.manifest["facts"])


def test_a_policy_counts_where_a_version_is_spoken_to_otherwise_and_nobody_asked_for_it(
    context: Context, tmp_path: Path
) -> None:
    bring(context, tmp_path)
    with context.read() as uow:
        counts = [open_dossier(uow, ref, requested_by=None).candidate.ancestors.interface_changes for ref in VERSIONS]
    assert counts == [1, 0]


def test_a_parent_whose_files_cannot_be_read_leaves_the_comparison_out(context: Context, tmp_path: Path) -> None:
    ref = VersionRef(AssetKind.MODELS, Name("vision", "deleted"), 1)
    assert of_output(context, tmp_path, {ref: Relation.CAST}) == {}
