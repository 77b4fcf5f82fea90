"""Reads a policy file: a strict subset of the policy language, every mistake with its line.

The keys are those of `docs/policies.md`. A key of the larger language that this version does not carry out is refused,
never skipped: a policy that reads as if it asked for something must ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from lineage import Digest
from registry.domain.catalog.models import FIRST_STAGE
from registry.domain.governance.approvals import Duties, RoleRule
from registry.domain.governance.case import SYSTEM, Contribution
from registry.domain.governance.evidence_types import EvidenceType
from registry.domain.governance.expressions import Expression
from registry.domain.governance.policy import ApprovalRow, EvidenceNeed, Gate, Policy, Transition
from registry.domain.manifests import canonical_json
from registry.domain.names import check_alias
from registry.domain.people.people import check_role
from registry.domain.text import did_you_mean
from registry.errors import BadPolicyError, RegistryError
from registry.services.documents import Found, read_document

_WORD = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_DURATION = re.compile(r"P(?=.)(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,4})H)?(?:(\d{1,4})M)?)?")


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """A domain's own check as Pydantic wants it: its sentence becomes the sentence beside the line."""

    def validate(text: str) -> str:
        try:
            check(text)
        except RegistryError as error:
            raise ValueError(str(error)) from error
        return text

    return AfterValidator(validate)


def _word(text: str) -> str:
    if not _WORD.fullmatch(text) or len(text) > 64:
        raise ValueError(f"{text[:80]!r} is not a lower-case word with - or _ between its parts")
    return text


def _duration(value: object) -> timedelta:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{str(value)[:40]!r} is not a duration: write for example P30D, P2W or PT12H")
    weeks, days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


Word = Annotated[str, AfterValidator(_word)]
Role = Annotated[str, _checked(check_role)]
Alias = Annotated[str, _checked(check_alias)]
Condition = Annotated[str, _checked(Expression)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Text = Annotated[str, Field(max_length=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class MetadataPart(_Part):
    """Which policy this is; (name, version) is never published twice."""

    name: Word
    version: Annotated[int, Field(ge=1, le=2**31)]
    description: Text = ""


class AppliesPart(_Part):
    """Which versions it judges: the first policy that matches, highest priority first, is in force."""

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


class DutiesPart(_Part):
    """Who may not vote, and how often one person counts."""

    no_self_approval: bool = True
    contributors: list[Annotated[Contribution, Field(strict=False)]] = list(Contribution)
    distinct_people_per_stage: bool = True
    service_accounts_may_vote: bool = False


class EvidenceTypePart(_Part):
    """A kind of evidence, and who may produce it."""

    predicate: Text | None = None
    media_type: Text | None = None
    producer: Literal["system"] | Annotated[list[Role], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_form(self) -> EvidenceTypePart:
        if (self.predicate is None) == (self.media_type is None):
            raise ValueError("give either predicate or media_type")
        return self


class EvidencePart(_Part):
    """Evidence that a transition asks for."""

    type: Word
    max_age: Duration | None = None
    when: Condition | None = None


class GatePart(_Part):
    """A condition that must hold."""

    id: Word
    when: Condition | None = None
    require: Condition
    message: Text = ""
    waivable: bool = True


class ApprovalPart(_Part):
    """How many different people in a role must agree."""

    role: Role
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    when: Condition | None = None


class TransitionPart(_Part):
    """One way from a stage to a later one, or back to itself."""

    id: Word
    source: Annotated[Word, Field(alias="from")]
    target: Annotated[Word, Field(alias="to")]
    evidence: list[EvidencePart] = []
    gates: list[GatePart] = []
    approvals: list[ApprovalPart] = []

    @model_validator(mode="after")
    def _something(self) -> TransitionPart:
        if not (self.evidence or self.gates or self.approvals):
            raise ValueError("it asks for nothing: give evidence, gates or approvals")
        return self


class PolicyDocument(_Part):
    """The file as written. `protected_aliases` is ours: stage -> the alias that only a promotion into it moves."""

    api_version: Annotated[Literal["governance/v1"], Field(alias="apiVersion")]
    kind: Literal["PromotionPolicy"]
    metadata: MetadataPart
    applies_to: AppliesPart
    roles: Annotated[dict[Role, RolePart], Field(min_length=1)]
    separation_of_duties: DutiesPart = DutiesPart()
    stages: Annotated[list[Word], Field(min_length=2)]
    protected_aliases: dict[Word, Alias] = {}
    evidence_types: dict[Word, EvidenceTypePart] = {}
    params: dict[str, Any] = {}
    transitions: Annotated[list[TransitionPart], Field(min_length=1)]


@lru_cache(maxsize=64)
def read_policy(text: str) -> Policy:
    """The policy that `text` says. Raises: BadPolicyError, one sentence per mistake, each with its line."""
    document = read_document(text, PolicyDocument, error=BadPolicyError, what="policy", check=_loose_ends)
    return Policy(
        name=document.metadata.name,
        version=document.metadata.version,
        digest=Digest.of(text.encode()),
        description=document.metadata.description,
        priority=document.applies_to.priority,
        when=Expression(document.applies_to.when),
        roles={n: RoleRule(frozenset(r.groups), r.users_from is not None) for n, r in document.roles.items()},
        duties=Duties(
            document.separation_of_duties.no_self_approval,
            frozenset(document.separation_of_duties.contributors),
            document.separation_of_duties.distinct_people_per_stage,
            document.separation_of_duties.service_accounts_may_vote,
        ),
        stages=tuple(document.stages),
        evidence_types={
            name: EvidenceType(name, t.predicate, t.media_type, () if t.producer == SYSTEM else tuple(t.producer))
            for name, t in document.evidence_types.items()
        },
        transitions=tuple(_transition(part) for part in document.transitions),
        params=document.params,
        protected_aliases=document.protected_aliases,
    )


def _transition(part: TransitionPart) -> Transition:
    return Transition(
        part.id,
        part.source,
        part.target,
        tuple(EvidenceNeed(e.type, e.max_age, _condition(e.when)) for e in part.evidence),
        tuple(Gate(g.id, Expression(g.require), g.message, _condition(g.when), g.waivable) for g in part.gates),
        tuple(ApprovalRow(a.role, a.quorum, _condition(a.when)) for a in part.approvals),
    )


def _condition(text: str | None) -> Expression | None:
    return None if text is None else Expression(text)


def _loose_ends(document: PolicyDocument) -> Iterator[Found]:
    """Names that lead nowhere, things said twice, and stages in no order."""
    stages = document.stages
    if stages[0] != FIRST_STAGE:
        yield ("stages", 0), f"the first stage is {FIRST_STAGE!r}: every version is born there"
    yield from _twice(stages, ("stages",), "stage")
    for stage in document.protected_aliases:
        yield from _unknown(stage, stages, ("protected_aliases", stage), "stage")
    yield from _twice(list(document.protected_aliases.values()), ("protected_aliases",), "alias")
    for name, kind in document.evidence_types.items():
        for role in kind.producer if isinstance(kind.producer, list) else ():
            yield from _unknown(role, document.roles, ("evidence_types", name, "producer"), "role")
    for name, value in document.params.items():
        try:
            canonical_json(value)
        except RegistryError as error:
            yield ("params", name), str(error)
    yield from _twice([t.id for t in document.transitions], ("transitions",), "transition")
    yield from _twice([f"{t.source} -> {t.target}" for t in document.transitions], ("transitions",), "transition")
    for number, transition in enumerate(document.transitions):
        yield from _loose_transition(document, transition, ("transitions", number))


def _loose_transition(document: PolicyDocument, part: TransitionPart, path: tuple[str | int, ...]) -> Iterator[Found]:
    stages = document.stages
    strange = [
        *_unknown(part.source, stages, (*path, "from"), "stage"),
        *_unknown(part.target, stages, (*path, "to"), "stage"),
    ]
    yield from strange
    if not strange and stages.index(part.target) < stages.index(part.source):
        yield (*path, "to"), f"{part.target} comes before {part.source} in stages: a version never goes back"
    for number, need in enumerate(part.evidence):
        yield from _unknown(need.type, document.evidence_types, (*path, "evidence", number, "type"), "evidence type")
    for number, row in enumerate(part.approvals):
        yield from _unknown(row.role, document.roles, (*path, "approvals", number, "role"), "role")
    yield from _twice([gate.id for gate in part.gates], (*path, "gates"), "gate")


def _unknown(name: str, known: Iterable[str], path: tuple[str | int, ...], what: str) -> Iterator[Found]:
    if name not in known:
        yield path, f"there is no {what} {name!r}{did_you_mean(name, known)}"


def _twice(names: list[str], path: tuple[str | int, ...], what: str) -> Iterator[Found]:
    for number, name in enumerate(names):
        if name in names[:number]:
            yield (*path, number), f"the {what} {name!r} is given twice"
