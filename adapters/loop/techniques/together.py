"""Batches with several parts: two domains, several tasks, or items and the outputs of a teacher."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from adapters.loop.tasks.labelled import Indexes
from adapters.loop.tasks.metrics import Targets
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs


class Together:
    """Items of several parts under one index; shorter parts are repeated to the length of the longest.

    `arrays` (rows x …) are batched with the rows of the part of the same name: labels, or outputs of a teacher.
    """

    def __init__(self, parts: Mapping[str, Items], arrays: Mapping[str, Mapping[str, Targets]] | None = None) -> None:
        self.parts, self.arrays = parts, arrays or {}

    def __len__(self) -> int:
        return max(len(items) for items in self.parts.values())

    @property
    def lengths(self) -> Indexes | None:
        """The sum over all parts; None if a part has no lengths."""
        each = [items.lengths for items in self.parts.values()]
        every, total = np.arange(len(self)), np.zeros(len(self), dtype=np.int64)
        for lengths in each:
            if lengths is None:
                return None
            total += lengths[every % len(lengths)]
        return total

    def batch(self, indexes: Indexes) -> dict[str, Tensor]:
        """Tensors of all parts, each named `part.name`."""
        found: dict[str, Tensor] = {}
        for part, items in self.parts.items():
            here = indexes % len(items)
            batch = items.batch(here)
            named = {"": batch} if isinstance(batch, Tensor) else batch
            extra = {name: torch.from_numpy(array[here]) for name, array in self.arrays.get(part, {}).items()}
            found |= {f"{part}.{name}": tensor for name, tensor in (named | extra).items()}
        return found


def part_of(inputs: Inputs, part: str, *arrays: str) -> Inputs:
    """The inputs of one part of a batch of `Together`, without its `arrays`."""
    assert isinstance(inputs, dict)  # noqa: S101 -- for the type checker: batches of parts are dicts
    lead = f"{part}."
    found = {key.removeprefix(lead): tensor for key, tensor in inputs.items() if key.startswith(lead)}
    for name in arrays:
        del found[name]
    return found.get("", found)


def array_of(inputs: Inputs, part: str, name: str) -> Tensor:
    """An array that belongs to the rows of a part."""
    assert isinstance(inputs, dict)  # noqa: S101 -- as above
    return inputs[f"{part}.{name}"]
