"""After kill -9 at any moment, the resumed run gives the same bytes as one that was never interrupted."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry.domain.recipes.recipe import Method
from tests.adapters.loop.worker import LONG
from tests.adapters.loop.worlds import WORLDS, finish, tree

ROOT = Path(__file__).parents[3]


def killed(kind: str, folder: Path, method: Method, *, after: int, pause: float, resume: bool) -> bool:
    """Start a worker, SIGKILL it `pause` seconds after its event number `after`; False if it had already ended."""
    command = [sys.executable, "-m", "tests.adapters.loop.worker", kind, str(folder), "cut", method]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with subprocess.Popen(
        [*command, "resume" if resume else "fresh"], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def story(kind: str, folder: Path, method: Method, kills: int, draw: random.Random) -> None:
    deaths = 0
    for _ in range(kills):
        after, pause = draw.randint(2, 60), draw.random() * 0.03
        deaths += killed(kind, folder, method, after=after, pause=pause, resume=deaths > 0)
    assert deaths, "every worker was done before it could be killed"
    world = WORLDS[kind](folder)
    resumed, metrics = finish(world, world.job("cut", method=method, resume=True, **LONG))
    whole, expected = finish(world, world.job("whole", method=method, **LONG))
    assert tree(resumed.folder) == tree(whole.folder)
    assert metrics == expected


@pytest.mark.parametrize(
    ("kind", "method"), [("torch", Method.FINE_TUNING), ("transformers", Method.FEATURE_EXTRACTION)]
)
def test_a_killed_worker_resumes_to_the_same_bytes(kind: str, method: Method, tmp_path: Path) -> None:
    story(kind, tmp_path, method, 1, random.Random(f"{kind} {method}"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(WORLDS))
@pytest.mark.parametrize("method", [Method.FEATURE_EXTRACTION, Method.FINE_TUNING])
def test_a_worker_killed_again_and_again_resumes_to_the_same_bytes(kind: str, method: Method, tmp_path: Path) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    story(kind, tmp_path, method, 4, random.Random(seed))
