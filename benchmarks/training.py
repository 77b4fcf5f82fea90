"""What governance costs while training: a step of a real registry against a bare torch loop.

Governed is `registry.services.running.run_step` on a home of its own: inputs verified out of the store, progress and
learning curve written to the database as they come, metrics and checkpoints in. Both train the same tiny BERT in the
same order and read the same validation data after each epoch. Pairs take turns (first one, then the other leads).
Compared is the CPU time from the first to the last optimiser step; start-up stands apart. `--check` exits non-zero when
the bar is missed. `python -m benchmarks.training`.
"""

from __future__ import annotations

import argparse
import csv
import gc
import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median, stdev

import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from scipy import stats
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from transformers import AutoModelForSequenceClassification
from transformers.utils import logging

from adapters.loop.order import epoch_order, reading_order
from adapters.loop.schedule import rate
from adapters.transformers.text import Tokens
from benchmarks import workload
from registry import bootstrap
from registry.domain.catalog import Modality
from registry.domain.names import Name
from registry.domain.transfers import Resources, Schedule
from registry.domain.verbs import AddDataset, ImportModel
from registry.plugins import EntryPointPlugins
from registry.ports import DataInput, Engine, ModelInput
from registry.services.context import Context
from registry.services.running import run_step
from registry.services.transfers import Transfers
from registry.settings import Settings

BAR = 1.03
EPOCHS, BATCH, WORDS = 4, 16, (8, 30)
ROWS = {"train": 128 * BATCH, "validation": 128}
SHAPE = {
    "vocab_size": 1004,
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 512,
    "max_position_embeddings": 64,
}


@dataclass
class Clock:
    """CPU seconds (all threads of this process) at the call, and at the first and the last optimiser step."""

    begin: float = 0.0
    first: float = 0.0
    end: float = 0.0
    steps: int = 0

    def __enter__(self) -> Clock:
        gc.collect()
        self.begin, self._hook = time.process_time(), register_optimizer_step_post_hook(self._step)
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _step(self, *_: object) -> None:
        self.end = time.process_time()
        self.first = self.first or self.end
        self.steps += 1

    @property
    def start_up(self) -> float:
        return self.first - self.begin

    @property
    def training(self) -> float:
        return self.end - self.first


class Idle:
    """An engine that leaves a step queued: the benchmark runs it in its own process."""

    name = "idle"

    def grant(self, needs: Resources) -> Resources:
        return replace(needs, cpus=needs.cpus or 1)

    def start(self, step_id: str, home: Path, needs: Resources) -> None: ...
    def wait(self, step_id: str, home: Path) -> None: ...
    def alive(self, step_id: str, home: Path) -> bool | None:
        return None

    def stop(self, step_id: str, home: Path) -> bool:
        return False

    def log(self, step_id: str, home: Path) -> str:
        return ""


class OwnProcess(EntryPointPlugins):
    """The installed plug-ins, with the idle engine."""

    def engine(self, name: str) -> Engine:
        return Idle()


RECIPE = f"""\
schema: forebear/recipe/v1
output: bench/child
method: fine_tuning
source: models:/bench/source/1
data: {{train: datasets:/bench/texts/1, validation: datasets:/bench/texts/1}}
freeze: none
optimizer: {{name: adamw, lr: 1.0e-4, backbone_lr: 1.0e-4, weight_decay: 0.01, clip: 1.0}}
schedule: {{name: cosine, warmup: 0}}
epochs: {EPOCHS}
batch_size: {BATCH}
max_length: 64
seed: 0
"""


def registry(folder: Path, source: ModelInput, data: DataInput) -> Context:
    """A new home with the source and the data in it."""
    settings = Settings(mlflow_uri="off", threads=1)
    bootstrap.init(folder / "home", settings=settings, actor="bench")
    office = bootstrap.open(folder / "home", settings=settings, actor="bench")
    office.catalog.import_model(
        ImportModel(
            Name("bench", "source"),
            str(source.folder),
            licence="MIT",
            task="feature-extraction",
            modality=Modality.TEXT,
        )
    )
    with (folder / "texts.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label", "split"])
        writer.writerows([row.text, row.label, row.split] for row in data.rows)
    office.datasets.add(AddDataset(Name("bench", "texts"), str(folder / "texts.csv"), licence="CC0-1.0"))
    return replace(office.context, plugins=OwnProcess(0, 600))


def governed(context: Context) -> Clock:
    """A step from submission to publication."""
    step = Transfers(context).submit(RECIPE)
    with Clock() as clock:
        run_step(context, step.summary.id)
    return clock


def bare(source: ModelInput, data: DataInput) -> Clock:
    """The plain loop that anyone would write."""
    with Clock() as clock:
        torch.manual_seed(0)
        logging.set_verbosity_error()
        model = AutoModelForSequenceClassification.from_pretrained(source.folder, num_labels=4, classifier_dropout=0.0)
        rows = {split: [row for row in data.rows if row.split == split] for split in ROWS}
        items = {split: Tokens(source.folder, 64).read(found, data) for split, found in rows.items()}
        labels = {split: torch.tensor([int(row.label or 0) for row in found]) for split, found in rows.items()}
        matrices = [p for p in model.parameters() if p.ndim > 1]
        vectors = [p for p in model.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}], lr=1e-4, fused=True
        )
        factor, number = rate(Schedule(), EPOCHS * ROWS["train"] // BATCH), 0
        for epoch in range(EPOCHS):
            model.train()
            for part in epoch_order(len(items["train"]), BATCH, seed=0, epoch=epoch, lengths=items["train"].lengths):
                for group in optimizer.param_groups:
                    group["lr"] = 1e-4 * factor(number)
                loss = F.cross_entropy(
                    model(**items["train"].batch(part)).logits, labels["train"][torch.from_numpy(part)]
                )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                number += 1
            model.eval()
            right = 0
            with torch.inference_mode():
                for part in reading_order(len(items["validation"]), 64, items["validation"].lengths):
                    guess = model(**items["validation"].batch(part)).logits.argmax(dim=1)
                    right += int((guess == labels["validation"][torch.from_numpy(part)]).sum())
    return clock


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Geometric mean of paired ratios with its 95 % interval (Student's t on their logarithms)."""
    logs = [math.log(ratio) for ratio in ratios]
    half = float(stats.t.ppf(0.975, len(logs) - 1)) * stdev(logs) / math.sqrt(len(logs))
    return math.exp(mean(logs)), math.exp(mean(logs) - half), math.exp(mean(logs) + half)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--check", action="store_true", help="exit 1 when the bar is missed")
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = workload.text_source(folder / "source", **SHAPE)
        data = workload.texts(folder, ROWS, WORDS)
        context = registry(folder, source, data)
        pairs: list[tuple[Clock, Clock]] = []
        for turn in range(given.repeats + 1):  # the first pair warms up and is not counted
            if turn % 2:
                plain, ours = bare(source, data), governed(context)
            else:
                ours, plain = governed(context), bare(source, data)
            pairs += [(ours, plain)] if turn else []
    steps = {clock.steps for pair in pairs for clock in pair}
    ratio, low, high = interval([ours.training / plain.training for ours, plain in pairs])
    print(f"{'':<10}{'CPU s':>9}{'ms/step':>10}{'start-up':>11}")
    for label, clocks in (("bare", [p for _, p in pairs]), ("governed", [o for o, _ in pairs])):
        train = median(c.training for c in clocks)
        start = median(c.start_up for c in clocks)
        print(f"{label:<10}{train:>9.2f}{1000 * train / max(steps):>10.2f}{start:>9.2f} s")
    print(f"\ngoverned / bare: {ratio:.3f}x, 95 % interval {low:.3f}–{high:.3f}, bar {BAR}x: ", end="")
    print("held" if ratio <= BAR else "MISSED")
    print(f"{len(pairs)} interleaved pairs of {max(steps)} steps, 1 thread, load {os.getloadavg()[0]:.1f}")
    return 1 if given.check and ratio > BAR else 0


if __name__ == "__main__":
    sys.exit(main())
