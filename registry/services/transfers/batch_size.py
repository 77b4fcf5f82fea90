"""The batch size that fits: as the recipe asks, or with `--auto-batch` halved each time that memory runs out.

The learning rate stays as it was asked for. What was done is in the manifest's facts, and it is kept beside the
checkpoints, so that a resumed step goes on with the size that its checkpoints were made with.
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
    """`asked` items for each optimiser step by the recipe; `used` after it was halved so many times."""

    asked: int
    used: int
    halved: int = 0

    @classmethod
    def recall(cls, work: Path, asked: int) -> Batch:
        """As an earlier attempt at the step left it."""
        try:
            return cls(**json.loads(_file(work).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):  # a power cut may leave the file empty
            return cls(asked, asked)

    def keep(self, work: Path) -> None:
        """Write it down, whole or not at all."""
        write_whole(_file(work), json.dumps(asdict(self)).encode())

    @staticmethod
    def forget(work: Path) -> None:
        """The step has ended."""
        _file(work).unlink(missing_ok=True)

    @property
    def half(self) -> Batch | None:
        """With half the items; None when they are as few as they can be."""
        fewer = self.used // 2
        return replace(self, used=fewer, halved=self.halved + 1) if fewer >= SMALLEST else None

    def refused(self, error: OutOfMemoryError) -> OutOfMemoryError:
        """`error` with the batch size that did not fit."""
        facts = {**error.facts, "batch_size": self.used}
        return OutOfMemoryError(f"{error.message} at batch_size {self.used}", remedy=error.remedy, facts=facts)

    @property
    def facts(self) -> dict[str, object]:
        """What the manifest tells: nothing when the recipe's own size was used."""
        return {"auto_batch": asdict(self)} if self.halved else {}


def _file(work: Path) -> Path:
    return work / "batch.json"
