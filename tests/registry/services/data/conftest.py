"""A registry without datasets, and a table of twenty reviews to register."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.verbs.data import AddDataset
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.registry.services.registries import open_context
from tests.registry.services.reviews import REVIEWS, TABLE


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, blobs: MemoryBlobs) -> Context:
    return open_context(open_uow, clock, tmp_path / "home", blobs=blobs)


@pytest.fixture
def datasets(context: Context) -> Datasets:
    return Datasets(context)


@pytest.fixture
def wanted(tmp_path: Path) -> AddDataset:
    """A table of twenty reviews."""
    return AddDataset(REVIEWS, str(draw(tmp_path / "in", {"reviews.csv": TABLE}) / "reviews.csv"), licence="cc-by-4.0")
