"""A step that succeeded is a version with its manifest, or nothing is published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from registry.domain.transfers.steps import StepState
from registry.errors import AdapterError, NotFoundError
from registry.ports.transfers import Finished, TransferEvent, TransferJob
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.transfers.running import run_step, work_folder
from registry.services.transfers.verbs import Transfers
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakePlugins
from tests.registry.services.reviews import CHILD, RECIPE


def test_a_step_that_ends_is_a_version_with_its_manifest(
    context: Context, clock: FakeClock, plugins: FakePlugins
) -> None:
    begun = clock.now()
    plugins.fake_adapter.during = lambda job: clock.forward(seconds=50)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    step = Transfers(context).submit(RECIPE)
    assert step.summary.state is StepState.SUCCEEDED
    assert step.summary.metrics == {"accuracy": 0.75}
    assert step.manifest is not None
    assert step.summary.started_at == begun
    assert (step.manifest["started_at"], step.manifest["ended_at"]) == (
        "2026-11-23T09:30:00+00:00",
        "2026-11-23T09:30:50+00:00",
    )
    made = Catalog(context).version(CHILD)
    assert [str(parent) for parent in made.parents] == ["models:/library/bert/1"]
    assert context.blobs.open(made.files[0].sha256).read() == b"head on weights"
    left = [path.name for path in work_folder(context.home, step.summary.id).iterdir()]
    assert left == [], "inputs, checkpoints and output are gone"


class Silent(FakeAdapter):
    """An adapter that ends without saying what it made."""

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        yield from (event for event in super().run(job) if not isinstance(event, Finished))


def test_an_adapter_that_does_not_say_what_it_made_publishes_nothing(
    context: Context, plugins: FakePlugins, queued: str
) -> None:
    silent = replace(context, plugins=replace(plugins, fake_adapter=Silent()))
    with pytest.raises(AdapterError, match="The adapter transformers ended without reporting what it made"):
        run_step(silent, queued)
    assert Transfers(context).step(queued).summary.state is StepState.FAILED
    with pytest.raises(NotFoundError):
        Catalog(context).version(CHILD)


def test_the_output_has_the_licence_of_its_parent_unless_the_recipe_names_one(
    context: Context, plugins: FakePlugins
) -> None:
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    Transfers(context).submit(RECIPE)
    assert Catalog(context).version(CHILD).summary.licence == "Apache-2.0"
    Transfers(context).submit(RECIPE + "licence: MIT\n")
    assert Catalog(context).version(CHILD).summary.licence == "MIT"


def test_the_licence_of_a_recipe_is_read_as_that_of_an_import(context: Context, plugins: FakePlugins) -> None:
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    step = Transfers(context).submit(RECIPE + "licence: mit\n")
    assert step.recipe["licence"] == "MIT"
    version = Catalog(context).version(CHILD)
    assert version.summary.licence == "MIT"
    assert not any("licence" in note for note in version.notes)


def test_a_licence_of_a_recipe_that_is_no_spdx_expression_is_noted_with_the_version(
    context: Context, plugins: FakePlugins
) -> None:
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    Transfers(context).submit(RECIPE + "licence: mine alone\n")
    version = Catalog(context).version(CHILD)
    assert version.summary.licence == "mine alone"
    assert [note for note in version.notes if note.startswith("The licence 'mine alone' is not an SPDX expression")]


def test_what_was_noted_when_the_source_was_imported_is_noted_with_what_is_made_from_it(
    context: Context, plugins: FakePlugins
) -> None:
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    Transfers(context).submit(RECIPE)
    assert "models:/library/bert/1: copied by hand" in Catalog(context).version(CHILD).notes
