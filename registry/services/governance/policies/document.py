"""Reads a policy file: a strict subset of the policy language, every mistake with its line.

The keys are those of `docs/policies.md`. A key of the larger language that this version does not carry out is refused,
never skipped: a rule that is written in a policy must be applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from lineage import Digest
from registry.domain.governance.approvals import Duties, RoleRule
from registry.domain.governance.case import SYSTEM
from registry.domain.governance.conditions.expressions import Expression
from registry.domain.governance.policies.evidence_types import EvidenceField, EvidenceType
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.transitions import (
    ApprovalRow,
    EvidenceNeed,
    Gate,
    PolicyChange,
    StatusChanges,
    Transition,
)
from registry.errors import BadPolicyError
from registry.services.documents import Found, read_document
from registry.services.governance.policies.checks import loose_ends, misread_conditions
from registry.services.governance.policies.enforcement import loose_terms
from registry.services.governance.policies.parts import (
    ApprovalPart,
    EvidencePart,
    EvidenceTypePart,
    GatePart,
    PolicyChangePart,
    PolicyDocument,
    RejectionsPart,
    StatusChangesPart,
    TransitionPart,
)


@lru_cache(maxsize=64)
def read_policy(text: str, *, new: bool = False) -> Policy:
    """The policy that `text` says. Raises: BadPolicyError, one sentence per mistake, each with its line.

    A `new` one is checked further than one that was published once: its conditions must fit the types of the facts.
    What was published by an older version and does not fit stays readable; such a condition never holds.
    """
    check = _everything if new else _loose
    document = read_document(text, PolicyDocument, error=BadPolicyError, what="policy", check=check)
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
            document.separation_of_duties.new_accounts_may_vote,
            frozenset(document.separation_of_duties.checking_evidence),
            tuple(frozenset(stages) for stages in document.separation_of_duties.distinct_across_stages),
        ),
        stages=tuple(document.stages),
        evidence_types={name: _evidence_type(name, part) for name, part in document.evidence_types.items()},
        transitions=tuple(_transition(part) for part in document.transitions),
        params=document.params,
        protected_aliases=document.protected_aliases,
        one_version=document.one_version,
        policy_change=_policy_change(document.separation_of_duties.policy_change),
        status_changes=_status_changes(document.status_changes),
        rejections=_rejections(document.rejections),
        maps_to=tuple(document.metadata.maps_to),
        risk_tiers=tuple(part.value() for part in document.risk_tier),
        votes=document.votes.value(),
        reattest=document.reattest.value() if document.reattest is not None else None,
        waivers=document.waivers.value() if document.waivers is not None else None,
        emergency=document.emergency.value() if document.emergency is not None else None,
    )


def _loose(document: PolicyDocument) -> Iterator[Found]:
    yield from loose_ends(document)
    yield from loose_terms(document)


def _everything(document: PolicyDocument) -> Iterator[Found]:
    yield from _loose(document)
    yield from misread_conditions(document, (_evidence_type(*item) for item in document.evidence_types.items()))


def _evidence_type(name: str, part: EvidenceTypePart) -> EvidenceType:
    producers = () if part.producer == SYSTEM else tuple(part.producer)
    fields = (EvidenceField(n, f.type, f.required, tuple(f.choices), f.description) for n, f in part.fields.items())
    return EvidenceType(name, part.predicate, part.media_type, producers, tuple(fields))


def _transition(part: TransitionPart) -> Transition:
    return Transition(
        part.id,
        part.source,
        part.target,
        tuple(EvidenceNeed(e.type, e.max_age, _applies(e), e.verify, tuple(e.bound_to)) for e in part.evidence),
        tuple(
            Gate(g.id, Expression(g.require, g.empty_is_true), g.message, _applies(g), g.waivable) for g in part.gates
        ),
        _approvals(part.approvals),
        part.wait,
        part.conditional.value() if part.conditional is not None else None,
    )


def _policy_change(part: PolicyChangePart | None) -> PolicyChange:
    return PolicyChange() if part is None else PolicyChange(part.role, part.quorum, "author" not in part.exclude)


def _status_changes(part: StatusChangesPart | None) -> StatusChanges | None:
    return None if part is None else StatusChanges(_approvals(part.approvals), tuple(part.emergency_stop))


def _approvals(parts: Iterable[ApprovalPart]) -> tuple[ApprovalRow, ...]:
    return tuple(ApprovalRow(a.role, a.quorum, _applies(a)) for a in parts)


def _rejections(part: RejectionsPart | None) -> ApprovalRow | None:
    return None if part is None else ApprovalRow(part.overruled_by, part.quorum)


def _applies(part: EvidencePart | GatePart | ApprovalPart) -> Expression | None:
    return None if part.when is None else Expression(part.when, part.empty_is_true)
