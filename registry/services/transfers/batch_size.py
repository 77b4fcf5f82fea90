"""The batch size in use: that of the recipe, or with `--auto-batch` halved each time that memory runs out.

The learning rate stays as in the recipe. The size used is in the manifest's facts and in a file beside the checkpoints,
so that a resumed step continues with the size that its checkpoints were made with.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from registry.errors import OutOfMemoryError
from registry.files import write_whole

SMALLEST = 2
"""No batch is halved below this: BatchNorm cannot learn from one item."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`asked`: items per optimiser step in the recipe. `used`: items after `halved` halvings."""

    asked: int
    used: int
    halved: int = 0

    @classmethod
    def recall(cls, work: Path, asked: int) -> Batch:
        """The size that an earlier attempt at the step used."""
        try:
            return cls(**json.loads(_file(work).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):  # an older version could leave the file empty at a power cut
            return cls(asked, asked)

    def keep(self, work: Path) -> None:
        """Keep it beside the checkpoints."""
        write_whole(_file(work), json.dumps(asdict(self)).encode())

    @staticmethod
    def forget(work: Path) -> None:
        """Remove the file: the step has ended."""
        _file(work).unlink(missing_ok=True)

    @property
    def half(self) -> Batch | None:
        """The same with half the items; None at the smallest size."""
        fewer = self.used // 2
        return replace(self, used=fewer, halved=self.halved + 1) if fewer >= SMALLEST else None

    def refused(self, error: OutOfMemoryError) -> OutOfMemoryError:
        """`error` with the batch size that did not fit."""
        facts = {**error.facts, "batch_size": self.used}
        return OutOfMemoryError(f"{error.message} at batch_size {self.used}", remedy=error.remedy, facts=facts)

    @property
    def facts(self) -> dict[str, object]:
        """For the manifest; empty when the recipe's own size was used."""
        return {"auto_batch": asdict(self)} if self.halved else {}


def _file(work: Path) -> Path:
    return work / "batch.json"
