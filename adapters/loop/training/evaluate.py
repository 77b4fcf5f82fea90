"""Computes the outputs of a model for a set of items, without training."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from adapters.loop.machine.device import Device
from adapters.loop.machine.process_group import ProcessGroup
from adapters.loop.tasks.labelled import Indexes
from adapters.loop.tasks.metrics import Logits, Targets
from adapters.loop.training.feed import feed
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs
from adapters.loop.training.order import reading_order

READING_BATCH = {"cpu": 16, "cuda": 256}
"""Items per batch outside training, by device. Constant, so that cached features are the same to the last bit.

Few on a CPU: for larger activations the system maps new memory at every layer, which took as long as the computation.
"""


def evaluate(
    predict: Callable[[Inputs], Tensor],
    module: nn.Module,
    items: Items,
    targets: Targets,
    device: Device,
    group: ProcessGroup,
) -> Logits:
    """The outputs (items x …, float32) in the order of `items`, on every process. Leaves `module` in eval mode.

    If the second axis differs between batches (words of a text), it is padded with zeros.
    """
    parts = group.gather(list(read(predict, module, items, targets, device, group)))
    shape = np.max([values.shape[1:] for _, values in parts], axis=0)
    outputs = np.zeros((len(items), *shape), dtype=np.float32)
    for indexes, values in parts:
        outputs[:, *(slice(size) for size in values.shape[1:])][indexes] = values
    return outputs


def read(
    predict: Callable[[Inputs], Tensor],
    module: nn.Module,
    items: Items,
    targets: Targets,
    device: Device,
    group: ProcessGroup | None = None,
) -> Iterator[tuple[Indexes, Logits]]:
    """Yields (indexes, outputs of `predict` as float32 arrays) for each batch of this process's share."""
    module.eval()
    order = reading_order(len(items), READING_BATCH[device.target.type], items.lengths)
    own = order[group.rank :: group.size] if group else order
    for indexes, (inputs, _) in zip(own, feed(items, targets, own, device), strict=True):
        with torch.inference_mode(), device.autocast():
            values = predict(inputs)
        yield indexes, values.float().cpu().numpy()
