"""Workers and those who start them: a server that is started again finds its step; of many workers one gets it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from adapters.engines.processes import born_at
from registry import bootstrap
from registry.domain.audit import Event
from registry.domain.catalog.models import Modality
from registry.domain.paging import PageRequest
from registry.domain.transfers.steps import StepState
from registry.errors import Family
from registry.plugins import EntryPointPlugins
from registry.services.transfers.verbs import Transfers
from registry.settings import Settings
from tests.builders import add_dataset_version, add_version
from tests.command_line import CommandLine, command_line
from tests.fakes.plugins import FakeEngine
from tests.importing import importing_here
from tests.journeys import worlds
from tests.journeys.running import serving
from tests.journeys.test_hardship import LONG, wait_for, worker_of

CONTENDERS = 4
pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]  # for machines that are busy with other things too
RECIPE = """\
schema: forebear/recipe/v1
output: text/reviews
method: feature_extraction
source: models:/library/bert
data: {train: datasets:/data/reviews, test: datasets:/data/reviews}
"""


class Unstarted(EntryPointPlugins):
    """The installed plug-ins, with an engine that leaves every step to the test."""

    def engine(self, name: str) -> FakeEngine:
        return FakeEngine()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A home on either database, with a source and data whose bytes are lost: whoever works on them fails at once."""
    url = None if request.param == "sqlite" else request.getfixturevalue("new_postgres_url")()
    settings = Settings(home=tmp_path / "home", mlflow_uri="off", database_url=url)
    bootstrap.init(tmp_path / "home", settings=settings, actor="ana")
    with bootstrap.open(tmp_path / "home", settings=settings, actor="ana") as registry, registry.context.write() as uow:
        add_version(uow, "library/bert", modality=Modality.TEXT)
        add_dataset_version(uow, "data/reviews", modality=Modality.TEXT)
        uow.commit(Event("model_version.imported", "models:/library/bert/1"))
    return settings


def test_one_of_many_worker_processes_gets_the_step(settings: Settings, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with bootstrap.open(home, settings=settings, actor="ana") as registry:
        context = replace(registry.context, plugins=Unstarted(0, 0))
        step = Transfers(context).submit(RECIPE).summary.id
    program = (
        "import sys; from registry import worker; import registry.services.transfers.running; "
        "print('ready', flush=True); sys.stdin.readline(); sys.exit(worker.main(sys.argv[1:]))"
    )
    environment = os.environ | {"FOREBEAR_MLFLOW_URI": "off"}
    environment |= {"FOREBEAR_DATABASE_URL": settings.database_url} if settings.database_url else {}
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, step, "--home", str(home)],
            stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment,
        )
        for _ in range(CONTENDERS)
    ]  # fmt: skip
    for one in workers:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    said = [one.communicate("go\n", timeout=120)[1] for one in workers]
    codes = Counter(one.returncode for one in workers)
    assert codes == {Family.INTEGRITY.exit_code: 1, Family.CONFLICT.exit_code: CONTENDERS - 1}, said
    late = [words for words in said if "so it cannot be started" in words]
    assert len(late) == CONTENDERS - 1
    with bootstrap.open(home, settings=settings, actor="ana") as registry:
        assert registry.transfers.step(step).summary.state is StepState.FAILED
        told = registry.audit.search(subject=step, action=None, page=PageRequest()).items
    assert [entry.action for entry in told] == ["transfer.failed", "transfer.started", "transfer.submitted"]


@pytest.fixture
def forebear(tmp_path: Path) -> Iterator[CommandLine]:
    with command_line(tmp_path) as forebear:
        forebear.ask("init")
        said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT")
        with importing_here():
            forebear.ask("model", "import", "library/tiny", worlds.write_source(tmp_path), *said)
        forebear.ask("dataset", "add", "data/fruit", worlds.write_sentences(tmp_path), "--licence", "CC0-1.0")
        yield forebear


@pytest.mark.slow  # two servers and twenty epochs
def test_a_step_outlives_the_server_that_started_it(forebear: CommandLine) -> None:
    token = forebear.ask("token", "create", "ana", "--label", "journey")["secret"]
    headers = {"Authorization": f"Bearer {token}"}

    def ask(address: str, method: str, path: str, **more: Any) -> Any:
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            answer = client.request(method, f"/api/v1/transfers{path}", **more)
            assert answer.is_success, answer.text
            return answer.json() if "json" in answer.headers["content-type"] else answer.text

    with serving(forebear.home) as address:
        step = ask(address, "POST", "", content=LONG.format(name="outlives", epochs=20))["summary"]["id"]
        wait_for(lambda: ask(address, "GET", f"/{step}")["summary"]["epoch"] > 0)
    assert forebear.ask("transfer", "show", step)["summary"]["state"] == "running"
    with serving(forebear.home) as address:
        told = ask(address, "GET", f"/{step}")
        assert told["summary"]["state"] in {"running", "succeeded"}
        assert told["lease"]["engine"] == "local"
        wait_for(lambda: ask(address, "GET", f"/{step}")["summary"]["state"] == "succeeded")
        assert isinstance(ask(address, "GET", f"/{step}/log"), str)
    assert forebear.ask("model", "show", "text/outlives")["summary"]["version"]["ref"].endswith("/1")


def test_a_worker_that_cannot_be_reached_ends_itself_when_its_step_is_cancelled(forebear: CommandLine) -> None:
    """As for one on another machine: nobody here knows its process."""
    recipe = worlds.write_recipe(forebear.home.parent, LONG.format(name="far", epochs=2000))
    step = forebear.ask("transfer", "run", recipe, "--background")["summary"]["id"]
    wait_for(lambda: forebear.ask("transfer", "show", step)["summary"]["epoch"] > 0)
    worker = worker_of(forebear.home, step)
    (forebear.home / "work" / step / "worker.pid").unlink()
    assert forebear.ask("transfer", "cancel", step)["summary"]["state"] == "cancelled"
    wait_for(lambda: born_at(worker) is None)
    assert not (forebear.home / "work" / step).exists()
    assert forebear.refused("model", "show", "text/far")["code"] == "not-found"


@pytest.mark.slow  # two whole runs of a worker
def test_ctrl_c_ends_a_worker_and_its_step_can_go_on(forebear: CommandLine) -> None:
    recipe = worlds.write_recipe(forebear.home.parent, LONG.format(name="stopped", epochs=40))
    step = forebear.ask("transfer", "run", recipe, "--background")["summary"]["id"]
    wait_for(lambda: forebear.ask("transfer", "show", step)["summary"]["epoch"] > 0)
    os.kill(worker_of(forebear.home, step), signal.SIGINT)
    wait_for(lambda: forebear.ask("transfer", "show", step)["summary"]["state"] == "interrupted")
    assert "The worker was stopped" in forebear("transfer", "logs", step).out
    assert forebear.ask("transfer", "resume", step)["summary"]["state"] == "succeeded"
