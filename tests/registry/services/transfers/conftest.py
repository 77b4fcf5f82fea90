"""A registry with a model and twenty reviews, and a step that waits for its worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.services.context import Context
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.reviews import RECIPE, open_with_reviews


@pytest.fixture
def plugins() -> FakePlugins:
    return FakePlugins(fake_adapter=FakeAdapter(), fake_engine=FakeEngine())


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, plugins: FakePlugins) -> Context:
    """A home with a source model and twenty reviews."""
    return open_with_reviews(open_uow, clock, tmp_path, plugins)


@pytest.fixture
def transfers(context: Context) -> Transfers:
    return Transfers(context)


@pytest.fixture
def queued(transfers: Transfers) -> str:
    """A step that no worker has taken up yet."""
    return transfers.submit(RECIPE).summary.id
