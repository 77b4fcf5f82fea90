"""What governance costs while training: a step of a real registry, a bare torch loop, and Hugging Face's Trainer.

Governed is `services.transfers.running.run_step` in its own registry: inputs verified out of the store, progress and
learning curve written to the database as they come, metrics and checkpoints in. All three train the same tiny BERT on
the same batches in the same order, with the same optimizer, schedule and clipping, and read the same validation data
after each epoch; Trainer writes a checkpoint after each epoch as the governed step does, the bare loop none. They take
turns, and who begins changes. Compared is the CPU time from the first to the last optimiser step; start-up stands
apart. A second table (`waiting`) shows what a person waits for besides features and training. `--check` exits non-zero
when a bar is missed. `python -m benchmarks.transfer`; the feature cache is measured by `benchmarks.features`.
"""

from __future__ import annotations

import argparse
import csv
import gc
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from scipy import stats
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from transformers import AutoModelForSequenceClassification
from transformers.utils import logging

from adapters.loop.training.order import epoch_order, reading_order
from adapters.loop.training.schedule import rate
from adapters.transformers.texts.tokens import TokenItems, Tokens
from benchmarks import waiting
from benchmarks.material import workload
from benchmarks.registries import new_registry
from registry.domain.catalog.models import Modality
from registry.domain.names import Name
from registry.domain.recipes.recipe import Schedule
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.ports.transfers import DataInput, ModelInput
from registry.services.context import Context
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers

BARS = {"bare": 1.03, "Trainer": 1.0}
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
    """A new registry with the source and the data."""
    registry, context = new_registry(folder)
    registry.catalog.import_model(
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
    registry.datasets.add(AddDataset(Name("bench", "texts"), str(folder / "texts.csv"), licence="CC0-1.0"))
    return context


def governed(context: Context) -> Clock:
    """A step from submission to publication."""
    step = Transfers(context).submit(RECIPE)
    with Clock() as clock:
        run_step(context, step.summary.id)
    return clock


def opened(source: ModelInput, data: DataInput) -> tuple[Any, dict[str, TokenItems], dict[str, torch.Tensor]]:
    """The model, and by split the items and their labels."""
    torch.manual_seed(0)
    logging.set_verbosity_error()
    model = AutoModelForSequenceClassification.from_pretrained(source.folder, num_labels=4, classifier_dropout=0.0)
    rows = {split: [row for row in data.rows if row.split == split] for split in ROWS}
    items = {split: Tokens(source.folder, 64).read(found, data) for split, found in rows.items()}
    return model, items, {split: torch.tensor([int(row.label or 0) for row in found]) for split, found in rows.items()}


def bare(source: ModelInput, data: DataInput) -> Clock:
    """The plain loop that anyone would write."""
    with Clock() as clock:
        model, items, labels = opened(source, data)
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


class Order(torch.utils.data.Sampler[int]):
    """The rows in the order in which the other two read them, epoch after epoch."""

    def __init__(self, items: TokenItems) -> None:
        self.items, self.epoch = items, 0

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[int]:
        for part in epoch_order(len(self.items), BATCH, seed=0, epoch=self.epoch, lengths=self.items.lengths):
            yield from part.tolist()
        self.epoch += 1


def trainer(source: ModelInput, data: DataInput, folder: Path) -> Clock:
    """Hugging Face's Trainer at the same settings, without logging."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    settings = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=64,
        num_train_epochs=EPOCHS,
        learning_rate=1e-4,
        weight_decay=0.01,
        max_grad_norm=1.0,
        lr_scheduler_type="cosine",
        optim="adamw_torch_fused",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=True,
    )
    with Clock() as clock:
        model, items, labels = opened(source, data)

        def batch(rows: list[tuple[str, int]]) -> dict[str, torch.Tensor]:
            (split, *_), places = zip(*rows, strict=True)
            return {**items[split].batch(np.array(places)), "labels": labels[split][list(places)]}

        class InOrder(Trainer):  # type: ignore[misc] # transformers is untyped
            def _get_train_sampler(self, *_: object) -> Order:
                return Order(items["train"])

        sets: dict[str, Any] = {split: [(split, n) for n in range(len(found))] for split, found in items.items()}
        work = InOrder(
            model=model,
            args=settings,
            train_dataset=sets["train"],
            eval_dataset=sets["validation"],
            data_collator=batch,
            compute_metrics=lambda result: {
                "accuracy": float((result.predictions.argmax(1) == result.label_ids).mean())
            },
        )
        work.remove_callback(PrinterCallback)
        work.train()
    shutil.rmtree(folder, ignore_errors=True)
    return clock


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Geometric mean of paired ratios with its 95 % interval (Student's t on their logarithms)."""
    logs = [math.log(ratio) for ratio in ratios]
    half = float(stats.t.ppf(0.975, len(logs) - 1)) * stdev(logs) / math.sqrt(len(logs))
    return math.exp(mean(logs)), math.exp(mean(logs) - half), math.exp(mean(logs) + half)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="turns, two or more")
    parser.add_argument("--check", action="store_true", help="exit 1 when the bar is missed")
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = workload.text_source(folder / "source", **SHAPE)
        data = workload.texts(folder, ROWS, WORDS)
        context = registry(folder, source, data)
        ways: dict[str, Callable[[], Clock]] = {
            "governed": lambda: governed(context),
            "bare": lambda: bare(source, data),
            "Trainer": lambda: trainer(source, data, folder / "trainer"),
        }
        taken: dict[str, list[Clock]] = {way: [] for way in ways}
        for turn in range(given.repeats + 1):  # the first turn warms up and is not counted
            for way in (list(ways)[turn % 3 :] + list(ways)[: turn % 3])[:: 1 if turn % 2 else -1]:
                clock = ways[way]()
                taken[way] += [clock] if turn else []
    (steps,) = {clock.steps for clocks in taken.values() for clock in clocks}
    print(f"{'':<10}{'CPU s':>9}{'ms/step':>10}{'start-up':>11}")
    for way, clocks in taken.items():
        train = median(c.training for c in clocks)
        start = median(c.start_up for c in clocks)
        print(f"{way:<10}{train:>9.2f}{1000 * train / steps:>10.2f}{start:>9.2f} s")
    held = True
    print()
    for way, bar in BARS.items():
        pairs = zip(taken["governed"], taken[way], strict=True)
        ratio, low, high = interval([ours.training / theirs.training for ours, theirs in pairs])
        held &= ratio <= bar
        outcome = "held" if ratio <= bar else "MISSED"
        print(f"governed / {way}: {ratio:.3f}x, 95 % interval {low:.3f}–{high:.3f}, bar {bar}x: {outcome}")
    print(f"{given.repeats} interleaved turns of {steps} steps, 1 thread, load {os.getloadavg()[0]:.1f}")
    held &= waiting.main(given.repeats)
    return 1 if given.check and not held else 0


if __name__ == "__main__":
    sys.exit(main())
