"""The terms of a policy file as Pydantic reads them, and the values that they become: `domain.governance.terms`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from registry.domain.governance.conditions.expressions import Expression
from registry.domain.governance.policies.terms import (
    Conditional,
    Emergency,
    PostReview,
    Reattest,
    RenewalTimes,
    Tier,
    TierRule,
    VoteRules,
    Waivers,
)
from registry.domain.governance.reviews.attestations import Trigger
from registry.services.governance.policies.words import STRICT, Condition, Duration, EmptyIsTrue, Role, Word


class _Part(BaseModel):
    model_config = STRICT


Quorum = Annotated[int, Field(ge=1, le=20)]
Vote = Literal["approve", "approve_with_conditions", "reject", "veto"]
Bound = Literal["artifact_digest", "lineage_digest", "policy_digest", "evidence_digest"]


class TierPart(_Part):
    """A risk tier, and the versions that have it where no earlier rule holds."""

    tier: Annotated[Tier, Field(strict=False)]
    when: Condition
    empty_is_true: EmptyIsTrue = False

    def value(self) -> TierRule:
        """As the policy has it."""
        return TierRule(self.tier, Expression(self.when, self.empty_is_true))


class ConditionalPart(_Part):
    """Approval with conditions."""

    allowed: bool = True
    max_open_findings: Annotated[int, Field(ge=1, le=1000)] = 3
    max_due: Duration = timedelta(days=30)
    on_overdue: Literal["revoke"] = "revoke"

    def value(self) -> Conditional:
        """As the policy has it."""
        return Conditional(self.allowed, self.max_open_findings, self.max_due, self.on_overdue)


def _all_four(value: object) -> object:
    if isinstance(value, list) and set(map(str, value)) < set(get_args(Bound)):
        raise ValueError(f"votes are bound to all of {', '.join(get_args(Bound))}: name all, or leave this out")
    return value


class VotesPart(_Part):
    """How people vote."""

    values: list[Vote] = ["approve", "reject"]
    bound_to: Annotated[list[Bound], BeforeValidator(_all_four)] | None = None
    carry_over: Literal["never"] = "never"
    expires: Duration | None = None
    comment_required_for: list[Vote] = ["reject"]
    signed: bool = False

    @model_validator(mode="after")
    def _both_ways(self) -> VotesPart:
        if not {"approve", "reject"} <= set(self.values):
            raise ValueError("people must be able to approve and to reject: give both among values")
        if "reject" not in self.comment_required_for:
            raise ValueError("a rejection always has a comment: give reject in comment_required_for")
        return self

    def value(self) -> VoteRules:
        """As the policy has it."""
        return VoteRules(frozenset(self.values), self.expires, frozenset(self.comment_required_for), self.signed)


class WaiversPart(_Part):
    """Exceptions of one version from one gate."""

    role: Role
    quorum: Annotated[int, Field(ge=2, le=20)] = 2
    max_duration: Duration = timedelta(days=30)
    scope: list[Literal["gate_id", "artifact_digest"]] = ["gate_id", "artifact_digest"]
    inherit: Literal[False] = False

    @model_validator(mode="after")
    def _one_gate_of_one_version(self) -> WaiversPart:
        if set(self.scope) != {"gate_id", "artifact_digest"}:
            raise ValueError("a waiver is for one gate and one version: scope is [gate_id, artifact_digest]")
        return self

    def value(self) -> Waivers:
        """As the policy has it."""
        return Waivers(self.role, self.quorum, self.max_duration, self.inherit)


class PostReviewPart(_Part):
    """The review of an emergency afterwards."""

    within: Duration
    role: Role
    quorum: Quorum = 2
    exclude: list[Literal["invoker"]] = ["invoker"]
    on_missing: Literal["suspend"] = "suspend"

    def value(self) -> PostReview:
        """As the policy has it."""
        return PostReview(self.within, self.role, self.quorum, tuple(self.exclude), self.on_missing)


class EmergencyPart(_Part):
    """What may be done at once in an emergency."""

    enabled: bool = True
    role: Role
    quorum: Quorum = 1
    requires: list[Literal["incident_id", "reason", "reauthentication"]] = ["incident_id", "reason", "reauthentication"]
    allowed: list[Literal["rollback_to_previously_approved", "suspend", "promote"]]
    never_skips: list[Word] = []
    expires: Duration = timedelta(hours=24)
    notify: list[Role] = []
    post_review: PostReviewPart

    def value(self) -> Emergency:
        """As the policy has it."""
        return Emergency(
            self.enabled,
            self.role,
            self.quorum,
            self.expires,
            tuple(self.requires),
            tuple(self.allowed),
            tuple(self.never_skips),
            tuple(self.notify),
            self.post_review.value(),
        )


class RenewalPart(_Part):
    """How long the approval of a version in a stage lasts."""

    tier_high: Duration | None = None
    tier_medium: Duration | None = None
    tier_low: Duration | None = None
    grace: Duration = timedelta(0)
    on_lapse: Literal["suspend"] = "suspend"

    def value(self) -> RenewalTimes:
        """As the policy has it."""
        found = {Tier.HIGH: self.tier_high, Tier.MEDIUM: self.tier_medium, Tier.LOW: self.tier_low}
        return RenewalTimes({tier: t for tier, t in found.items() if t is not None}, self.grace, self.on_lapse)


class ReattestPart(_Part):
    """By stage, when a version must be approved again; every key but `triggers` is a stage."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, RenewalPart] = Field(init=False)
    triggers: list[Annotated[Trigger, Field(strict=False)]] = []

    @property
    def stages(self) -> dict[str, Any]:
        """The times, by stage."""
        return dict(self.__pydantic_extra__)

    def value(self) -> Reattest:
        """As the policy has it."""
        return Reattest({stage: part.value() for stage, part in self.stages.items()}, tuple(self.triggers))
