"""A step runs on a machine that holds a token, a cache and nothing else of the registry, and one that dies loses it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage import Assurance
from registry import bootstrap
from registry.domain.names import Name, Reference
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.services.registry import LocalRegistry
from registry.settings import Settings
from tests.importing import importing_here
from tests.journeys import worlds
from tests.journeys.running import furnished, serving

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("remote")
    furnished(folder / "home")
    with opened(folder / "home") as ana:
        with importing_here():
            source = worlds.write_source(folder)
            ana.catalog.import_model(ImportModel(Name("library", "tiny"), str(source), licence="MIT", task="fill-mask"))
        data = AddDataset(Name("data", "fruit"), str(worlds.write_sentences(folder)), licence="MIT")
        ana.datasets.add(data)
        ana.people.add("box", "GPU box", service=True)
        ana.people.grant("box", "developer")
        token = opened(folder / "home", "box").people.create_token("box", label="worker").secret
    (folder / "token").write_text(token)
    return folder / "home"


def opened(home: Path, actor: str = "ana") -> LocalRegistry:
    return bootstrap.open(home, settings=Settings(home=home, mlflow_uri="off"), actor=actor)


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with serving(home) as url:
        yield url


def words(address: str, machine: Path, *more: str) -> list[str]:
    command = [sys.executable, "-m", "registry.cli", "worker", "--server", address, "--cache", str(machine / "cache")]
    return [*command, *more]


def environment(home: Path, machine: Path) -> dict[str, str]:
    """Another machine: an empty folder of its own, and the token of the service account."""
    machine.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOREBEAR_")}
    token = (home.parent / "token").read_text()
    return {**kept, "FOREBEAR_TOKEN": token, "HOME": str(machine), "XDG_CONFIG_HOME": str(machine / "config")}


def work_once(home: Path, address: str, machine: Path) -> str:
    done = subprocess.run(
        words(address, machine, "--once"), capture_output=True, text=True, env=environment(home, machine),
        cwd=machine, check=False,
    )  # fmt: skip
    log = "".join(one.read_text() for one in (machine / "cache").glob("logs/*.log"))
    assert done.returncode == 0, done.stderr + log
    return done.stderr + done.stdout + log


def test_a_real_transfer_runs_on_a_machine_that_holds_only_a_token(home: Path, address: str, tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    with opened(home) as ana:
        step = ana.transfers.submit(worlds.RECIPE, background=True, engine="remote").summary
        assert step.state is StepState.QUEUED
        said = work_once(home, address, machine)
        ended = ana.transfers.step(step.id)
        assert ended.summary.state is StepState.SUCCEEDED, said
        assert ended.summary.output is not None
        version = ana.catalog.version(Reference.to(ended.summary.output))
    assert version.summary.created_by == "ana", "the worker works for whoever submitted the step"
    assert {one.assurance for one in ended.inputs} <= {Assurance.OBSERVED, Assurance.VERIFIED}
    assert ended.measured
    assert ended.curve
    assert ended.lease is not None
    assert not (machine / "home").exists()
    assert list((machine / "cache/work").iterdir()) == []
    assert len(list((machine / "cache/inputs").iterdir())) == 2, "a model and a dataset, kept by digest"


def test_a_worker_that_is_killed_loses_its_step_and_another_takes_it(home: Path, address: str, tmp_path: Path) -> None:
    recipe = worlds.RECIPE.replace("text/fruit", "text/again").replace("epochs: 4", "epochs: 4000")
    with opened(home) as ana:
        step_id = ana.transfers.submit(recipe, background=True, engine="remote").summary.id
        first = tmp_path / "first"
        with subprocess.Popen(
            words(address, first), env=environment(home, first), cwd=first, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            while ana.transfers.step(step_id).summary.epoch < 2:
                assert process.poll() is None
                time.sleep(0.2)
            os.killpg(process.pid, signal.SIGKILL)
        assert ana.transfers.step(step_id).lease is not None
        with ana.context.write() as uow:  # a minute later
            uow.leases.renew(step_id, ana.transfers.step(step_id).lease.worker, seconds=-1)  # type: ignore[union-attr, arg-type]
            uow.commit_unaudited()
        assert ana.transfers.step(step_id).summary.state is StepState.INTERRUPTED
        second = tmp_path / "second"
        with subprocess.Popen(
            words(address, second), env=environment(home, second), cwd=second, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            while ana.transfers.step(step_id).summary.state is not StepState.RUNNING:
                assert process.poll() is None
                time.sleep(0.2)
            ana.transfers.cancel(step_id)
            log = second / "cache/logs" / f"{step_id}.log"
            while "was cancelled" not in (log.read_text() if log.exists() else ""):
                assert process.poll() is None
                time.sleep(0.2)
            os.killpg(process.pid, signal.SIGTERM)
        assert ana.transfers.step(step_id).summary.state is StepState.CANCELLED


def test_a_person_does_not_pass_for_a_worker(home: Path, address: str, tmp_path: Path) -> None:
    with opened(home, "ben") as ben:
        token = ben.people.create_token("ben", label="try").secret
    (tmp_path / "box").mkdir()
    done = subprocess.run(
        words(address, tmp_path / "box", "--once"), capture_output=True, text=True, check=False,
        env=environment(home, tmp_path / "box") | {"FOREBEAR_TOKEN": token},
    )  # fmt: skip
    assert "Only a service account runs steps on another machine, and ben is a person" in done.stderr
    assert done.returncode == 5, done.stderr
