"""Reading a set of items without learning from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from adapters.loop.tasks.labelled import Indexes
from adapters.loop.tasks.metrics import Logits, Targets
from adapters.loop.training.device import Device
from adapters.loop.training.feed import feed
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs
from adapters.loop.training.order import reading_order
from adapters.loop.training.process_group import ProcessGroup

READING_BATCH = {"cpu": 16, "cuda": 256}
"""Items per batch when nothing is learnt. Fixed, so that no recipe changes cached features in the last bit.

On a CPU few: larger activations are mapped anew by the system at every layer, which took as long as the computing.
"""


def evaluate(
    predict: Callable[[Inputs], Tensor],
    module: nn.Module,
    items: Items,
    targets: Targets,
    device: Device,
    group: ProcessGroup,
) -> Logits:
    """Outputs (items x …, float32) in the items' own order, on every process. `module` is left in eval mode.

    Batches whose second axis differs (words of a text) are filled up with zeros to the longest.
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
    """What `predict` makes of each batch of this process's share: (indexes, values as float32 numpy)."""
    module.eval()
    order = reading_order(len(items), READING_BATCH[device.target.type], items.lengths)
    mine = order[group.rank :: group.size] if group else order
    for indexes, (inputs, _) in zip(mine, feed(items, targets, mine, device), strict=True):
        with torch.inference_mode(), device.autocast():
            values = predict(inputs)
        yield indexes, values.float().cpu().numpy()
