"""What the passing of time does to a registry: what was due, and what was done about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settled:
    """One thing that was due and is done. `subject` is the version or the id that it is about."""

    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class TickReport:
    """Everything that was due, in the order in which it was done; empty when nothing was."""

    settled: tuple[Settled, ...] = ()
