"""Recomputes the running statistics of normalisation layers from data, for the current weights.

In training with batch statistics, running statistics are updated with a momentum that suits long runs: 0.01 in
EfficientNet-Lite, 0.001 in some models of transformers. After a few dozen steps they are still close to their initial
values, so the model predicts at chance level in evaluation mode although its training loss falls. Therefore they are
computed from data ("precise BatchNorm": Wu & Johnson 2021, arXiv:2105.07576, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
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


@dataclass(slots=True)
class _Met:
    """Sums over what one layer meets, by channel."""

    total: Tensor
    squares: Tensor
    count: int = 0

    def add(self, inputs: Tensor) -> None:
        found = inputs.detach().float()
        other = [place for place in range(found.dim()) if place != 1]
        self.total += found.sum(other).double().cpu()
        self.squares += (found**2).sum(other).double().cpu()
        self.count += found.numel() // found.shape[1]


def apart_from_kept(
    predict: Callable[[Inputs], Tensor], module: nn.Module, items: Items, targets: Targets, device: Device
) -> Mapping[str, float] | None:
    """How far what the normalisations of `module` meet on `items` is from the running statistics that they keep.

    Those are a summary of what the weights learnt from (Li and others 2016, AdaBN; Yin and others 2020, DeepInversion).
    Each channel is taken for normal on both sides, and the two compared by the energy coefficient (Székely and Rizzo
    2013), from 0 to 1; the result is the mean over channels, and then over layers. None without such layers.
    """
    module.eval()
    norms = norms_of(module)
    met = [_Met(_zeros(norm), _zeros(norm)) for norm in norms]
    with ExitStack() as stack, torch.inference_mode(), device.autocast():
        for norm, sums in zip(norms, met, strict=True):
            hook = norm.register_forward_pre_hook(lambda _, given, sums=sums: sums.add(given[0]))
            stack.callback(hook.remove)
        order = epoch_order(len(items), BATCH, seed=0, epoch=0, lengths=items.lengths)
        for inputs, _ in feed(items, targets, order, device):
            predict(inputs)
    found = [_energy(norm, sums) for norm, sums in zip(norms, met, strict=True) if sums.count > 1]
    return {"layers": len(found), "rows": len(items), "energy": sum(found) / len(found)} if found else None


def _zeros(norm: _BatchNorm) -> Tensor:
    return torch.zeros(norm.num_features, dtype=torch.float64)


def _energy(norm: _BatchNorm, met: _Met) -> float:
    """The energy coefficient of two normal distributions, the mean over channels."""
    assert norm.running_mean is not None  # noqa: S101 -- for the type checker: `norms_of` chose those that have them
    assert norm.running_var is not None  # noqa: S101 -- as above
    mean = met.total / met.count
    variance = (met.squares / met.count - mean**2).clamp(min=0)
    kept, spread = norm.running_mean.detach().double().cpu(), norm.running_var.detach().double().cpu().clamp(min=0)
    apart, both = (kept - mean).abs(), (spread + variance).sqrt().clamp(min=1e-12)
    across = both * math.sqrt(2 / math.pi) * torch.exp(-(apart**2) / (2 * both**2))
    across = across + apart * torch.erf(apart / (both * math.sqrt(2)))  # E|X - Y|: the mean of a folded normal
    within = (2 / math.sqrt(math.pi)) * (spread.sqrt() + variance.sqrt())  # E|X - X'| + E|Y - Y'|
    return float(((2 * across - within) / (2 * across).clamp(min=1e-12)).clamp(min=0).mean())


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
