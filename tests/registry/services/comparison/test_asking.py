"""A model is asked about rows as its own step read them, on the threads of the setting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from registry.domain.data.datasets import LabelKind
from registry.domain.names import Reference
from registry.domain.recipes.methods import SOURCE
from registry.domain.recipes.recipe import Method
from registry.errors import AdapterError, BadRecipeError
from registry.ports.transfers import TransferEvent, TransferJob
from registry.services.comparison.asking import ask, recipe_of, source_of
from registry.services.context import Context
from registry.services.lookup import found, resolve
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import dataset_ref
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.registries import open_context
from tests.registry.services.selection.worlds import add_model

ROWS = dataset_ref("data/rows/1")


@dataclass
class Silent(FakeAdapter):
    """Ends without a result."""

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        return (event for event in list(super().run(job))[:-1])


def asked(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, folder: Path, adapter: FakeAdapter) -> Context:
    plugins = FakePlugins(fake_adapter=adapter, fake_engine=FakeEngine())
    context = open_context(open_uow, clock, folder / "home", plugins=plugins)
    add_model(context, folder, "strong")
    return replace(context, settings=replace(context.settings, threads=3))


@pytest.mark.parametrize("adapter", [FakeAdapter(), Silent()])
def test_a_model_is_asked_on_the_threads_of_the_setting_and_gives_a_result_or_an_error(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, adapter: FakeAdapter
) -> None:
    context = asked(open_uow, clock, tmp_path, adapter)
    with context.read() as uow:
        ref = resolve(uow, Reference.parse("models:/library/strong/1"))
        model = found(uow.catalog.version(ref), ref)
        step = found(uow.steps.get(model.step), model.step)
    places = {"train": (ROWS, "learn"), "test": (ROWS, "1")}
    with pytest.raises(BadRecipeError, match="does not do fine_tuning"):
        recipe_of(context, model, step, Method.FINE_TUNING, labels=LabelKind.CLASS, **places)
    recipe, offer = recipe_of(context, model, step, Method.FEATURE_EXTRACTION, labels=LabelKind.CLASS, **places)
    assert (offer.name, recipe.data["test"].split) == (recipe.adapter, "1")
    source = source_of(context, model, tmp_path / "model")
    assert source.role == SOURCE
    work = tmp_path / "asked"
    work.mkdir()
    if isinstance(adapter, Silent):
        with pytest.raises(AdapterError, match="ended without any result"):
            ask(context, recipe, source, {}, work, seed=5)
    else:
        assert ask(context, recipe, source, {}, work, seed=5, outputs=True).folder == work / "output"
        (job,) = adapter.jobs
        assert (job.determinism.seed, job.determinism.threads, job.outputs) == (5, 3, True)
