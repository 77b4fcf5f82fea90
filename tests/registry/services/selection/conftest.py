"""One registry for all tests of this folder, which only read and recommend: its data is read once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.catalog.models import Status
from registry.domain.data.datasets import LabelKind
from registry.domain.names import Reference
from registry.domain.recipes.recipe import Method
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.storage.database import default_url, open_database
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context
from tests.registry.services.selection.worlds import TABLE, Reading, add_data, add_model, tagged


@contextmanager
def opened(_migrated_file: Path, folder: Path) -> Iterator[Context]:
    """A registry in the new `folder` whose adapter reads features, without anything in it."""
    (folder / "home").mkdir()
    shutil.copy(_migrated_file, folder / "home" / "registry.db")
    adapter = Reading()
    adapter.offer = replace(adapter.offer, methods=frozenset({Method.FEATURE_EXTRACTION, Method.FINE_TUNING}))
    clock = FakeClock()
    with open_database(default_url(folder / "home")) as database:
        found = open_context(
            database.factory(clock), clock, folder / "home", role="admin", plugins=FakePlugins(fake_adapter=adapter)
        )
        yield found


@pytest.fixture(scope="package")
def context(_migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """One registry for all tests here, which only read and recommend: its data is read once."""
    folder = tmp_path_factory.mktemp("selection")
    with opened(_migrated_file, folder) as found:
        add_data(found, folder, TABLE)
        add_data(found, folder, "text\n" + "".join(f"row {n}\n" for n in range(30)), "bare", LabelKind.NONE)
        add_data(found, folder, tagged(40), "tagged", LabelKind.TAGS)
        for name in ("strong", "fair", "weak", "broken"):
            add_model(found, folder, name)
        add_model(found, folder, "strong-untrained", scale=1.0)
        add_model(found, folder, "fair-unsold", licence="cc-by-nc-4.0")
        add_model(found, folder, "weak-suspended")
        add_model(found, folder, "fair-again")
        add_model(found, folder / "later", "fair-again", scale=1.2)
        for stopped in ("weak-suspended/1", "fair-again/2"):
            Catalog(found).set_status(Reference.parse(f"models:/library/{stopped}"), Status.SUSPENDED, "a doubt")
        yield found
