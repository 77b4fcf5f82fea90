"""How much CPU time a command takes to start: `forebear --help` and `forebear model show`, each beside a peer.

The peer of `--help` is an empty Typer app with rich; that of `model show` is `import sqlalchemy`, which it needs.
Each is a process of its own; they take turns, so that a busy moment hits all of them, and the medians of CPU time are
compared. `mlflow --help` is timed for orientation. `--check` exits non-zero when a bar is missed. Run it as
`python -m benchmarks.startup`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from safetensors.numpy import save_file

EMPTY_APP = """\
import typer

app = typer.Typer(rich_markup_mode="rich")

@app.command()
def one() -> None:
    "One."

@app.command()
def two() -> None:
    "Two."

app()
"""
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Contestant:
    name: str
    words: tuple[str, ...]
    peer: str = ""
    bar: float | None = None
    """Times the peer's median that this one's may take."""


def run(words: tuple[str, ...], environment: dict[str, str]) -> float:
    """The CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def furnish(folder: Path, forebear: tuple[str, ...], environment: dict[str, str]) -> None:
    """A registry folder with one small model in it, and the empty app."""
    (folder / "empty.py").write_text(EMPTY_APP)
    weights = folder / "weights.safetensors"
    save_file({"weight": np.zeros((4, 4), dtype=np.float32)}, weights)
    run((*forebear, "init"), environment)
    described = ("--task", "image-classification", "--modality", "image", "--licence", "MIT", "--origin", "benchmark")
    run((*forebear, "model", "import", "bench/tiny", str(weights), *described), environment)


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
    held = True
    print(f"{'command':<28}{'CPU':>9}{'quartiles':>17}  beside its peer")
    for contestant in contestants:
        times = taken[contestant.name]
        middle = median(times)
        low, _, high = quantiles(times, n=4)
        verdict = ""
        if contestant.bar is not None:
            ratio = middle / median(taken[contestant.peer])
            good = ratio <= contestant.bar
            held &= good
            verdict = f"{ratio:.2f}x {contestant.peer}, bar {contestant.bar}x: {'held' if good else 'MISSED'}"
        spread = f"{low:.3f}–{high:.3f}"
        print(f"{contestant.name:<28}{middle:>7.3f} s{spread:>17}  {verdict}")
    repeats = len(next(iter(taken.values())))
    print(f"\nmedians of {repeats}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    given = parser.parse_args()
    forebear = (sys.executable, "-m", "registry.cli")
    with tempfile.TemporaryDirectory() as folder:
        contestants = (
            Contestant("an empty Typer app", (sys.executable, f"{folder}/empty.py", "--help")),
            Contestant("forebear --help", (*forebear, "--help"), "an empty Typer app", 1.3),
            Contestant("import sqlalchemy", (sys.executable, "-c", "import sqlalchemy")),
            Contestant(
                "forebear model show", (*forebear, "model", "show", "models:/bench/tiny/1"), "import sqlalchemy", 2.0
            ),
            Contestant("mlflow --help", (str(Path(sys.executable).parent / "mlflow"), "--help")),
        )
        environment = {**os.environ, "FOREBEAR_HOME": f"{folder}/home", "FOREBEAR_ACTOR": "bench"}
        environment["PYTHONPATH"] = str(ROOT)
        furnish(Path(folder), forebear, environment)
        held = report(contestants, measure(contestants, given.repeats, environment))
    return 1 if given.check and not held else 0


if __name__ == "__main__":
    sys.exit(main())
