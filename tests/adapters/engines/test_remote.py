"""The engine of steps that wait for a worker on another machine starts nothing and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.engines.remote import RemoteWorkers
from registry.domain.recipes.recipe import Resources
from registry.errors import UnavailableError
from registry.plugins import EntryPointPlugins

STEP = "step-01kaq000000000000000000000"


def test_a_step_of_this_engine_waits_as_long_as_it_takes(tmp_path: Path) -> None:
    engine = EntryPointPlugins(0, 0).engine("remote")
    engine.start(STEP, tmp_path, Resources())
    engine.wait(STEP, tmp_path)
    assert engine.alive(STEP, tmp_path)
    assert not engine.stop(STEP, tmp_path)
    assert "on the machine of its worker" in engine.log(STEP, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_process_runs_the_step() -> None:
    assert RemoteWorkers().grant(Resources(gpus=1)) == Resources(cpus=1, gpus=1)
    with pytest.raises(UnavailableError, match="runs a step in one process"):
        RemoteWorkers().grant(Resources(gpus=2))
