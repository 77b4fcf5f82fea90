"""The cost of a run: counted for one item by torch's operator counter, then multiplied by the number of items."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import flop_counter
from torch.utils.flop_counter import FlopCounterMode

from adapters.loop.machine.device import Device
from adapters.loop.training.feed import feed
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs

# Torch marks the counter's method as not to be compiled, and the mark imports the compiler: see `eager`.
_MODE: Any = flop_counter._FlopCounterMode  # the class that FlopCounterMode enters
_MODE.__torch_dispatch__ = inspect.unwrap(_MODE.__torch_dispatch__)

METHOD = (
    "operators of one item of median size counted by torch.utils.flop_counter (2 per multiply-add), "
    "forward and backward as gradients flow, times items"
)


def reading_flops(predict: Callable[[Inputs], Tensor], module: nn.Module, one: Inputs) -> float:
    """FLOPs of a forward pass over `one`, a batch of one item. Leaves `module` in eval mode."""
    module.eval()
    with _counter() as counter, torch.no_grad():
        predict(one)
    return float(counter.get_total_flops())


def learning_flops(predict: Callable[[Inputs], Tensor], module: nn.Module, one: Inputs) -> float:
    """FLOPs of a forward and backward pass over `one`, backward as far as there are trainable parameters.

    Leaves `module` in eval mode, draws no random numbers and stores no gradients.
    """
    module.eval()
    learning = [p for p in module.parameters() if p.requires_grad]
    with _counter() as counter, torch.enable_grad():
        torch.autograd.grad(predict(one).sum(), learning, allow_unused=True)
    return float(counter.get_total_flops())


class _WholeModel:
    """Counts for the whole model alone.

    It stands in place of torch's tracker of modules, whose hooks fail where a parameter is a module's input, as
    DeBERTa's relative positions are.
    """

    parents = frozenset({"Global"})

    def __enter__(self) -> None: ...

    def __exit__(self, *failure: object) -> None: ...


def _counter() -> FlopCounterMode:
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = _WholeModel()  # type: ignore[assignment]
    return counter


def one_item(items: Items, device: Device) -> Inputs:
    """A batch of one item of `items`, that of median length, on `device`."""
    lengths = items.lengths
    middle = 0 if lengths is None else int(np.argsort(lengths, kind="stable")[len(items) // 2])
    return next(feed(items, np.zeros(len(items), dtype=np.int64), [np.array([middle])], device))[0]
