"""Several GPUs: where torchrun started this process beside others, Accelerate joins them; alone, nothing changes.

Each process takes its share of every batch, gradients are averaged, and the first process alone writes and reports.
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
    """One process (`rank`) among `world` that run the same step."""

    def __init__(self, accelerator: Any = None) -> None:
        self._accelerator = accelerator
        self.rank: int = accelerator.process_index if accelerator else 0
        self.size: int = accelerator.num_processes if accelerator else 1

    @classmethod
    def join(cls, *, cpu: bool) -> ProcessGroup:
        """Join the processes that torchrun started. Raises: MissingExtraError without accelerate."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        try:
            from accelerate import Accelerator  # noqa: PLC0415 -- needed only where several processes train together
        except ImportError as error:
            raise MissingExtraError("several GPUs need accelerate", remedy="pip install accelerate") from error
        return cls(Accelerator(cpu=cpu))

    @property
    def first(self) -> bool:
        """True for the process that writes and reports."""
        return self.rank == 0

    def share(self, batch: Indexes) -> tuple[Indexes, float]:
        """The part of `batch` that is ours, and the weight that makes averaged gradients the mean over all items."""
        part = batch[self.rank :: self.size]
        return part, len(part) * self.size / len(batch)

    def wrap(self, module: nn.Module) -> nn.Module:
        """`module`, its gradients averaged over all processes."""
        return self._accelerator.prepare_model(module) if self._accelerator else module

    def gather(self, mine: Sequence[T]) -> list[T]:
        """The lists of all processes, one after another, on each."""
        if self._accelerator is None:
            return list(mine)
        from accelerate.utils import gather_object  # noqa: PLC0415 -- as above

        return list(gather_object(list(mine)))

    def total(self, mine: float) -> float:
        """The sum over all processes, on each."""
        return sum(self.gather([mine]))

    def wait(self) -> None:
        """Until every process is here."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()
