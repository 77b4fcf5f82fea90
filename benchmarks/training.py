"""What governance costs while training: the adapter with metrics, events and checkpoints against a bare torch loop.

Both train the same tiny BERT on the same batches in the same order and read the same validation data after each epoch.
Pairs take turns (first one, then the other leads). Compared is CPU time from the first optimiser step to the end of the
last epoch; start-up stands apart. `--check` exits non-zero when the bar is missed. `python -m benchmarks.training`.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass
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
from adapters.transformers.transfer import TransformersTransfers
from benchmarks import workload
from registry.domain.transfers import Method
from registry.ports import DataInput, ModelInput, Saved, TransferJob

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
    """CPU seconds (all threads of this process) at the call, the first optimiser step and the end."""

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
        self.first = self.first or time.process_time()
        self.steps += 1

    def stop(self) -> None:
        self.end = time.process_time()

    @property
    def start_up(self) -> float:
        return self.first - self.begin

    @property
    def training(self) -> float:
        return self.end - self.first


def governed(job: TransferJob) -> Clock:
    """The adapter, every event consumed."""
    with Clock() as clock:
        seen = []
        for event in TransformersTransfers().run(job):
            seen.append(event)
            if isinstance(event, Saved):
                clock.stop()  # the last one counts
    return clock


def bare(source: ModelInput, data: DataInput, job: TransferJob) -> Clock:
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
        factor, number = rate(job.recipe.schedule, EPOCHS * ROWS["train"] // BATCH), 0
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
        clock.stop()
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
        pairs: list[tuple[Clock, Clock]] = []
        for turn in range(given.repeats + 1):  # the first pair warms up and is not counted
            job = workload.job(
                folder, f"work-{turn}", source, data, Method.FINE_TUNING, epochs=EPOCHS, batch_size=BATCH, max_length=64
            )
            if turn % 2:
                plain, ours = bare(source, data, job), governed(job)
            else:
                ours, plain = governed(job), bare(source, data, job)
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
