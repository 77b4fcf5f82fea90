"""How a version is spoken to otherwise than its parents, by its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from registry.domain.catalog.interface import InterfaceDifference, Part
from registry.domain.names import Name, Reference
from registry.domain.verbs.catalog import ImportModel
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.lineage.verbs import Lineage
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    return open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=FakePlugins())


def test_what_a_version_expects_otherwise_than_its_parent_is_told_beside_the_weights(
    context: Context, tmp_path: Path
) -> None:
    """The same weights, served with another mean, answer wrongly without an error."""
    for name, mean in (("pictures", 0.5), ("careless", 0.4), ("careful", 0.5)):
        folder = tmp_path / f"{name}-source"
        folder.mkdir()
        save_file({"body.weight": np.ones((64, 30), np.float32)}, folder / "model.safetensors")
        (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [mean]}))
        claims = () if name == "pictures" else (Reference.parse("models:/vision/pictures/1"),)
        Catalog(context).import_model(ImportModel(Name("vision", name), str(folder), parents=claims))
    (careless,) = Lineage(context).verify(Reference.parse("models:/vision/careless/1"))
    assert careless.interface == (
        InterfaceDifference(Part.PREPROCESSING, "preprocessor_config.json: image_mean", "[0.5]", "[0.4]"),
    )
    (careful,) = Lineage(context).verify(Reference.parse("models:/vision/careful/1"))
    assert careful.interface == ()
    (recorded,) = Lineage(context).checks(Reference.parse("models:/vision/careless/1"))
    assert recorded.interface is None, "what was recorded says nothing of it, rather than that nothing differs"
