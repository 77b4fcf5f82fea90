"""Several processes under torchrun train one model: each takes a share of every batch, one writes the output."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from adapters.loop.machine.process_group import ProcessGroup
from registry.domain.recipes.recipe import Optimizer
from registry.errors import BadRecipeError
from registry.ports.transfers import TransferJob
from tests.adapters.loop.worlds import WORLDS, World, finish

ROOT = Path(__file__).parents[4]

SCRIPT = f"""
import os, sys
from pathlib import Path
from {__name__} import job_in

folder, rank = Path(sys.argv[1]), os.environ["RANK"]
world, job = job_in(folder / rank, folder / "together")
(folder / f"rank-{{rank}}").write_text(" ".join(type(event).__name__ for event in world.adapter.run(job)))
"""


def job_in(folder: Path, work: Path) -> tuple[World, TransferJob]:
    """Texts, an encoder without dropout (its mask differs between processes), and SGD."""
    world = WORLDS["transformers"](folder)
    config = folder / "source" / "config.json"
    document = json.loads(config.read_bytes())
    config.write_text(json.dumps(document | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}))
    return world, world.job(str(work), optimizer=Optimizer("sgd", lr=0.05))


def test_a_process_alone_shares_nothing() -> None:
    import numpy as np

    alone = ProcessGroup.join(cpu=True)
    part, weight = alone.share(np.arange(5))
    assert (part.tolist(), weight, alone.first, alone.gather([3])) == ([0, 1, 2, 3, 4], 1.0, True, [3])


def test_a_batch_too_small_to_share_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pair:
        process_index, num_processes = 0, 2

    world = WORLDS["transformers"](tmp_path)
    monkeypatch.setattr(ProcessGroup, "join", classmethod(lambda cls, cpu: cls(Pair())))
    with pytest.raises(BadRecipeError, match="too small for 2 processes"):
        list(world.adapter.run(world.job(batch_size=3)))


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_and_one_reports(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_addr=127.0.0.1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [*command, f"--master_port={port}", str(script), str(tmp_path)]
    subprocess.run(words, check=True, cwd=ROOT, env=environment, timeout=200)
    assert (tmp_path / "rank-0").read_text().split()[0] == "Started"
    assert (tmp_path / "rank-1").read_text() == ""
    alone, _ = finish(*job_in(tmp_path / "one", tmp_path / "alone"))
    together = load_file(tmp_path / "together" / "output" / "model.safetensors")
    for name, tensor in load_file(alone.folder / "model.safetensors").items():
        torch.testing.assert_close(together[name], tensor, rtol=1e-3, atol=1e-4, msg=name)
    written = json.loads((tmp_path / "together" / "output" / "predictions.json").read_bytes())
    assert len(written["rows"]) == 18
