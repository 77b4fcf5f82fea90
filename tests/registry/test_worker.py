"""The worker: runs a step as whoever submitted it, and ends with the exit code of what went wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry import bootstrap, worker
from registry.domain.audit import Event
from registry.domain.catalog.models import Modality
from registry.domain.paging import PageRequest
from registry.domain.transfers.steps import StepState
from registry.errors import Family
from registry.services.transfers.verbs import Transfers
from registry.settings import Settings
from tests.builders import add_dataset_version, add_version, step
from tests.fakes.plugins import FakePlugins

OFF = Settings(mlflow_uri="off")
RECIPE = """\
schema: forebear/recipe/v1
output: text/reviews
method: feature_extraction
source: models:/library/bert
data:
  train: {dataset: datasets:/data/reviews}
  test: {dataset: datasets:/data/reviews}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of ana's, with a model and a dataset whose bytes are lost."""
    monkeypatch.setenv("FOREBEAR_MLFLOW_URI", "off")
    home = tmp_path / "home"
    bootstrap.init(home, settings=OFF, actor="ana")
    with bootstrap.open(home, settings=OFF, actor="ana") as registry, registry.context.write() as uow:
        add_version(uow, "library/bert", modality=Modality.TEXT)
        add_dataset_version(uow, "data/reviews", modality=Modality.TEXT)
        uow.commit(Event("model_version.imported", "models:/library/bert/1"))
    return home


def submit(home: Path) -> str:
    with bootstrap.open(home, settings=OFF, actor="ana") as registry:
        return Transfers(replace(registry.context, plugins=FakePlugins())).submit(RECIPE).summary.id


def add_step(home: Path, by: str) -> str:
    new = step("text/reviews", state=StepState.QUEUED, by=by)
    with bootstrap.open(home, settings=OFF, actor="ana") as registry, registry.context.write() as uow:
        uow.steps.add(new)
        uow.commit(Event("transfer.submitted", new.id))
    return new.id


def run(home: Path, step_id: str) -> int:
    return worker.main([step_id, "--home", str(home)])


def test_a_worker_of_a_failed_step_exits_with_the_code_of_its_error_and_the_step_shows_it(home: Path) -> None:
    step_id = submit(home)
    assert run(home, step_id) == Family.INTEGRITY.exit_code
    with bootstrap.open(home, settings=OFF, actor="ana") as registry:
        told = registry.transfers.step(step_id).summary
        entries = registry.audit.search(subject=step_id, page=PageRequest()).items
    assert told.state is StepState.FAILED
    assert (told.error or "").startswith("[integrity] The stored bytes of 'config.json' in models:/library/bert/1")
    assert [(e.action, e.actor) for e in entries] == [
        ("transfer.failed", "ana"),
        ("transfer.started", "ana"),
        ("transfer.submitted", "ana"),
    ]


def test_a_step_that_has_ended_is_not_run_again(home: Path) -> None:
    step_id = submit(home)
    run(home, step_id)
    assert run(home, step_id) == Family.CONFLICT.exit_code


@pytest.mark.parametrize("step_id", ["step-nonsense", "step-01jdxv1n2y3v4b5n6m7k8j9h0g"])
def test_a_worker_of_a_missing_step_says_so(step_id: str, home: Path) -> None:
    assert run(home, step_id) == Family.NOT_FOUND.exit_code


def test_a_step_whose_submitter_does_not_exist_is_not_run(home: Path) -> None:
    assert run(home, add_step(home, by="ghost")) == Family.UNAUTHENTICATED.exit_code


def test_without_a_registry_folder_nothing_runs(tmp_path: Path) -> None:
    assert run(tmp_path / "none", "step-01") == Family.UNAVAILABLE.exit_code
    assert not (tmp_path / "none").exists()
