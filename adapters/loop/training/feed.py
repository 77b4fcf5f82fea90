"""Moves batches to the device; for a GPU they are pinned, prefetched and copied asynchronously."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from adapters.loop.machine.device import Device
from adapters.loop.tasks.labelled import Indexes
from adapters.loop.tasks.metrics import Targets
from adapters.loop.training.learner import ArrayItems, Items
from adapters.loop.training.loop import Batch, Inputs

AHEAD = 8
"""Number of batches prepared in advance for a GPU."""


def feed(items: Items, targets: Targets, order: Iterable[Indexes], device: Device) -> Iterator[Batch]:
    """Inputs and targets of each index array in `order`, in that order, on `device`."""
    if not device.is_gpu or (isinstance(items, ArrayItems) and items.rows.is_cuda):
        for indexes in order:
            yield _in_memory_format(items.batch(indexes)), torch.from_numpy(targets[indexes]).to(device.target)
        return
    with ThreadPoolExecutor(min(AHEAD, os.cpu_count() or 1), thread_name_prefix="feed") as pool:
        waiting: deque[Future[Batch]] = deque()
        for indexes in order:
            waiting.append(pool.submit(_pinned, items, targets, indexes))
            if len(waiting) > AHEAD:
                yield _to(device, waiting.popleft().result())
        while waiting:
            yield _to(device, waiting.popleft().result())


def _in_memory_format(inputs: Inputs) -> Inputs:
    """Images in channels-last memory, like the weights of convolutions."""
    if isinstance(inputs, Tensor):
        return inputs.to(memory_format=_memory_format(inputs))
    return {name: tensor.to(memory_format=_memory_format(tensor)) for name, tensor in inputs.items()}


def _memory_format(tensor: Tensor) -> torch.memory_format:
    return torch.channels_last if tensor.ndim == 4 else torch.preserve_format


def _pinned(items: Items, targets: Targets, indexes: Indexes) -> Batch:
    inputs = items.batch(indexes)
    pinned: Inputs = (
        inputs.pin_memory() if isinstance(inputs, Tensor) else {k: v.pin_memory() for k, v in inputs.items()}
    )
    return pinned, torch.from_numpy(targets[indexes]).pin_memory()


def _to(device: Device, batch: Batch) -> Batch:
    inputs, targets = batch
    target = device.target
    if isinstance(inputs, Tensor):
        moved: Inputs = inputs.to(target, non_blocking=True, memory_format=_memory_format(inputs))
    else:
        moved = {n: t.to(target, non_blocking=True, memory_format=_memory_format(t)) for n, t in inputs.items()}
    return moved, targets.to(target, non_blocking=True)
