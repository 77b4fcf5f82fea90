"""kill -9 at a random moment of training: never a version without a manifest, and the same bits in the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.domain.ids import is_id
from tests.command_line import CommandLine, command_line
from tests.journeys import worlds
from tests.journeys.test_hardship import wait_for, worker_of

RECIPE = """\
schema: forebear/recipe/v1
output: text/{name}
method: fine_tuning
source: models:/library/tiny/1
data: {{train: datasets:/data/fruit/1}}
epochs: 30
batch_size: 4
checkpoint_every: 3
head: {{kind: linear, dropout: 0.2}}
"""
KILLS = 50
pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a source, data, and what a run that nobody disturbs makes of them."""
    folder = tmp_path_factory.mktemp("kills")
    with command_line(folder) as forebear:
        forebear.ask("init")
        said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT")
        forebear.ask("model", "import", "library/tiny", worlds.write_source(folder), *said)
        forebear.ask("dataset", "add", "data/fruit", worlds.write_sentences(folder), "--licence", "CC0-1.0")
        forebear.ask("transfer", "run", worlds.write_recipe(folder, RECIPE.format(name="whole")))
    return folder


@pytest.fixture
def forebear(prepared: Path, tmp_path: Path) -> Iterator[CommandLine]:
    shutil.copytree(prepared / "home", tmp_path / "home")
    with command_line(tmp_path) as typed:
        yield typed


def kill_in_training(forebear: CommandLine, step: str, seconds: float) -> bool:
    """SIGKILL the worker so long after its inputs are laid out; False when it was done before."""
    work = forebear.home / "work" / step
    wait_for(lambda: (work / "inputs").exists() or shown(forebear, step)["state"] != "queued")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    try:
        worker = worker_of(forebear.home, step)
        os.killpg(os.getpgid(worker), signal.SIGKILL)
    except (AssertionError, ProcessLookupError):
        return False
    return True


def shown(forebear: CommandLine, step: str) -> Any:
    return forebear.ask("transfer", "show", step)["summary"]


def ended(forebear: CommandLine, step: str) -> Any:
    wait_for(lambda: shown(forebear, step)["state"] not in {"queued", "running"}, seconds=240)
    return forebear.ask("transfer", "show", step)


def assert_nothing_half_done(forebear: CommandLine, step: str) -> str:
    """Whatever the step says of itself, its manifest and its output say too."""
    told = ended(forebear, step)  # one that was killed before it had taken the step stays queued for a moment
    state = told["summary"]["state"]
    assert state in {"interrupted", "succeeded"}
    assert (state == "succeeded") == (told["manifest"] is not None) == (told["summary"]["output"] is not None)
    if state == "interrupted":
        name = told["summary"]["wanted"]
        assert forebear.refused("model", "show", name)["code"] == "not-found"
    return str(state)


def story(forebear: CommandLine, kills: int, seed: int) -> None:
    """Kill, resume, kill, …, over as many steps as that takes; each must end as the undisturbed one did."""
    draw, done, number = random.Random(seed), 0, 0
    whole = forebear.ask("model", "show", "text/whole/1")["summary"]["digest"]
    while done < kills:
        number += 1
        recipe = worlds.write_recipe(forebear.home.parent, RECIPE.format(name=f"killed-{number}"))
        step = forebear.ask("transfer", "run", recipe, "--background")["summary"]["id"]
        assert is_id(step)
        for _ in range(min(5, kills - done)):
            if not kill_in_training(forebear, step, draw.uniform(0.0, 8.0)):
                break
            done += 1
            if assert_nothing_half_done(forebear, step) == "succeeded":
                break  # it had published, and was killed while it tidied up
            forebear.ask("transfer", "resume", step, "--background")
        told = ended(forebear, step)
        assert told["summary"]["state"] == "succeeded", forebear("transfer", "logs", step).out
        assert forebear.ask("model", "show", f"text/killed-{number}/1")["summary"]["digest"] == whole
    assert forebear.ask("audit", "verify")["intact"]


def test_fifty_kills_do_not_change_a_bit_of_the_result(forebear: CommandLine) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    story(forebear, KILLS, seed)
