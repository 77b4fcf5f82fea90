"""A registry in which a step with baselines runs at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.services.context import Context
from registry.services.transfers.running import run_step
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeEngine, FakePlugins
from tests.fakes.predicting import PredictingAdapter
from tests.registry.services.reviews import open_with_reviews

TABLE = "text,label\n" + "".join(f"review {n},{'good' if n % 2 else 'bad'}\n" for n in range(600))


@pytest.fixture
def adapter() -> PredictingAdapter:
    return PredictingAdapter()


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, adapter: PredictingAdapter) -> Context:
    """A home with a source model and six hundred reviews; steps run at once."""
    plugins = FakePlugins(fake_adapter=adapter, fake_engine=FakeEngine())
    context = open_with_reviews(open_uow, clock, tmp_path, plugins, table=TABLE)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    return context
