"""What the adapters reach on one GPU, without the registry's database: python -m benchmarks.gpu.

ViT-B/16, ResNet-50 and BERT-base from configs with random weights, trained in full, and BERT-base with LoRA of rank 16
(method `adapter`), in the precision that the device probe chooses. For each: samples/s of the adapter, of a bare loop
at the same settings and of Hugging Face's Trainer at its best ones, all three on the real loader, and of the bare loop
on one synthetic batch over and over, as it is and compiled; model FLOPs utilisation of the adapter (FLOPs counted as
gradients flow, per second, over the peak given with `--peak`); the share of time that the real loader stalls the device
(real against synthetic); peak memory of adapter, bare loop and Trainer; and after how many steps torch.compile has paid
for itself. `--smoke` runs tiny shapes on any machine, to show that it runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from rich.console import Console
from rich.table import Table
from transformers import ResNetConfig, ViTConfig
from transformers.utils import logging

from adapters.loop.machine.device import Device, probe
from adapters.loop.tasks.roles import read_roles
from adapters.loop.training.feed import feed
from adapters.loop.training.flops import learning_flops, one_item
from adapters.loop.training.learner import Items, Learner
from adapters.loop.training.loop import Batch
from adapters.loop.training.optimizers import build, parameter_groups
from adapters.loop.training.order import epoch_order
from adapters.torch.transfer import TorchTransfers
from adapters.transformers.transfer import TransformersTransfers
from benchmarks.material import workload
from registry.domain.recipes.recipe import Method
from registry.ports.transfers import Advanced, DataInput, ModelInput, TransferJob

SKIP = 3
"""Steps at the start that are not timed: kernels are chosen and memory is taken there."""
COLUMNS = (
    *("model", "adapter/s", "bare/s", "Trainer/s", "synthetic/s", "compiled/s"),
    *("MFU", "stall", "GiB: adapter / bare / Trainer", "compile pays after"),
)


@dataclass(frozen=True)
class Case:
    name: str
    adapter: TorchTransfers | TransformersTransfers
    source: ModelInput
    data: DataInput
    batch: int
    method: Method = Method.FINE_TUNING


class Watch:
    """Takes the time of steps SKIP to `steps`; the device is waited for at these two only."""

    def __init__(self, device: Device, steps: int) -> None:
        self.device, self.steps = device, steps
        self.number = self.samples = 0
        self.memory = 0.0
        """Peak GiB on the GPU up to the last step; 0 on a CPU."""
        if device.is_gpu:
            torch.cuda.reset_peak_memory_stats(device.target)
        self.begin = self.first = self.last = time.perf_counter()

    def step(self, samples: int) -> None:
        self.number += 1
        self.samples += samples if self.number > SKIP else 0
        if self.number == SKIP:
            self.device.synchronise()
            self.first = time.perf_counter()
        if self.number == self.steps:
            self.device.synchronise()
            self.last = time.perf_counter()
            if self.device.is_gpu:  # the next watch starts this count anew
                self.memory = torch.cuda.max_memory_allocated(self.device.target) / 2**30

    @property
    def rate(self) -> float:
        """Samples per second."""
        return self.samples / (self.last - self.first)

    @property
    def seconds(self) -> float:
        """Seconds per step."""
        return (self.last - self.first) / (self.steps - SKIP)

    @property
    def start_up(self) -> float:
        return self.first - self.begin


def cases(folder: Path, steps: int, *, smoke: bool) -> Iterator[Case]:
    side, batch, rows = (32, 4, {"train": 4 * steps}) if smoke else (224, 128, {"train": 128 * steps})
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    vit = ViTConfig(image_size=side, **(small | {"patch_size": 8} if smoke else {}))
    thin = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
    resnet = ResNetConfig(**(thin if smoke else {}))
    for name, config in (("ViT-B/16", vit), ("ResNet-50", resnet)):
        home = folder / name.replace("/", "-")
        home.mkdir()
        source = workload.image_source(home / "source", config, side)
        yield Case(name, TorchTransfers(), source, workload.pictures(home, rows, side), batch)
    home = folder / "bert"
    home.mkdir()
    source = workload.text_source(home / "source", vocab_size=1004, **(small if smoke else {}))
    words = (6, 6) if smoke else (126, 126)
    texts = workload.texts(home, rows, words)
    yield Case("BERT-base", TransformersTransfers(), source, texts, batch)
    yield Case("LoRA on BERT", TransformersTransfers(), source, texts, batch, Method.ADAPTER)


def opened(case: Case, job: TransferJob, device: Device) -> tuple[Learner, Items, torch.optim.Optimizer, np.ndarray]:
    """Model, data and optimizer as the adapter has them."""
    roles = read_roles(job)
    learner = case.adapter.open(case.source, job.recipe, roles.task, keep_head=False, fresh=False)
    device.place(learner.module)
    settings = job.recipe.optimizer
    optimizer = build(parameter_groups(learner.module, learner.layers, learner.head, settings), settings)
    return learner, learner.items(roles.train), optimizer, roles.train.targets


def adapter(case: Case, job: TransferJob, watch: Watch) -> None:
    """The adapter itself, every event consumed."""
    before = 0
    for event in case.adapter.run(job):
        if isinstance(event, Advanced) and event.step:
            watch.step(event.samples - before)
            before = event.samples


def bare(case: Case, job: TransferJob, watch: Watch, *, synthetic: bool = False, compiled: bool = False) -> None:
    """The plain loop at the same settings, on real batches or on one synthetic batch over and over."""
    device = watch.device
    learner, items, optimizer, labels = opened(case, job, device)
    if compiled:
        learner.module.compile()
    learner.module.train()
    order = epoch_order(len(items), case.batch, seed=0, epoch=0, lengths=items.lengths)
    batches: Iterator[Batch] = feed(items, labels, order, device)
    if synthetic:
        batches = repeat(next(batches), watch.steps)
    for inputs, targets in batches:
        with device.autocast():
            loss = F.cross_entropy(learner.predict(inputs), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.module.parameters(), 1.0)
        optimizer.step()
        watch.step(len(targets))


def trainer(case: Case, job: TransferJob, watch: Watch) -> None:
    """Hugging Face's Trainer on the same model and items, with bf16, fused AdamW, pinned workers and no logging."""
    from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

    device = watch.device
    learner, items, _, labels = opened(case, job, device)

    class Rows(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return len(items)

        def __getitem__(self, index: int) -> tuple[int, int]:
            return index, int(labels[index])

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = learner.module

        def forward(self, labels: torch.Tensor, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = learner.predict(inputs.get("pictures", inputs))
            return {"loss": F.cross_entropy(logits, labels), "logits": logits}

    def collate(rows: list[tuple[int, int]]) -> dict[str, torch.Tensor]:
        indexes, targets = (np.array(column) for column in zip(*rows, strict=True))
        inputs = items.batch(indexes)
        named = {"pictures": inputs} if isinstance(inputs, torch.Tensor) else inputs
        return {"labels": torch.from_numpy(targets), **named}

    class Stamps(TrainerCallback):  # type: ignore[misc] # transformers is untyped
        def on_step_end(self, *_: Any, **__: Any) -> None:
            watch.step(case.batch)

    settings = TrainingArguments(
        output_dir=str(job.work / "trainer"),
        per_device_train_batch_size=case.batch,
        num_train_epochs=1,
        bf16=device.precision == "bf16",
        optim="adamw_torch_fused",
        dataloader_num_workers=0 if not device.is_gpu else 8,
        dataloader_pin_memory=device.is_gpu,
        dataloader_persistent_workers=device.is_gpu,
        remove_unused_columns=False,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=not device.is_gpu,
    )
    work = Trainer(model=Wrapped(), args=settings, train_dataset=Rows(), data_collator=collate, callbacks=[Stamps()])
    work.remove_callback(PrinterCallback)
    work.train()


def measure(case: Case, folder: Path, device: Device, steps: int, peak: float) -> list[str]:
    """One line of the table."""

    def job(work: str) -> TransferJob:
        return workload.job(
            folder / case.name.replace("/", "-").replace(" ", "-"),
            work,
            case.source,
            case.data,
            case.method,
            batch_size=case.batch,
            metrics=("accuracy",),
        )

    ways: dict[str, Callable[[Watch], None]] = {
        "adapter": lambda watch: adapter(case, job("adapter"), watch),
        "bare": lambda watch: bare(case, job("bare"), watch),
        "synthetic": lambda watch: bare(case, job("synthetic"), watch, synthetic=True),
        "compiled": lambda watch: bare(case, job("compiled"), watch, synthetic=True, compiled=True),
        "trainer": lambda watch: trainer(case, job("trainer"), watch),
    }
    reached: dict[str, Watch] = {}
    for name, way in ways.items():
        if name == "compiled" and not device.is_gpu:
            continue  # needs a compiler, which a CPU machine may lack
        reached[name] = Watch(device, steps)
        way(reached[name])
        if device.is_gpu:
            torch.cuda.empty_cache()
    learner, items, _, _ = opened(case, job("count"), device)
    flops = learning_flops(learner.predict, learner.module, one_item(items, device))
    stall = 1 - reached["synthetic"].seconds / reached["bare"].seconds
    return [
        case.name,
        *(f"{reached[name].rate:,.1f}" for name in ("adapter", "bare", "trainer", "synthetic")),
        f"{reached['compiled'].rate:,.1f}" if "compiled" in reached else "-",
        f"{reached['adapter'].rate * flops / peak:.1%}" if peak else "-",
        f"{max(0.0, stall):.1%}",
        " / ".join(f"{reached[name].memory:.1f}" for name in ("adapter", "bare", "trainer")) if device.is_gpu else "-",
        _break_even(reached),
    ]


def _break_even(reached: dict[str, Watch]) -> str:
    """Steps after which compiling has paid for itself."""
    if "compiled" not in reached:
        return "-"
    gained = reached["synthetic"].seconds - reached["compiled"].seconds
    spent = reached["compiled"].start_up - reached["synthetic"].start_up
    return f"{spent / gained:,.0f}" if gained > 0 else "never"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--peak", type=float, default=989e12, help="FLOP/s of the device at its best (H200: 989e12)")
    parser.add_argument("--smoke", action="store_true", help="tiny shapes, to show that it runs")
    given = parser.parse_args()
    steps = 6 if given.smoke else given.steps
    torch.set_num_threads(1)  # of the CPU: the adapter has as many in these jobs
    device = probe("auto")
    if not device.is_gpu and not given.smoke:
        print("there is no GPU here: run with --smoke to try the benchmark itself")
        return 1
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    hardware = device.hardware.get("gpu", device.hardware["cpu"])
    table = Table(title=f"{hardware}, {device.precision}, torch {torch.__version__}, {steps} steps")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "model" else "right")
    with tempfile.TemporaryDirectory() as name:
        for case in cases(Path(name), steps, smoke=given.smoke):
            table.add_row(*measure(case, Path(name), device, steps, given.peak if device.is_gpu else 0.0))
    Console(width=150).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
