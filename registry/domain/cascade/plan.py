"""What would be made again from a new version of a parent, in order, and at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.domain.names import VersionRef


@dataclass(frozen=True, slots=True)
class Planned:
    """One version that would be made again. `generation` counts from 1, for what is made from the parent itself.

    `recipe` is that of its own step with the new parent; a version that is made earlier in the plan is named in it as
    the old one, and in `waits_for`. `seconds` is what its step cost, None where that is not on record.
    """

    old: VersionRef
    generation: int
    recipe: Mapping[str, object]
    waits_for: tuple[VersionRef, ...]
    owner: str
    stage: str
    aliases: tuple[str, ...]
    seconds: float | None


@dataclass(frozen=True, slots=True)
class NotPlanned:
    """A descendant that is not made again, and why, as the end of a sentence."""

    ref: VersionRef
    reason: str


@dataclass(frozen=True, slots=True)
class CascadePlan:
    """Every descendant of `replaced` that would be made again from `parent`, parents before children.

    `seconds` are those of all that are known, of one device.
    """

    parent: VersionRef
    replaced: VersionRef
    planned: tuple[Planned, ...]
    left_out: tuple[NotPlanned, ...]
    seconds: float
    unknown: int
    """How many have no cost on record."""
    recall: str = ""
    """The recall whose open tasks these are; empty for a new version of a parent."""

    @property
    def generations(self) -> int:
        """How many have to be run one after another."""
        return max((one.generation for one in self.planned), default=0)
