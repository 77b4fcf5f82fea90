"""Data-parallel training on several GPUs: processes started by torchrun, joined by Accelerate.

Each process takes its share of every batch and gradients are averaged; only the first process writes files and yields
events. A process that was started alone forms a group of one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeVar

from torch import nn

from adapters.loop.tasks.labelled import Indexes
from registry.errors import MissingExtraError

T = TypeVar("T")


class ProcessGroup:
    """The `size` processes that run the same step; this one has the number `rank`."""

    def __init__(self, accelerator: Any = None) -> None:
        self._accelerator = accelerator
        self.rank: int = accelerator.process_index if accelerator else 0
        self.size: int = accelerator.num_processes if accelerator else 1

    @classmethod
    def join(cls, *, cpu: bool) -> ProcessGroup:
        """The group of the processes that torchrun started. Raises: MissingExtraError without accelerate."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        try:
            from accelerate import Accelerator  # noqa: PLC0415 -- only needed for several processes
        except ImportError as error:
            raise MissingExtraError(
                "Training on several GPUs needs accelerate", remedy="Run: pip install accelerate"
            ) from error
        return cls(Accelerator(cpu=cpu))

    @property
    def first(self) -> bool:
        """True for the process that writes files and yields events."""
        return self.rank == 0

    def share(self, batch: Indexes) -> tuple[Indexes, float]:
        """Our part of `batch`, and the loss weight with which averaged gradients are the mean over all items."""
        part = batch[self.rank :: self.size]
        return part, len(part) * self.size / len(batch)

    def wrap(self, module: nn.Module) -> nn.Module:
        """`module`, wrapped so that gradients are averaged over all processes."""
        return self._accelerator.prepare_model(module) if self._accelerator else module

    def gather(self, own: Sequence[T]) -> list[T]:
        """The lists of all processes, concatenated, on every process."""
        if self._accelerator is None:
            return list(own)
        from accelerate.utils import gather_object  # noqa: PLC0415 -- as above

        return list(gather_object(list(own)))

    def total(self, own: float) -> float:
        """The sum over all processes, on every process."""
        return sum(self.gather([own]))

    def wait(self) -> None:
        """Wait until every process has reached this call."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()
