"""Running statistics of normalisations, computed again from data: what a model normalises by once it has learnt.

While a model learns with batch statistics, its running ones follow by a momentum that suits long runs: .01 in
EfficientNet-Lite, .001 in some of transformers' models. After a few dozen steps they have hardly left their first
values, and the model answers by chance in evaluation mode although its training loss falls. So they are computed afresh
for the weights as they are ("precise BatchNorm": Wu & Johnson 2021, arXiv:2105.07576, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from adapters.loop.tasks.metrics import Targets
from adapters.loop.training.device import Device
from adapters.loop.training.feed import feed
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs
from adapters.loop.training.order import epoch_order

BATCH = 64
"""Items that are normalised together while statistics are gathered."""
ENOUGH = 2048
"""Items that statistics are gathered from, at most: more change them by less than the noise of a batch."""


@runtime_checkable
class KeepsStatistics(Protocol):
    """A module whose normalisations are not torch's own, such as a Keras trunk."""

    batch_statistics: bool
    """In training mode: normalise each batch by its own statistics."""

    def keeps_statistics(self) -> bool:
        """True when some normalisation in it has running statistics."""
        ...

    def averaging(self) -> AbstractContextManager[None]:
        """As the function `averaging`, for the normalisations in this module."""
        ...


def norms_of(module: nn.Module) -> list[_BatchNorm]:
    """Every BatchNorm of torch that keeps running statistics."""
    return [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]


def keeps_statistics(module: nn.Module) -> bool:
    """True when some normalisation in `module` has running statistics."""
    others = (part.keeps_statistics() for part in module.modules() if isinstance(part, KeepsStatistics))
    return bool(norms_of(module)) or any(others)


def keep_frozen(module: nn.Module, frozen: Sequence[nn.Module], *, batch_statistics: bool = False) -> None:
    """Training mode for `module`, evaluation mode for its frozen parts, and for every BatchNorm unless told otherwise.

    The trunk is pretrained: its running statistics come from far more data than a transfer has, and a few hundred
    steps with a small momentum leave them neither old nor new. Scales and shifts still learn. With `batch_statistics`
    each batch is normalised by its own, and `gather` computes the running ones.
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
    """While open, every normalisation forgets its statistics and gathers their plain average over batches.

    Everything else in `module` is in evaluation mode, and all of it is afterwards.
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
    """Give `module` the statistics of `items`, at most `most` of them; yields how many were read so far.

    The order is drawn, since rows often lie class by class. No random number of torch's is used, and every process of a
    distributed run reads the same items, so that all end with the same statistics.
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
