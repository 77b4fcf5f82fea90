"""The policy file as Pydantic reads it: its keys, and what each may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from registry.domain.governance.case import SYSTEM, Contribution
from registry.domain.governance.policies.evidence_types import FieldType
from registry.domain.governance.policies.standard import completed
from registry.services.governance.policies.term_parts import (
    ConditionalPart,
    EmergencyPart,
    ReattestPart,
    TierPart,
    VotesPart,
    WaiversPart,
)
from registry.services.governance.policies.words import (
    STRICT,
    Alias,
    Condition,
    Duration,
    EmptyIsTrue,
    FieldName,
    Role,
    Text,
    Word,
)


class _Part(BaseModel):
    model_config = STRICT


class MetadataPart(_Part):
    """Which policy this is; (name, version) is never published twice."""

    name: Word
    version: Annotated[int, Field(ge=1, le=2**31)]
    description: Text = ""
    maps_to: list[Text] = []


class AppliesPart(_Part):
    """Which versions it judges: of the policies that match, those with the highest priority are in force."""

    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    when: Condition


class RolePart(_Part):
    """Who may fill a role: holders of a granted role, or the owners of the registered model."""

    groups: list[Role] = []
    users_from: Literal["subject.owners"] | None = None

    @model_validator(mode="after")
    def _someone(self) -> RolePart:
        if not self.groups and self.users_from is None:
            raise ValueError("nobody can hold this role: give groups, or users_from: subject.owners")
        return self


class PolicyChangePart(_Part):
    """Who agrees before a policy changes: so many people in a role, without the author unless `exclude` is empty."""

    role: Role
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    exclude: list[Literal["author"]] = ["author"]


class DutiesPart(_Part):
    """Who may not vote, and how often one person counts."""

    no_self_approval: bool = True
    contributors: list[Annotated[Contribution, Field(strict=False)]] = list(Contribution)
    distinct_people_per_stage: bool = True
    service_accounts_may_vote: bool = False
    new_accounts_may_vote: bool = False
    checking_evidence: list[Word] = []
    distinct_across_stages: list[Annotated[list[Word], Field(min_length=2)]] = []
    policy_change: PolicyChangePart | None = None


class FieldPart(_Part):
    """One field of a form."""

    type: Annotated[FieldType, Field(strict=False)] = FieldType.TEXT
    required: bool = False
    choices: list[Text] = []
    description: Text = ""

    @model_validator(mode="after")
    def _has_its_choices(self) -> FieldPart:
        if (self.type is FieldType.CHOICE) != (len(set(self.choices)) > 1):
            raise ValueError("choices, at least two, belong to a field of the type choice and to no other")
        return self


class EvidenceTypePart(_Part):
    """A kind of evidence, and who may produce it."""

    predicate: Text | None = None
    media_type: Text | None = None
    producer: Literal["system"] | Annotated[list[Role], Field(min_length=1)]
    fields: Annotated[dict[FieldName, FieldPart], Field(max_length=50)] = {}

    @model_validator(mode="after")
    def _one_form(self) -> EvidenceTypePart:
        if (self.predicate is None) == (self.media_type is None):
            raise ValueError("give either predicate or media_type")
        if self.fields and self.producer == SYSTEM:
            raise ValueError("the registry records this type itself: it has no form")
        if sum(field.type is FieldType.FILE for field in self.fields.values()) > 1:
            raise ValueError("a form has one field of the type file at most")
        return self


class EvidencePart(_Part):
    """Evidence that a transition asks for."""

    type: Word
    verify: Literal["signature"] | None = None
    max_age: Duration | None = None
    bound_to: list[Literal["artifact", "eval_dataset", "base_model"]] = []
    when: Condition | None = None
    empty_is_true: EmptyIsTrue = False


class GatePart(_Part):
    """A condition that must hold."""

    id: Word
    when: Condition | None = None
    require: Condition
    message: Text = ""
    waivable: bool = True
    empty_is_true: EmptyIsTrue = False


class ApprovalPart(_Part):
    """How many different people in a role must agree."""

    role: Role
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    when: Condition | None = None
    empty_is_true: EmptyIsTrue = False


class TransitionPart(_Part):
    """One way from a stage to a later one, or back to itself."""

    id: Word
    source: Annotated[Word, Field(alias="from")]
    target: Annotated[Word, Field(alias="to")]
    evidence: list[EvidencePart] = []
    gates: list[GatePart] = []
    approvals: list[ApprovalPart] = []
    wait: Duration | None = None
    conditional: ConditionalPart | None = None

    @model_validator(mode="after")
    def _something(self) -> TransitionPart:
        if not (self.evidence or self.gates or self.approvals):
            raise ValueError("it has no rule: give evidence, gates or approvals")
        return self


class RejectionsPart(_Part):
    """Who can overrule a rejection: so many different people with a role."""

    overruled_by: Role
    quorum: Annotated[int, Field(ge=1, le=20)] = 2


class StatusChangesPart(_Part):
    """Who decides on the status of a version in use, and who may suspend one at once."""

    approvals: list[ApprovalPart] = []
    emergency_stop: list[Role] = []


class PolicyDocument(_Part):
    """The file as written.

    `protected_aliases` is ours: stage -> the alias that only a promotion into it moves. So is `metrics`: names of
    metrics that conditions may read beside those of Forebear's own adapters, and `one_version`: stage -> the stage that
    its former version moves to.
    """

    api_version: Annotated[Literal["governance/v1"], Field(alias="apiVersion")]
    kind: Literal["PromotionPolicy"]
    metadata: MetadataPart
    applies_to: AppliesPart
    roles: Annotated[dict[Role, RolePart], Field(min_length=1)]
    separation_of_duties: DutiesPart = DutiesPart()
    stages: Annotated[list[Word], Field(min_length=2)]
    protected_aliases: dict[Word, Alias] = {}
    one_version: dict[Word, Word] = {}
    status_changes: StatusChangesPart | None = None
    rejections: RejectionsPart | None = None
    evidence_types: dict[Word, EvidenceTypePart] = {}
    params: dict[str, Any] = {}
    metrics: list[FieldName] = []
    transitions: Annotated[list[TransitionPart], Field(min_length=1)]
    risk_tier: list[TierPart] = []
    votes: VotesPart = VotesPart()
    reattest: ReattestPart | None = None
    waivers: WaiversPart | None = None
    emergency: EmergencyPart | None = None

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, data: Any) -> Any:
        return completed(data) if isinstance(data, Mapping) else data
