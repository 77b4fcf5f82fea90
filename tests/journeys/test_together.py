"""One step on two processes, as on two GPUs: what they learn together is what one learns alone, and one of them writes.

On a CPU they speak gloo. In doubles, without dropout and BatchNorm, only the order of sums differs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from adapters.engines.commands import together, torchrun
from registry import bootstrap
from registry.plugins import EntryPointPlugins
from registry.services.transfers.verbs import Transfers
from registry.settings import Settings
from tests.command_line import CommandLine, command_line
from tests.fakes.plugins import FakeEngine
from tests.importing import importing_here
from tests.journeys import worlds

ROOT = Path(__file__).parents[2]
RECIPE = """\
schema: forebear/recipe/v1
output: text/{name}
method: fine_tuning
source: models:/library/plain/1
data: {{train: datasets:/data/fruit/1}}
optimizer: {{name: sgd, lr: 0.05, momentum: 0.9}}
epochs: 3
batch_size: 8
checkpoint_every: 4
resources: {{cpus: 1}}
params: {{precision: fp64}}
"""


@pytest.fixture
def forebear(tmp_path: Path) -> Iterator[CommandLine]:
    """A home with an encoder that drops nothing out, and sentences."""
    source = worlds.write_source(tmp_path)
    config = source / "config.json"
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config.write_text(json.dumps(json.loads(config.read_bytes()) | still))
    with command_line(tmp_path) as forebear:
        forebear.ask("init")
        said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT")
        with importing_here():
            forebear.ask("model", "import", "library/plain", source, *said)
        forebear.ask("dataset", "add", "data/fruit", worlds.write_sentences(tmp_path), "--licence", "CC0-1.0")
        yield forebear


class Unstarted(EntryPointPlugins):
    """The installed plug-ins, with an engine that leaves every step to the test."""

    def engine(self, name: str) -> FakeEngine:
        return FakeEngine()


def submit(home: Path, name: str) -> str:
    """A step that nobody has started."""
    with bootstrap.open(home, settings=Settings(home=home, mlflow_uri="off"), actor="ana") as registry:
        context = replace(registry.context, plugins=Unstarted(0, 0))
        return Transfers(context).submit(RECIPE.format(name=name)).summary.id


def work(home: Path, step: str, *launcher: str) -> None:
    """Run the worker of the step, or as many as the launcher starts."""
    words = [sys.executable, "-m", *launcher, *(["-m"] if launcher else []), "registry.worker", step]
    words += ["--home", str(home), *(together() if launcher else [])]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "FOREBEAR_DEVICE": "cpu", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_learn_to_the_ninth_digit_what_one_learns(forebear: CommandLine, tmp_path: Path) -> None:
    alone, together = submit(forebear.home, "alone"), submit(forebear.home, "together")
    work(forebear.home, alone)
    work(forebear.home, together, *torchrun(2))
    steps = {name: forebear.ask("transfer", "show", step) for name, step in (("one", alone), ("two", together))}
    assert [steps[name]["manifest"]["hardware"]["processes"] for name in ("one", "two")] == ["1", "2"]
    assert [steps[name]["manifest"]["hardware"]["precision"] for name in ("one", "two")] == ["fp64"] * 2
    told = forebear.ask("audit", "show", "--subject", together)["items"]
    assert [entry["action"] for entry in told] == ["transfer.succeeded", "transfer.started", "transfer.submitted"]
    for name in ("alone", "together"):
        forebear.ask("model", "pull", f"text/{name}/1", "--to", tmp_path / name)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("alone", "together"))
    parent = load_file(tmp_path / "tiny" / "model.safetensors")
    assert one.keys() == two.keys()
    assert {tensor.dtype for tensor in one.values() if tensor.is_floating_point()} == {torch.float64}
    worst = max(float((one[name] - two[name]).abs().max()) for name in one)
    print(f"furthest apart: {worst:.1e}")
    assert worst <= 1e-9
    learnt = max(float((one[f"bert.{name}"] - parent[name]).abs().max()) for name in parent if f"bert.{name}" in one)
    assert learnt > 1e-3, "and they did learn"
    assert {m["name"]: m["value"] for m in steps["one"]["measured"]} == {
        m["name"]: m["value"] for m in steps["two"]["measured"]
    }
    assert [p["value"] for p in steps["two"]["curve"]] == pytest.approx(
        [p["value"] for p in steps["one"]["curve"]], abs=1e-6
    )
