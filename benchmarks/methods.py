"""What each way of transferring reaches on real weights and data, and what it costs.

Every row is one governed step in a registry: a modest recipe (`benchmarks.material.method_recipes`), few rows to
learn from, and test rows that are touched once. The value is computed again from the answers that the version keeps,
with a 95 % interval over the test rows: Wilson's for accuracy, the bootstrap (10,000 draws) for other metrics; of the
few-shot preset Student's t over its draws. `constant` is what the step recorded for answering without looking. `beside`
is scikit-learn on the raw rows with the same training rows, or the step that is named there. Seconds are processor
time of one thread, from submission to publication; features that an earlier row computed are in the cache.
`--only` takes names, methods, `images` or `texts`; what they build on runs too. `python -m benchmarks.methods`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.material.method_recipes import IMAGES, TEXTS, Entry
from benchmarks.material.methods import Material
from benchmarks.method_peers import few_shot_peer, interval, peer
from benchmarks.registries import run_here
from registry.domain.names import Reference
from registry.domain.transfers.steps import StepDetail
from registry.machine import this_machine

SHOTS, DRAWS = 10, 5
"""Of the few-shot preset."""


@dataclass(frozen=True)
class Result:
    """One row of the table; `low` and `high` are None where there is nothing to measure."""

    entry: Entry
    shown: str
    rows: str
    value: float
    low: float | None
    high: float | None
    constant: float | None
    beside: str
    seconds: float

    def cells(self) -> tuple[str, ...]:
        method = f"{self.entry.method} ({self.entry.how})" if self.entry.how else self.entry.method
        if self.low is None or self.high is None:
            return method, self.shown, self.rows, "–", "–", "–", "–", f"{self.seconds:.1f}"
        value = f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"
        constant = "–" if self.constant is None else f"{self.constant:.3f}"
        return method, self.shown, self.rows, self.entry.metric, value, constant, self.beside, f"{self.seconds:.1f}"


def chosen(only: Collection[str]) -> list[Entry]:
    """The entries that `only` names, with those that they need, in order. Raises: SystemExit for an unknown name."""
    everything = (*IMAGES, *TEXTS)
    groups = {"images": IMAGES, "texts": TEXTS}
    wanted: set[str] = set() if only else {entry.name for entry in everything}
    for word in only:
        found = {entry.name for entry in groups.get(word, everything) if word in {entry.name, entry.method, *groups}}
        if not found:
            names = ", ".join(entry.name for entry in everything)
            raise SystemExit(f"--only {word}: there is no such name or method. Names: images, texts, {names}")
        wanted |= found
    for entry in reversed(everything):  # what an entry needs stands above it
        wanted |= entry.needs if entry.name in wanted else set()
    return [entry for entry in everything if entry.name in wanted]


class Bench:
    """Runs entries one after the other in one registry, and remembers what each reached."""

    def __init__(self, folder: Path) -> None:
        self.material = Material(folder)
        self.values: dict[str, float] = {}
        self.peers: dict[tuple[str, str], tuple[str, float]] = {}

    def run(self, entry: Entry) -> Iterator[Result]:
        """One result, or one for each task."""
        self.material.bring(entry.recipe)
        begin = time.process_time()
        done = run_here(self.material.context, entry.recipe)
        seconds = time.process_time() - begin
        for task, data in entry.tasks or (("", entry.data),):
            yield self._result(entry, done, task, data, seconds)

    def _result(self, entry: Entry, done: StepDetail, task: str, data: str, seconds: float) -> Result:
        rows, role = self.material.rows(data), f"test.{task}" if task else "test"
        learnt = self.material.rows(entry.learnt or data).split.count("train")
        tested = rows.split.count("test")
        measured = {one.name: one.value for one in done.measured if one.role == role}
        shown = f"{entry.shown} (on {task})" if task else entry.shown
        if not entry.metric:
            return Result(entry, shown, str(learnt), 0.0, None, None, None, "", seconds)
        if entry.name == "few-shot":
            value, half = measured["accuracy_mean"], measured["accuracy_half_width"]
            found, learnt = (value, value - half, value + half), SHOTS * len(set(map(str, rows.truth)))
        else:
            truth, answers = self._answers(entry, f"predictions-{task}.json" if task else "predictions.json")
            found = interval(rows.kind, truth, answers, entry.metric)
            if abs(found[0] - measured[entry.metric]) > 1e-6:
                raise SystemExit(
                    f"{entry.name}: the answers give {found[0]}, the step recorded {measured[entry.metric]}"
                )
        self.values[entry.name] = found[0]
        constant = measured.get(f"baseline_{entry.metric}")
        counts = f"{learnt:,} / {tested:,}" if entry.method not in {"merge", "quantization"} else f"– / {tested:,}"
        return Result(entry, shown, counts, *found, constant, self._beside(entry, data), seconds)

    def _answers(self, entry: Entry, file: str) -> tuple[list[str], list[object]]:
        """What is true of each test row, and what the version answered, from the file that it keeps."""
        version = Reference.parse(f"models:/methods/{entry.name}/1")
        with self.material.registry.catalog.open_file(version, file) as stream:
            rows = json.load(stream)["rows"]
        return [row["label"] for row in rows], [row["prediction"] for row in rows]

    def _beside(self, entry: Entry, data: str) -> str:
        if not entry.beside:
            return "–"
        if entry.beside != "peer":
            return f"{self.values[entry.beside]:.3f} {entry.beside}"
        key = (data, "few" if entry.name == "few-shot" else entry.metric)
        if key not in self.peers:
            rows = self.material.rows(data)
            few = key[1] == "few"
            self.peers[key] = few_shot_peer(rows, SHOTS, DRAWS) if few else peer(rows, entry.metric)
        name, value = self.peers[key]
        return f"{value:.3f} {name}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="names, methods, `images` or `texts`")
    given = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    torch.set_num_threads(1)
    table = Table(title="Transfers on real weights and data", caption_justify="left")
    for column in ("method", "source → data", "rows: learnt / tested", "metric", "value (95 %)", "constant", "beside"):
        table.add_column(column)
    table.add_column("CPU s", justify="right")
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for entry in chosen(given.only):
            for result in bench.run(entry):
                table.add_row(*result.cells())
                print(*result.cells(), sep=" | ", file=sys.stderr, flush=True)
    table.caption = (
        f"{this_machine()['cpu']}, 1 thread, torch {torch.__version__}; {time.perf_counter() - begin:.0f} s in all, "
        f"load {os.getloadavg()[0]:.1f}. Intervals over test rows: Wilson's for accuracy, else bootstrap; of few_shot "
        "Student's t over 5 draws of the rows that it learns from."
    )
    Console(width=max(170, Console().width)).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
