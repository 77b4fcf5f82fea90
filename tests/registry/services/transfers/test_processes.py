"""Several processes on one step: the job reaches the others by a file, and only that of their own launch."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from registry.domain.codec import from_json, to_json
from registry.errors import UnavailableError
from registry.ports.transfers import TransferJob
from registry.services.context import Plugins
from registry.services.transfers import processes as crew
from tests.adapters.loop.worlds import World, text_data
from tests.fakes.plugins import FakeAdapter, FakePlugins


@pytest.fixture
def job(tmp_path: Path) -> TransferJob:
    """A job over rows of text, for the fake adapter."""
    data = text_data(tmp_path)
    world = World(cast("FakeAdapter", None), cast("object", None), data, "", tmp_path)  # type: ignore[arg-type]
    made = replace(world.job("work"), sources=())
    made.work.mkdir()
    return replace(made, recipe=replace(made.recipe, adapter="transformers", params={"precision": "fp64", "x": [1]}))


def test_a_job_is_the_same_after_a_way_through_a_file(job: TransferJob) -> None:
    again = from_json(TransferJob, to_json(job))
    assert again == replace(job, recipe=replace(job.recipe))


def test_the_other_processes_run_the_job_that_the_first_one_announces(job: TransferJob) -> None:
    plugins = FakePlugins(fake_adapter=FakeAdapter())
    crew.announce(replace(job, resume=True), "earlier")
    other = threading.Thread(target=crew.join, args=(cast("Plugins", plugins), job.work, "launch"))
    other.start()
    other.join(0.3)
    assert other.is_alive(), "what an earlier launch left behind is not for us"
    crew.announce(job, "launch")
    other.join(30)
    assert [done.resume for done in plugins.fake_adapter.jobs] == [False]
    assert plugins.fake_adapter.jobs[0].data.keys() == job.data.keys()
    assert plugins.fake_adapter.jobs[0].determinism == job.determinism


def test_the_wait_for_a_silent_first_process_ends(job: TransferJob) -> None:
    crew.announce(job, "launch")
    crew.forget(job.work)
    crew.forget(job.work)
    with pytest.raises(UnavailableError, match="did not announce the job within 0 s"):
        crew.join(cast("Plugins", FakePlugins()), job.work, "launch", patience=0.0)
