"""While a step runs, the command line, the API and its page show what its worker does at that moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import pytest
from fastapi.testclient import TestClient

from lineage import Digest
from registry import bootstrap
from registry.auth import Attempts, Doorkeeper
from registry.domain.names import Name
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.ports.transfers import TransferEvent, TransferJob
from registry.server import create_app
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.keys import registry_key
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.settings import Settings
from registry.storage.artifacts.blobs import FolderBlobs
from tests.adapters.dvc.worlds import draw
from tests.command_line import CommandLine, command_line
from tests.fakes.plugins import FakeAdapter, FakePlugins
from tests.registry.services.reviews import RECIPE, TABLE
from tests.serving import HOST


class WatchedBlobs(FolderBlobs):
    """Calls `look` whenever a file is read, and before files are stored."""

    def __init__(self, root: Path, look: Callable[[], object]) -> None:
        super().__init__(root)
        self._look = look

    def open(self, digest: Digest, *, start: int = 0, length: int | None = None) -> BinaryIO:
        self._look()
        return super().open(digest, start=start, length=length)

    @contextmanager
    def holding(self) -> Iterator[FolderBlobs]:
        self._look()
        with super().holding() as blobs:
            yield blobs


@dataclass(frozen=True)
class WatchedPlugins(FakePlugins):
    """Calls `look` when the transfer adapter is asked for."""

    look: Callable[[], object] = lambda: None

    def transfer(self, name: str) -> FakeAdapter:
        self.look()
        return super().transfer(name)


@dataclass
class WatchedAdapter(FakeAdapter):
    """Calls `look` before its first event, and again once that event was taken in."""

    look: Callable[[], object] = lambda: None

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        events = super().run(job)
        for _ in range(2):
            self.look()
            yield next(events)
        yield from events


@dataclass
class World:
    """A registry with a step that waits, and what three people see of it: in a terminal, by the API and on its page."""

    context: Context
    forebear: CommandLine
    client: TestClient
    step: str = ""
    phases: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Note the phase that all three show."""
        if not self.step:
            return
        phase = self.client.get(f"/api/v1/transfers/{self.step}").json()["summary"]["progress"]["phase"]
        assert f'data-part="phase">{phase[:1].upper()}{phase[1:]}<' in self.client.get(f"/steps/{self.step}").text
        assert phase in self.forebear("transfer", "show", self.step).out
        if phase not in self.phases:
            self.phases.append(phase)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with command_line(tmp_path) as forebear:
        token = forebear.ask("init")["token"]
        settings = Settings(home=forebear.home, mlflow_uri="off")
        with (
            bootstrap.open_system(forebear.home, settings=settings) as system,
            bootstrap.open(forebear.home, settings=settings, actor="ana") as registry,
        ):
            door = Doorkeeper(system.sessions, registry_key(forebear.home, settings), Attempts())
            app = create_app(system, settings, door, home=forebear.home)
            client = TestClient(app, base_url=HOST, headers={"Authorization": f"Bearer {token}"})
            world = World(registry.context, forebear, client)
            plugins = WatchedPlugins(fake_adapter=WatchedAdapter(look=world.look), look=world.look)
            blobs = WatchedBlobs(forebear.home / "blobs", world.look)
            world.context = replace(registry.context, plugins=plugins, blobs=blobs)
            plugins.fake_adapter.during = lambda job: world.look()
            source = draw(tmp_path / "bert", {"model.safetensors": "weights"})
            Catalog(world.context).import_model(ImportModel(Name("library", "bert"), str(source), licence="mit"))
            data = draw(tmp_path / "data", {"reviews.csv": TABLE}) / "reviews.csv"
            Datasets(world.context).add(AddDataset(Name("data", "reviews"), str(data), licence="cc0-1.0"))
            world.step = Transfers(world.context).submit(RECIPE).summary.id
            yield world


def test_a_starting_step_shows_what_its_worker_does_in_the_terminal_the_api_and_the_page(world: World) -> None:
    run_step(world.context, world.step)
    assert world.phases == [
        "reading the models",
        "reading the data",
        "starting the adapter transformers",
        "loading the model",
        "preparing the first batches",
        "head",
        "comparing the weights",
        "publishing the output",
    ]
    assert Transfers(world.context).step(world.step).summary.state is StepState.SUCCEEDED


def test_a_phase_that_counts_nothing_shows_no_samples_and_no_rate(world: World) -> None:
    shown: list[str] = []

    def look() -> None:
        shown.append(world.forebear("transfer", "show", world.step).out)
        shown.append(world.client.get(f"/steps/{world.step}").text)

    assert isinstance(world.context.plugins, WatchedPlugins)
    adapter = world.context.plugins.fake_adapter
    assert isinstance(adapter, WatchedAdapter)
    adapter.look = look
    run_step(world.context, world.step)
    assert "loading the model" in shown[0]
    assert "Loading the model" in shown[1]
    assert not any("samples" in text for text in shown[:2])
    assert 'data-part="facts" hidden' in shown[1]
