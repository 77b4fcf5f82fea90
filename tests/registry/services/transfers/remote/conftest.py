"""A registry in which a step waits for a worker on another machine, and such workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.people.people import Actor
from registry.domain.transfers.steps import EpochMetric
from registry.domain.transfers.work import REMOTE, Able, Outcome
from registry.services.context import Context
from registry.services.people.verbs import People
from registry.services.transfers.remote.verbs import Work
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.reviews import RECIPE, open_with_reviews

TESTED = RECIPE.replace("data/reviews}}", "data/reviews}, test: {dataset: datasets:/data/reviews, split: test}}")
ABLE = Able("box-1", (FakeAdapter().offer.name,), 8)
DONE = Outcome(
    "cuda:0", "bf16", {"cpu": "abacus"}, {"hand": "2"}, 2, 1, 3, 9, 0,
    "transformers:BertForSequenceClassification", 1.0, 2.0, "counted by hand", ("bad", "good"),
    measured=(EpochMetric(1, 2, "accuracy", "test", 0.75),), seconds=7.0,
)  # fmt: skip


@pytest.fixture
def plugins() -> FakePlugins:
    engine = FakeEngine()
    engine.name = REMOTE
    return FakePlugins(fake_adapter=FakeAdapter(), fake_engine=engine)


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, plugins: FakePlugins) -> Context:
    return open_with_reviews(open_uow, clock, tmp_path, plugins)


@pytest.fixture
def waiting(context: Context, plugins: FakePlugins) -> str:
    """A step that waits for a worker, as its engine says for as long as it does."""
    step_id = Transfers(context).submit(TESTED, background=True, engine=REMOTE).summary.id
    plugins.fake_engine.running.add(step_id)
    return step_id


@pytest.fixture
def work(context: Context) -> Callable[[str], Work]:
    """The verbs for a service account."""
    People(context).add(context.actor.handle, "Ana")
    People(context).grant(context.actor.handle, "admin")
    for name in ("box", "other"):
        People(context).add(name, name.title(), service=True)

    def opened(name: str = "box") -> Work:
        return Work(replace(context, actor=Actor(name, frozenset({"developer"}), service=True)))

    return opened


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """What a worker made."""
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"learnt elsewhere")
    return folder
