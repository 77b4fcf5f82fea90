"""Drafts over a real database, with an importer that copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.services.context import Context
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context, with_an_account


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, blobs: MemoryBlobs) -> Context:
    plugins = FakePlugins()
    return with_an_account(open_context(open_uow, clock, tmp_path / "home", role="admin", blobs=blobs, plugins=plugins))
