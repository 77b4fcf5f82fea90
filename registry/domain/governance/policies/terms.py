"""The terms of a policy beside its transitions, as values: risk tiers, votes, findings, waivers, emergencies, renewal.

What they mean is in `docs/policies.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from registry.domain.governance.conditions.expressions import Expression


class Tier(StrEnum):
    """How much harm a version can do, from the most to the least."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class TierRule:
    """The tier of the versions for which `when` holds, where no earlier rule does."""

    tier: Tier
    when: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    """Approval with conditions: how many findings may be open, how late the last may be due, and what happens then."""

    allowed: bool = False
    max_open_findings: int = 0
    max_due: timedelta = timedelta(0)
    on_overdue: str = "revoke"


@dataclass(frozen=True, slots=True)
class VoteRules:
    """How people vote. `expires`: an approval that is older does not count; None: it does not expire.

    Every vote is bound to the files, the lineage, the policy, the evidence and the seen state, and to one version.
    """

    values: frozenset[str] = frozenset({"approve", "reject"})
    expires: timedelta | None = None
    comment_required_for: frozenset[str] = frozenset({"reject"})
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Waivers:
    """Who may except one version from one gate, by how many people, and for how long at most."""

    role: str
    quorum: int
    max_duration: timedelta
    inherit: bool = False


@dataclass(frozen=True, slots=True)
class PostReview:
    """Who reviews an emergency afterwards, within which time, without whom, and what happens if nobody does."""

    within: timedelta
    role: str
    quorum: int
    exclude: tuple[str, ...] = ()
    on_missing: str = "suspend"


@dataclass(frozen=True, slots=True)
class Emergency:
    """What may be done at once in an emergency, by whom, what it needs, and when that ends."""

    enabled: bool
    role: str
    quorum: int
    expires: timedelta
    requires: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    never_skips: tuple[str, ...] = ()
    """Ids of gates that hold in an emergency too."""
    notify: tuple[str, ...] = ()
    post_review: PostReview | None = None


@dataclass(frozen=True, slots=True)
class RenewalTimes:
    """How long the approval of a version in a stage lasts, by its risk tier, and what happens `grace` after its end."""

    after: Mapping[Tier, timedelta]
    grace: timedelta
    on_lapse: str = "suspend"


@dataclass(frozen=True, slots=True)
class Reattest:
    """By stage, when a version must be approved again; `triggers` are events that ask for it at once."""

    stages: Mapping[str, RenewalTimes] = field(default_factory=dict)
    triggers: tuple[str, ...] = ()
