"""What a run costs, counted by torch's own operator counter on one item and multiplied, never guessed from a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from adapters.loop.device import Device
from adapters.loop.feed import feed
from adapters.loop.learner import Items
from adapters.loop.loop import Inputs

METHOD = (
    "operators of one item of median size counted by torch.utils.flop_counter (2 per multiply-add), "
    "forward and backward as gradients flow, times items"
)


def flops_per_item(predict: Callable[[Inputs], Tensor], module: nn.Module, one: Inputs) -> tuple[float, float]:
    """FLOPs of one item: (forward alone, forward and backward through what is trainable).

    `one` is a batch of one item. Runs in eval mode, draws no random numbers, leaves no gradients behind.
    """
    module.eval()
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        predict(one)
    learning = [p for p in module.parameters() if p.requires_grad]
    if not learning:
        return float(forward.get_total_flops()), float(forward.get_total_flops())
    with FlopCounterMode(display=False) as both, torch.enable_grad():
        torch.autograd.grad(predict(one).sum(), learning, allow_unused=True)
    return float(forward.get_total_flops()), float(both.get_total_flops())


def one_item(items: Items, device: Device) -> Inputs:
    """A batch of the one item of `items` whose size is the median, on `device`."""
    lengths = items.lengths
    middle = 0 if lengths is None else int(np.argsort(lengths, kind="stable")[len(items) // 2])
    return next(feed(items, np.zeros(len(items), dtype=np.int64), [np.array([middle])], device))[0]
