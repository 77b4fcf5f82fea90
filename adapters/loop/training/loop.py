"""The training loop. It yields after every step; the caller adds measurements, checkpoints and progress events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from adapters.loop.machine.device import Device

Inputs: TypeAlias = Tensor | dict[str, Tensor]
Batch: TypeAlias = tuple[Inputs, Tensor]
"""Inputs and targets (first axis: the items), on the device."""
Objective: TypeAlias = Callable[[Inputs, Tensor], Tensor]
"""The mean loss (a scalar) of a batch of inputs and targets."""


@dataclass(frozen=True, slots=True)
class Step:
    """A finished optimiser step. `loss` stays on the device: reading it waits, so the caller decides when."""

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
    """Minimise `objective` over `batches`. Yields after each step and never waits for the device.

    `objective` gives the mean loss of a batch. Each batch has a weight for its loss: 1 with one process; with several,
    the weight that makes the gradient averaged over processes the mean over all items. `rate` gives the factor on each
    group's learning rate at steps `start`, `start + 1`, … . Gradients are clipped to the norm `clip` (0: no clipping).
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
