"""The training loop, as it reads in a textbook; whoever wants logs, checkpoints or lineage consumes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from adapters.loop.training.device import Device

Inputs: TypeAlias = Tensor | dict[str, Tensor]
Batch: TypeAlias = tuple[Inputs, Tensor]
"""Inputs and what is to be answered (first axis: the items), on the device."""
Objective: TypeAlias = Callable[[Inputs, Tensor], Tensor]
"""The mean loss (a scalar) of a batch of inputs and targets."""


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step is done. `loss` is still on the device: reading it waits, so the caller chooses when."""

    number: int
    loss: Tensor
    samples: int


def train(
    objective: Objective,
    batches: Iterable[tuple[Batch, float]],
    optimizer: torch.optim.Optimizer,
    rate: Callable[[int], float],
    device: Device,
    *,
    start: int = 0,
    clip: float = 1.0,
) -> Iterator[Step]:
    """Minimise `objective` over `batches`; yields after each step, and never waits for the device itself.

    `objective` gives the mean loss of a batch. Each batch comes with a weight on its loss: 1 on one process, and
    what makes gradients averaged over processes the mean over all items on several. `rate` is the factor on each
    group's learning rate at steps `start`, `start + 1`, … . Gradients are clipped to the norm `clip` (0: not).
    """
    bases = [float(group["initial_lr"]) for group in optimizer.param_groups]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for number, ((inputs, targets), weight) in enumerate(batches, start=start + 1):
        factor = rate(number - 1)
        for group, base in zip(optimizer.param_groups, bases, strict=True):
            group["lr"] = base * factor
        with device.autocast():
            loss = objective(inputs, targets) * weight
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        yield Step(number, loss.detach(), len(targets))
