"""What a recall of something would touch: everything that was made from it, counted in groups and listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Effect
from registry.domain.names import VersionRef


@dataclass(frozen=True, slots=True)
class ImpactSummary:
    """How many live versions a recall of `target` touches, `target` among them, by group, the largest first.

    `roles` counts by how the version before on a shortest way went into it, so without the target itself. What the
    person does not see is counted in `hidden` and in no group; deleted versions are counted in `deleted` alone.
    """

    target: str
    versions: int
    effects: Mapping[str, int]
    roles: Mapping[str, int]
    stages: Mapping[str, int]
    owners: Mapping[str, int]
    teams: Mapping[str, int]
    deleted: int
    hidden: int


@dataclass(frozen=True, slots=True)
class Affected:
    """One version that a recall touches, with its strongest effect.

    `before` is the version before it on a shortest way from the target, `generations` long, and `role` how that went
    into it; both are empty for the target itself. `way` is the whole of that way, steps included, where it was asked
    for. `stage` is empty for data.
    """

    ref: VersionRef
    effect: Effect
    generations: int
    role: str
    before: str
    stage: str
    status: Status
    owner: str
    way: tuple[str, ...] = ()
