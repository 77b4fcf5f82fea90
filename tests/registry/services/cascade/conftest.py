"""One registry for all tests of this folder, which read plans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.domain.catalog.models import Status
from registry.domain.names import Reference
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.database import default_url, open_database
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeEngine, FakePlugins
from tests.fakes.predicting import PredictingAdapter
from tests.registry.services.registries import open_context
from tests.registry.services.selection.worlds import add_data, add_model

RECIPE = """\
schema: forebear/recipe/v1
output: {output}
method: fine_tuning
source: {source}
data: {{train: {{dataset: datasets:/data/reviews/1}}}}
optimizer: {{lr: 1e-05}}
seed: {seed}
"""


@pytest.fixture(scope="package")
def context(_migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """One that tests only read."""
    with world(_migrated_file, tmp_path_factory.mktemp("cascade")) as found:
        yield found


@contextmanager
def world(_migrated_file: Path, folder: Path) -> Iterator[Context]:
    """library/base/1 → text/first/1 and /2 → text/second/1 (of the older one); library/base/2 is new."""
    (folder / "home").mkdir()
    (folder / "home" / "registry.db").write_bytes(_migrated_file.read_bytes())
    clock, plugins = FakeClock(), FakePlugins(fake_adapter=PredictingAdapter(), fake_engine=FakeEngine())
    with open_database(default_url(folder / "home")) as database:
        found = open_context(database.factory(clock), clock, folder / "home", role="admin", plugins=plugins)
        plugins.fake_engine.work = lambda step_id: run_step(found, step_id)
        rows = "".join(f"review {n},{'good' if n % 2 else 'bad'}\n" for n in range(300))
        add_data(found, folder, f"text,label\n{rows}")
        add_model(found, folder, "base")
        for seed, (output, source) in enumerate(
            (
                ("text/first", "models:/library/base/1"),
                ("text/first", "models:/library/base/1"),
                ("text/second", "models:/text/first/1"),
                ("text/third", "models:/library/base/1"),
            )
        ):
            found.plugins.fake_adapter.weights = b"weights %d" % seed  # type: ignore[attr-defined]
            Transfers(found).submit(RECIPE.format(output=output, source=source, seed=seed))
        Catalog(found).set_status(Reference.parse("models:/text/third/1"), Status.SUSPENDED, "a doubt")
        add_model(found, folder / "again", "base", scale=2.0)
        yield found
