"""Steps that follow one another: forked workers give the same bytes as started ones, and their copies reach MLflow."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.engines.asking import FOLDER
from adapters.engines.processes import born_at
from tests.command_line import CommandLine, command_line
from tests.importing import importing_here
from tests.journeys import worlds
from tests.journeys.test_hardship import wait_for, worker_of

RECIPE = """\
schema: forebear/recipe/v1
output: text/{name}
method: {method}
source: models:/library/tiny/1
data: {{train: datasets:/data/fruit/1}}
epochs: {epochs}
"""
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="fork servers need Linux"),
    pytest.mark.timeout(900),  # for machines that are busy with other things too
]


@pytest.fixture
def forebear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """A command line whose steps leave a fork server behind."""
    with command_line(tmp_path) as forebear:
        forebear.ask("init")
        said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT")
        with importing_here():
            forebear.ask("model", "import", "library/tiny", worlds.write_source(tmp_path), *said)
        forebear.ask("dataset", "add", "data/fruit", worlds.write_sentences(tmp_path), "--licence", "CC0-1.0")
        monkeypatch.setenv("FOREBEAR_WARM_SECONDS", "120")
        yield forebear
        shutil.rmtree(forebear.home / FOLDER, ignore_errors=True)  # fork servers without a socket end


def run(forebear: CommandLine, name: str, method: str, epochs: int = 2) -> tuple[str, bool]:
    """The digest of what a recipe makes, and whether its worker was forked."""
    recipe = worlds.write_recipe(forebear.home.parent, RECIPE.format(name=name, method=method, epochs=epochs))
    step = forebear.ask("transfer", "run", recipe)["summary"]["id"]
    version = forebear.ask("model", "show", f"text/{name}")["summary"]["version"]
    return version["digest"], "Forked from process" in forebear("transfer", "logs", step).out


@pytest.mark.slow  # one quick run of both kinds is in test_hardship.py
@pytest.mark.parametrize("method", ["feature_extraction", "fine_tuning"])
def test_the_same_recipe_gives_the_same_bytes_from_a_started_and_a_forked_worker(
    method: str, forebear: CommandLine
) -> None:
    cold, forked = run(forebear, "cold", method)
    assert not forked
    wait_for(lambda: list((forebear.home / FOLDER).glob("*.sock")))
    # Features are computed anew, not read from the cache.
    shutil.rmtree(forebear.home / "cache", ignore_errors=True)
    warm, forked = run(forebear, "warm", method)
    assert forked
    assert warm == cold


@pytest.mark.slow  # three runs
def test_a_forked_worker_that_was_killed_goes_on_and_gives_the_same_bytes(forebear: CommandLine) -> None:
    whole, _ = run(forebear, "whole", "fine_tuning", epochs=30)
    wait_for(lambda: list((forebear.home / FOLDER).glob("*.sock")))
    text = RECIPE.format(name="killed", method="fine_tuning", epochs=30) + "checkpoint_every: 3\n"
    recipe = worlds.write_recipe(forebear.home.parent, text)
    step = forebear.ask("transfer", "run", recipe, "--background")["summary"]["id"]
    wait_for(lambda: list((forebear.home / "work" / step / "checkpoints").glob("*")))
    os.kill(worker_of(forebear.home, step), signal.SIGKILL)
    wait_for(lambda: forebear.ask("transfer", "show", step)["summary"]["state"] == "interrupted")
    assert forebear.ask("transfer", "resume", step)["summary"]["state"] == "succeeded"
    log = forebear("transfer", "logs", step).out
    assert log.count("Forked from process") == 2
    assert forebear.ask("model", "show", "text/killed")["summary"]["version"]["digest"] == whole


@pytest.mark.slow  # two runs
def test_a_forked_worker_ends_when_its_step_is_cancelled_and_the_fork_server_does_not(forebear: CommandLine) -> None:
    run(forebear, "first", "fine_tuning")
    wait_for(lambda: list((forebear.home / FOLDER).glob("*.sock")))
    recipe = worlds.write_recipe(
        forebear.home.parent, RECIPE.format(name="cancelled", method="fine_tuning", epochs=2000)
    )
    step = forebear.ask("transfer", "run", recipe, "--background")["summary"]["id"]
    wait_for(lambda: forebear.ask("transfer", "show", step)["summary"]["epoch"] > 0)
    worker = worker_of(forebear.home, step)
    assert forebear.ask("transfer", "cancel", step)["summary"]["state"] == "cancelled"
    assert born_at(worker) is None
    assert not (forebear.home / "work" / step).exists()
    assert run(forebear, "next", "fine_tuning")[1], "the next worker is forked too"


@pytest.mark.slow  # imports MLflow
def test_the_steps_of_forked_workers_are_copied_to_mlflow(
    forebear: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FOREBEAR_MLFLOW_URI")
    monkeypatch.setenv("FOREBEAR_WARM_SECONDS", "20")
    for name in ("first", "second"):
        run(forebear, name, "feature_extraction")
    shown = [step["id"] for step in forebear.ask("transfer", "list")["items"] if step["method"] == "feature_extraction"]
    assert len(shown) == 2
    wait_for(lambda: all(forebear.ask("transfer", "show", i)["mirror"]["state"] == "mirrored" for i in shown))
    with sqlite3.connect(forebear.home / "mlflow.db") as database:
        (runs,) = database.execute("select count(*) from runs").fetchone()
    assert runs == 2
