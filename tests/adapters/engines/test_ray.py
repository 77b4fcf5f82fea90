"""Steps as jobs of a Ray cluster: submitted, placed where their needs are met, watched, stopped, resumed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.domain.recipes.recipe import Resources
from registry.errors import MissingExtraError, UnavailableError
from registry.plugins import EntryPointPlugins
from tests.command_line import CommandLine, command_line
from tests.journeys import worlds

RECIPE = """\
schema: forebear/recipe/v1
output: text/{name}
method: fine_tuning
source: models:/library/tiny/1
data: {{train: datasets:/data/fruit/1}}
epochs: {epochs}
batch_size: 4
checkpoint_every: 5
resources: {{cpus: {cpus}, gpus: {gpus}}}
"""
ray_is_here = pytest.mark.skipif("not __import__('importlib.util').util.find_spec('ray')", reason="make test-ray")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_without_the_extra_the_command_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "ray" or name.startswith("ray.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "adapters.engines.ray", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'ray needs ray, .* pip install "forebear\[ray\]"'):
        EntryPointPlugins(memory=0, seconds=1).engine("ray")


@ray_is_here
@pytest.mark.parametrize("address", ["", "head:8265", "auto"])
def test_without_an_address_nothing_is_written(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_RAY_ADDRESS", address)
    engine = EntryPointPlugins(memory=0, seconds=1).engine("ray")
    with pytest.raises(UnavailableError, match=r"Set it to the address of the cluster's dashboard"):
        engine.grant(Resources())


@ray_is_here
def test_a_cluster_that_does_not_answer_leaves_open_whether_its_workers_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREBEAR_RAY_ADDRESS", "http://127.0.0.1:9")
    engine = EntryPointPlugins(memory=0, seconds=1).engine("ray")
    assert engine.alive("step-01", tmp_path) is None
    for ask in (engine.log, engine.stop):
        with pytest.raises(UnavailableError, match="The Ray cluster does not answer"):
            ask("step-01", tmp_path)


@pytest.fixture(scope="module")
def forebear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A home with a source and data, and a cluster of two nodes beside it."""
    pytest.importorskip("ray")
    from tests.adapters.engines.clusters import cluster

    folder = tmp_path_factory.mktemp("ray")
    with (
        cluster({"FOREBEAR_MLFLOW_URI": "off", "FOREBEAR_DEVICE": "auto"}) as nodes,
        command_line(folder) as forebear,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("FOREBEAR_RAY_ADDRESS", nodes.address)
        forebear.ask("init")
        said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT")
        forebear.ask("model", "import", "library/tiny", worlds.write_source(folder), *said)
        forebear.ask("dataset", "add", "data/fruit", worlds.write_sentences(folder), "--licence", "CC0-1.0")
        yield forebear


def submit(forebear: CommandLine, name: str, *, epochs: int = 2, cpus: int = 1, gpus: int = 0) -> str:
    text = RECIPE.format(name=name, epochs=epochs, cpus=cpus, gpus=gpus)
    recipe = worlds.write_recipe(forebear.home.parent, text)
    return str(forebear.ask("transfer", "run", recipe, "--engine", "ray", "--background")["summary"]["id"])


def until(what: Callable[[], Any], seconds: float = 300) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.3)
    raise AssertionError("it never happened")


def ended(forebear: CommandLine, step: str) -> Any:
    def look() -> Any:
        shown = forebear.ask("transfer", "show", step)
        return shown if shown["summary"]["state"] not in {"queued", "running"} else None

    return until(look)


def job_of(step: str) -> Any:
    """The newest job of the step, as Ray tells it."""
    from ray.job_submission import JobSubmissionClient

    jobs = JobSubmissionClient(os.environ["FOREBEAR_RAY_ADDRESS"]).list_jobs()
    return max((job for job in jobs if job.submission_id.startswith(step)), key=lambda job: job.submission_id)


@ray_is_here
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_step_runs_where_its_resources_are_and_its_log_is_returned(forebear: CommandLine) -> None:
    step = submit(forebear, "placed", cpus=2)
    shown = ended(forebear, step)
    assert shown["summary"]["state"] == "succeeded", forebear("transfer", "logs", step).out
    assert shown["lease"]["engine"] == "ray"
    assert shown["recipe"]["submitted"]["threads"] == 2
    assert "127.0.0.3" in job_of(step).driver_agent_http_address, "the head has one CPU only"
    assert (
        "forebear.worker" in forebear("transfer", "logs", step).out
        or "Running entrypoint" in forebear("transfer", "logs", step).out
    )
    assert forebear.ask("model", "show", "text/placed/1")["summary"]["ref"].endswith("/1")


@ray_is_here
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_gpu_that_only_ray_counts_is_reported(forebear: CommandLine) -> None:
    """The second node says that it has one: the job lands there, and torch finds none."""
    step = submit(forebear, "believed", gpus=1)
    shown = ended(forebear, step)
    assert shown["summary"]["state"] == "failed"
    assert "the device 'cuda' was asked for" in shown["summary"]["error"]
    assert "127.0.0.3" in job_of(step).driver_agent_http_address
    assert "the device 'cuda' was asked for" in forebear("transfer", "logs", step).out


@ray_is_here
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_that_waits_for_room_is_queued_and_can_be_cancelled(forebear: CommandLine) -> None:
    from registry.services.transfers.verbs import START_GRACE

    step = submit(forebear, "waiting", cpus=64)
    time.sleep(START_GRACE + 1)
    assert forebear.ask("transfer", "show", step)["summary"]["state"] == "queued"
    asked = time.monotonic()
    assert forebear.ask("transfer", "cancel", step)["summary"]["state"] == "cancelled"
    assert time.monotonic() - asked < 30, "Ray cannot take such a job back, so nobody waits for that"
    assert not (forebear.home / "work" / step).exists()


@ray_is_here
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_step_of_a_killed_worker_is_interrupted_and_resumed_as_another_job(forebear: CommandLine) -> None:
    from tests.journeys.test_hardship import worker_of

    step = submit(forebear, "killed", epochs=60)
    checkpoints = forebear.home / "work" / step / "checkpoints"
    until(lambda: checkpoints.is_dir() and any(checkpoints.iterdir()))
    os.kill(worker_of(forebear.home, step), signal.SIGKILL)
    assert ended(forebear, step)["summary"]["state"] == "interrupted"
    assert f"{step}-1 failed" in forebear("transfer", "logs", step).out
    forebear.ask("transfer", "resume", step, "--background")
    shown = ended(forebear, step)
    assert shown["summary"]["state"] == "succeeded"
    assert shown["manifest"]["facts"]["resumed_from"] > 0
    assert job_of(step).submission_id == f"{step}-2"


@ray_is_here
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cancelled_step_ends_its_job_and_leaves_nothing(forebear: CommandLine) -> None:
    step = submit(forebear, "cancelled", epochs=2000)
    until(lambda: forebear.ask("transfer", "show", step)["summary"]["epoch"] > 0)
    assert forebear.ask("transfer", "cancel", step)["summary"]["state"] == "cancelled"
    assert job_of(step).status.is_terminal()
    assert not (forebear.home / "work" / step).exists()
    assert forebear.refused("model", "show", "text/cancelled")["code"] == "not-found"
