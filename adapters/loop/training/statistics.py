"""Recomputes the running statistics of normalisation layers from data, for the current weights.

In training with batch statistics, running statistics are updated with a momentum that suits long runs: 0.01 in
EfficientNet-Lite, 0.001 in some models of transformers. After a few dozen steps they are still close to their initial
values, so the model predicts at chance level in evaluation mode although its training loss falls. Therefore they are
computed from data ("precise BatchNorm": Wu & Johnson 2021, arXiv:2105.07576, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from adapters.loop.machine.device import Device
from adapters.loop.tasks.metrics import Targets
from adapters.loop.training.feed import feed
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs
from adapters.loop.training.order import epoch_order

BATCH = 64
"""Items per batch while statistics are computed."""
ENOUGH = 2048
"""Largest number of items from which statistics are computed; more would change them by less than the batch noise."""


@runtime_checkable
class KeepsStatistics(Protocol):
    """A module with normalisation layers that are not torch's, such as a Keras trunk."""

    batch_statistics: bool
    """Whether each batch is normalised by its own statistics in training mode."""

    def keeps_statistics(self) -> bool:
        """True if a normalisation layer of the module has running statistics."""
        ...

    def averaging(self) -> AbstractContextManager[None]:
        """The same as the function `averaging`, for the normalisation layers of this module."""
        ...


def norms_of(module: nn.Module) -> list[_BatchNorm]:
    """Every torch BatchNorm with running statistics."""
    return [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]


def keeps_statistics(module: nn.Module) -> bool:
    """True if a normalisation layer of `module` has running statistics."""
    others = (part.keeps_statistics() for part in module.modules() if isinstance(part, KeepsStatistics))
    return bool(norms_of(module)) or any(others)


def keep_frozen(module: nn.Module, frozen: Sequence[nn.Module], *, batch_statistics: bool = False) -> None:
    """Set `module` to training mode, but its frozen parts and every BatchNorm to evaluation mode.

    The running statistics of a pretrained backbone come from far more data than a transfer has; a few hundred steps
    with a small momentum would mix them with those of the new data. Scales and shifts are still trained. With
    `batch_statistics` BatchNorm is in training mode: each batch is normalised by its own statistics, and `gather`
    computes the running ones.
    """
    module.train()
    still = [] if batch_statistics else [part for part in module.modules() if isinstance(part, _BatchNorm)]
    for part in (*frozen, *still):
        part.eval()
    if batch_statistics:
        for part in module.modules():
            if isinstance(part, KeepsStatistics):
                part.batch_statistics = True


@contextmanager
def averaging(module: nn.Module) -> Iterator[None]:
    """A context in which every normalisation layer computes its statistics again, as the plain average over batches.

    All other layers of `module` are in evaluation mode, and afterwards all layers are.
    """
    module.eval()
    norms = norms_of(module)
    momenta = [norm.momentum for norm in norms]
    with ExitStack() as stack:
        for part in module.modules():
            if isinstance(part, KeepsStatistics):
                stack.enter_context(part.averaging())
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # in torch: the plain average of all batches
            norm.train()
        try:
            yield
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
                norm.eval()


def gather(
    predict: Callable[[Inputs], Tensor],
    module: nn.Module,
    items: Items,
    targets: Targets,
    device: Device,
    *,
    seed: int,
    most: int | None = ENOUGH,
) -> Iterator[int]:
    """Compute the statistics of `module` from at most `most` of `items`; yields the number of items read so far.

    The order is random, since rows are often sorted by class, but it does not use torch's generator. All processes of a
    distributed run read the same items, so that they get the same statistics.
    """
    order, done = epoch_order(len(items), BATCH, seed=seed, epoch=0, lengths=items.lengths), 0
    order = order[: len(order) if most is None else -(-most // BATCH)]
    with averaging(module):
        for indexes, (inputs, _) in zip(order, feed(items, targets, order, device), strict=True):
            if len(indexes) > 1:  # one item has no variance
                with torch.no_grad(), device.autocast():
                    predict(inputs)
            done += len(indexes)
            yield done
