"""A step that trains, watched by everybody at once: in a terminal, over HTTP and in a browser."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from playwright.sync_api import Browser, expect

from registry import bootstrap
from registry.cli.views.progress import LINE_SECONDS
from registry.domain.transfers.steps import EpochMetric, Progress, StepState
from tests import builders
from tests.command_line import CommandLine, command_line
from tests.family import found_family
from tests.importing import importing_here
from tests.journeys import worlds
from tests.journeys.running import serving
from tests.journeys.test_browser import KNOWN, chromium, driver

__all__ = ["chromium", "driver"]
pytestmark = [
    pytest.mark.journey,
    pytest.mark.timeout(900),
]  # of which nearly all would be waiting for workers to start
API = "/api/v1"
SECONDS = 200
"""How long a worker may take to start on a busy machine."""
TRAINING = """\
schema: forebear/recipe/v1
output: text/{name}
method: fine_tuning
source: models:/library/tiny/1
data: {{train: datasets:/data/{data}/1}}
epochs: {epochs}
batch_size: 4
"""


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    expect.set_options(timeout=SECONDS * 1000)
    yield
    expect.set_options(timeout=5000)


@dataclass(frozen=True)
class Watched:
    """A home with something to train, a token, and the address of a server over it, where there is one."""

    forebear: CommandLine
    token: str
    address: str = ""

    @contextmanager
    def training(self, name: str, epochs: int, data: str = "fruit") -> Iterator[str]:
        """The id of a step that trains in the background; with the block it ends."""
        recipe = worlds.write_recipe(self.forebear.home.parent, TRAINING.format(name=name, epochs=epochs, data=data))
        step = str(self.forebear.ask("transfer", "run", recipe, "--background")["summary"]["id"])
        yield step
        self.forebear("transfer", "cancel", step)

    @contextmanager
    def following(self, step: str, *words: str) -> Iterator[subprocess.Popen[str]]:
        """`forebear transfer show STEP --follow` in another terminal."""
        said = [sys.executable, "-m", "registry.cli", "transfer", "show", step, "--follow", *words]
        with subprocess.Popen(said, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as terminal:
            yield terminal
            terminal.kill()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("live")
    with command_line(folder) as forebear:
        token = forebear.ask("init")["token"]
        said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT")
        with importing_here():
            forebear.ask("model", "import", "library/tiny", worlds.write_source(folder), *said)
        forebear.ask("dataset", "add", "data/fruit", worlds.write_sentences(folder), "--licence", "CC0-1.0")
        yield Watched(forebear, token)


@pytest.fixture
def served(watched: Watched) -> Iterator[Watched]:
    with serving(watched.forebear.home) as address:
        yield replace(watched, address=address)


@dataclass
class Ear:
    """Listens to the events of a step in a thread."""

    watched: Watched
    step: str
    last: str = "0"
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def listen(self, enough: int | None = None) -> None:
        """Until the stream ends, or until `enough` events came: then hang up."""
        headers = {"Authorization": f"Bearer {self.watched.token}", "Last-Event-ID": self.last}
        address = f"{self.watched.address}{API}/transfers/{self.step}/events"
        event = ""
        with httpx.stream("GET", address, headers=headers, timeout=SECONDS) as answer:
            for line in answer.iter_lines():
                key, _, value = line.partition(": ")
                if key == "id":
                    self.last = value
                elif key == "event":
                    event = value
                elif key == "data":
                    self.events.append((event, json.loads(value)))
                    if enough is not None and len(self.events) >= enough:
                        return


@pytest.mark.browser
def test_the_page_of_a_step_grows_while_somebody_looks_at_it(chromium: Browser, tmp_path: Path) -> None:
    """What a worker writes is written here, so that no worker needs to start: the real one is in the slow tests."""
    family = found_family(tmp_path / "home")
    registry = bootstrap.open(family.home, settings=family.settings, actor="dev")
    later = datetime.now(UTC) + timedelta(hours=1)
    new, steps = builders.step("vision/new", state=StepState.QUEUED, epochs=4, at=later), registry.context.write
    with steps() as uow:
        uow.steps.add(new)
        uow.leases.offer(new.id, "local", seconds=3600)
        uow.steps.move(new.id, expected=frozenset({StepState.QUEUED}), to=StepState.RUNNING, at=later)
        uow.commit_unaudited()

    def advance(epoch: int) -> None:
        progress = Progress("train", epoch * 10, 40, epoch * 80, None, 812.4, 0.25, 65.0, datetime.now(UTC))
        with steps() as uow:
            uow.steps.add_curve(new.id, [EpochMetric(epoch, epoch * 10, "loss", "validation", 1 / epoch)])
            uow.steps.progress(new.id, epoch=float(epoch), at=later, progress=progress)
            uow.commit_unaudited()

    def begin(phase: str) -> None:
        now = datetime.now(UTC)
        with steps() as uow:
            uow.steps.progress(
                new.id, epoch=0.0, at=later, progress=Progress(phase, 0, 0, 0, None, None, None, None, now)
            )
            uow.commit_unaudited()

    said: list[str] = []
    with serving(family.home) as address:
        page = chromium.new_context(base_url=address).new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"/steps/{new.id}")
        page.get_by_label("Token").fill(family.tokens["vic"])
        page.get_by_role("button", name="Sign in").click()
        bar = page.get_by_role("progressbar")
        expect(bar).to_be_visible()
        begin("loading the model")
        expect(page.locator("[data-part=phase]")).to_have_text("Loading the model")
        expect(page.locator("[data-part=count]")).to_have_text("")
        expect(page.locator("[data-part=facts]")).to_be_hidden()
        for epoch in (1, 2, 3):
            advance(epoch)
            expect(bar).to_have_attribute("value", str(epoch * 10))
            expect(page.locator("[data-curves] circle")).to_have_count(epoch)
        for part, words in {"rate": "812 samples/s", "left": "1 min 05 s", "count": "30 of 40 steps"}.items():
            expect(page.locator(f"[data-part={part}]")).to_have_text(words)
        expect(page.locator("[data-curves] desc")).to_have_text(re.compile("0.3333 at epoch 3. Best: epoch 3"))
        with steps() as uow:
            uow.steps.move(new.id, expected=frozenset({StepState.RUNNING}), to=StepState.CANCELLED, at=later)
            uow.commit_unaudited()
        expect(page.locator(".badges").first).to_contain_text("cancelled")
        expect(bar).to_have_count(0)
        page.context.close()
    assert [text for text in said if not KNOWN.search(text)] == []


@pytest.mark.slow
@pytest.mark.browser
def test_a_step_is_watched_by_everybody_until_somebody_stops_it(served: Watched, chromium: Browser) -> None:
    said: list[str] = []
    page = chromium.new_context(base_url=served.address).new_page()
    page.set_default_timeout(SECONDS * 1000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    with served.training("stopped", epochs=2000) as step, served.following(step) as terminal:
        ear = Ear(served, step)
        listening = threading.Thread(target=ear.listen)
        listening.start()
        page.goto(f"/steps/{step}")
        page.get_by_label("Token").fill(served.token)
        page.get_by_role("button", name="Sign in").click()
        bar, epochs = page.get_by_role("progressbar"), page.locator("[data-curves] tbody tr")
        expect(bar).to_have_attribute("value", re.compile("[1-9]"))
        before, drawn = bar.get_attribute("value"), epochs.count()
        expect(bar).not_to_have_attribute("value", str(before))
        expect(epochs).not_to_have_count(drawn)
        expect(page.locator("[data-curves] svg[role=img]").first).to_be_visible()
        expect(page.locator("[data-part=rate]")).to_contain_text("samples/s")
        expect(page.locator("[data-part=left]")).to_contain_text("min")
        page.wait_for_timeout(2000 * LINE_SECONDS)  # the terminal's second line has a rate, its first has none yet
        page.get_by_text("Cancel…").click()
        expect(page.locator(".confirm")).to_contain_text("It cannot be resumed")
        page.get_by_role("button", name="Cancel the run").click()
        expect(page.locator(".badges").first).to_contain_text("cancelled")
        expect(page.get_by_role("progressbar")).to_have_count(0)
        page.context.close()
        out, err = terminal.communicate(timeout=SECONDS)
        listening.join(SECONDS)
    assert terminal.returncode == 4
    assert f"{step} is cancelled" in out
    assert "samples/s" in out
    assert "[step-state]" in err
    assert ear.events[-1][0] == "state"
    assert ear.events[-1][1]["state"] == "cancelled"
    numbers = [e["number"] for kind, e in ear.events if kind == "metric"]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [text for text in said if not KNOWN.search(text)] == []


@pytest.mark.slow
def test_following_ends_with_the_step_and_shows_its_result(watched: Watched) -> None:
    with (
        watched.training("followed", epochs=12) as step,
        watched.following(step) as text,
        watched.following(step, "--output", "json") as lines,
    ):
        out, err = text.communicate(timeout=SECONDS)
        events = [json.loads(line) for line in lines.communicate(timeout=SECONDS)[0].splitlines()]
    assert text.returncode == 0, err
    assert out.count("epoch 12:") == 1
    assert "Best epoch: " in out
    assert "Created models:/text/followed/1 in" in out
    shown = watched.forebear.ask("transfer", "show", step)
    assert {(e["data"]["epoch"], e["data"]["name"]) for e in events if e["event"] == "metric"} == {
        (p["epoch"], p["name"]) for p in shown["curve"]
    }
    assert events[-1]["data"]["output"] == "models:/text/followed/1"
    assert shown["summary"]["progress"]["step"] == shown["summary"]["progress"]["steps"]
    assert lines.returncode == 0


@pytest.mark.slow
def test_following_a_step_that_fails_fails_with_its_code(watched: Watched) -> None:
    forebear, folder = watched.forebear, watched.forebear.home.parent
    file = worlds.write_sentences(folder)
    file.write_text(file.read_text(encoding="utf-8").replace("crisp", "crunchy"), encoding="utf-8")
    added = forebear.ask("dataset", "add", "data/spoilt", file, "--licence", "CC0-1.0")
    digest = added["files"][0]["sha256"].removeprefix("sha256:")
    blob = next(p for p in (forebear.home / "blobs").rglob(f"*{digest[4:]}*") if p.is_file())
    blob.chmod(0o644)
    blob.write_bytes(bytes([blob.read_bytes()[0] ^ 1]) + blob.read_bytes()[1:])
    with (
        watched.training("spoilt", epochs=2, data="spoilt") as step,
        watched.following(step, "--output", "json") as terminal,
    ):
        _, err = terminal.communicate(timeout=SECONDS)
        ear = Ear(watched, step)
        ear.listen()
    assert json.loads(err)["code"] == "dataset-changed"
    assert terminal.returncode == 7
    assert "dataset-changed" in ear.events[-1][1]["error"]


@pytest.mark.slow
def test_a_step_that_trains_fails_at_its_next_checkpoint_once_its_data_is_recalled(watched: Watched) -> None:
    forebear, folder = watched.forebear, watched.forebear.home.parent
    file = worlds.write_sentences(folder)
    file.write_text(file.read_text(encoding="utf-8").replace("crisp", "ripe"), encoding="utf-8")
    forebear.ask("dataset", "add", "data/withdrawn", file, "--licence", "CC0-1.0")
    with (
        watched.training("withdrawn", epochs=10_000, data="withdrawn") as step,
        watched.following(step, "--output", "json") as terminal,
    ):
        assert terminal.stdout is not None
        next(line for line in terminal.stdout if json.loads(line)["event"] == "metric")  # it trains
        said = ("--level", "recall", "--class", "privacy", "--reason", "no consent")
        recall = forebear.ask("recall", "open", "datasets:/data/withdrawn/1", *said)["recall"]["id"]
        terminal.communicate(timeout=SECONDS)
        shown = forebear.ask("transfer", "show", step)["summary"]
    assert (shown["state"], shown["output"]) == ("failed", None)
    assert shown["error"].startswith("[recalled]")
    assert recall in shown["error"]


@pytest.mark.slow
def test_ctrl_c_stops_watching_and_nothing_else(watched: Watched) -> None:
    with watched.training("goes-on", epochs=2000) as step, watched.following(step) as terminal:
        assert terminal.stdout is not None
        while "epoch 2:" not in terminal.stdout.readline():
            pass
        terminal.send_signal(signal.SIGINT)
        _, err = terminal.communicate(timeout=30)
        assert terminal.returncode == 130
        assert f"{step} is still running" in err
        assert watched.forebear.ask("transfer", "show", step)["summary"]["state"] == "running"


@pytest.mark.slow
def test_a_listener_reconnects_without_loss_and_the_server_stops_although_some_listen(
    watched: Watched,
) -> None:
    with watched.training("heard", epochs=2000) as step:
        with serving(watched.forebear.home) as address:
            ear = Ear(replace(watched, address=address), step)
            for more in (7, 15, 30):
                ear.listen(more)
            numbers = [e["number"] for kind, e in ear.events if kind == "metric"]
            assert numbers == list(range(1, len(numbers) + 1))
            listening = threading.Thread(target=ear.listen)
            listening.start()
            time.sleep(1)
            begun = time.monotonic()
        assert time.monotonic() - begun < 10
        listening.join(10)
        assert not listening.is_alive()
