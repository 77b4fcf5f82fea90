"""How much compute the training of a model took, in floating-point operations (FLOP), and whether it is a GPAI model.

GPAI: general-purpose AI, as the EU AI Act has it. The figures are those of the Commission's guidelines of 18 July 2025:
training with more than 10^23 FLOP indicates such a model, and whoever modifies one with more than a third of that
compute counts as the provider of a new one. Checked against secondary sources (`facts/governance.md`, 1.2); that a
third of 10^23 is compared with where the compute of the original is unknown was not checked against a source.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from registry.domain.names import VersionRef
from registry.domain.text import check_words
from registry.errors import InvalidError

GPAI_FLOP = 1e23
"""Compute from which on a model is taken for a general-purpose one."""
MOST_FLOP = 1e30
MAX_SOURCE = 1000


@dataclass(frozen=True, slots=True)
class NewCompute:
    """What somebody declares of a version: the FLOP of the training that made it, from what it was made from.

    `gpai` says whether it is a general-purpose AI model; None leaves that to its FLOP. `source` is where that stands.
    """

    source: str
    flop: float | None = None
    gpai: bool | None = None

    def checked(self) -> NewCompute:
        """The same. Raises: InvalidError."""
        if self.flop is None and self.gpai is None:
            raise InvalidError("Nothing is declared", remedy="Give the FLOP, or whether it is a GPAI model")
        if self.flop is not None and not (math.isfinite(self.flop) and 0 < self.flop <= MOST_FLOP):
            raise InvalidError(
                f"{self.flop} is no number of FLOP", remedy=f"Give more than 0 and at most {MOST_FLOP:g}"
            )
        return NewCompute(check_words(self.source, "source", MAX_SOURCE, lines=True), self.flop, self.gpai)


@dataclass(frozen=True, slots=True)
class DeclaredCompute:
    """What was declared last of one version, by whom."""

    ref: VersionRef
    source: str
    flop: float | None
    gpai: bool | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Amount:
    """The FLOP of what made one model: `measured` by its step here, or declared. Without `flop` nobody knows it."""

    model: str
    """`team/name/3`."""
    step: str
    flop: float | None = None
    measured: bool = False
    gpai: bool | None = None
    """Whether somebody said that the model is a GPAI model; None where nobody did."""
    declared_by: str = ""
    source: str = ""

    @property
    def is_gpai(self) -> bool | None:
        """As declared, else by its FLOP; None where neither is known."""
        if self.gpai is not None or self.flop is None:
            return self.gpai
        return self.flop >= GPAI_FLOP

    @property
    def original(self) -> float | None:
        """What a modification is compared with; of a GPAI model without a figure, the least that makes one."""
        return self.flop if self.flop is not None else GPAI_FLOP if self.gpai else None


@dataclass(frozen=True, slots=True)
class ComputeReport:
    """How much compute went into a version since its bases, the models that were made from no model.

    `modification` adds up `steps`, each once; `share` is that part of the smallest base. None stands for what nobody
    knows, and `missing` says why.
    """

    ref: VersionRef
    bases: tuple[Amount, ...]
    steps: tuple[Amount, ...]
    modification: float | None
    share: float | None
    base_is_gpai: bool | None
    missing: tuple[str, ...] = ()


def compute_record(facts: Mapping[str, object], by: str) -> str:
    """What the database and the audit log have to say alike of what was declared of one version."""
    flop = facts["flop"]  # canonical JSON writes a whole number without a point, so that it comes back as an int
    told = f"{float(flop):.17g}" if isinstance(flop, int | float) else "no"
    return f"{told} FLOP, GPAI {facts['gpai']}, declared by {by}"
