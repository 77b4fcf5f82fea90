"""How long a command takes to answer: `forebear --help` and `forebear model show` beside `mlflow --help`.

Each is a process of its own, timed from outside; the three take turns, so that a busy moment hits all of them. The
medians are compared: `--check` exits non-zero when a bar is missed. Run it as `python -m benchmarks.startup`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from safetensors.numpy import save_file

BIN = Path(sys.executable).parent
RIVAL = "mlflow --help"
SHARE = 1 / 3
"""Of the rival's median."""


@dataclass(frozen=True)
class Contestant:
    name: str
    words: tuple[str, ...]
    bar: float | None = None
    """Seconds that the median may take."""


def run(words: tuple[str, ...], environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(words, env=environment, check=True, capture_output=True)
    return time.perf_counter() - begin


def populate(folder: Path, environment: dict[str, str]) -> None:
    """A home with one small model in it."""
    weights = folder / "weights.safetensors"
    save_file({"weight": np.zeros((4, 4), dtype=np.float32)}, weights)
    run((str(BIN / "forebear"), "init"), environment)
    options = ("--task", "image-classification", "--modality", "image", "--licence", "MIT", "--origin", "benchmark")
    run((str(BIN / "forebear"), "model", "import", "bench/tiny", str(weights), *options), environment)


def measure(contestants: tuple[Contestant, ...], repeats: int, environment: dict[str, str]) -> dict[str, list[float]]:
    for contestant in contestants:
        run(contestant.words, environment)  # the first run writes byte code and fills the page cache
    taken: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for _ in range(repeats):
        for contestant in contestants:
            taken[contestant.name].append(run(contestant.words, environment))
    return taken


def report(contestants: tuple[Contestant, ...], taken: dict[str, list[float]]) -> bool:
    """Print the table; True when every bar is held."""
    rival, held = median(taken[RIVAL]), True
    print(f"{'command':<28}{'median':>9}{'quartiles':>17}{'of mlflow':>11}  bar")
    for contestant in contestants:
        times = taken[contestant.name]
        middle = median(times)
        low, _, high = quantiles(times, n=4)
        verdict = ""
        if contestant.bar is not None:
            good = middle <= contestant.bar and middle <= SHARE * rival
            held &= good
            verdict = f"<= {contestant.bar} s and <= 1/3: {'held' if good else 'MISSED'}"
        spread = f"{low:.3f}–{high:.3f}"
        print(f"{contestant.name:<28}{middle:>7.3f} s{spread:>17}{middle / rival:>10.2f}x  {verdict}")
    print(f"\nmedians of {len(taken[RIVAL])}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    given = parser.parse_args()
    forebear = str(BIN / "forebear")
    contestants = (
        Contestant("forebear --help", (forebear, "--help"), 0.3),
        Contestant("forebear model show", (forebear, "model", "show", "models:/bench/tiny/1"), 1.0),
        Contestant(RIVAL, (str(BIN / "mlflow"), "--help")),
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FOREBEAR_HOME": f"{folder}/home", "FOREBEAR_ACTOR": "bench"}
        populate(Path(folder), environment)
        held = report(contestants, measure(contestants, given.repeats, environment))
    return 1 if given.check and not held else 0


if __name__ == "__main__":
    sys.exit(main())
