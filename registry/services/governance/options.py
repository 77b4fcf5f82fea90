"""The stages that may follow for a version, and the evidence that a person may add about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from registry.domain.governance.case import Case
from registry.domain.governance.policies.evidence_types import EvidenceType
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.together import matching
from registry.domain.governance.policies.transitions import ON_REQUEST
from registry.domain.governance.promotion import StageOption, Verdict
from registry.domain.names import VersionRef
from registry.services.governance.dossier import Dossier, case_for, open_dossier
from registry.services.governance.policies.stored import published
from registry.services.governance.requests import can_open, is_hopeless, open_requests
from registry.services.unit_of_work import UnitOfWork


def stage_options(uow: UnitOfWork, ref: VersionRef, *, by: str, now: datetime) -> Sequence[StageOption]:
    """Each stage that the policy in force lets follow, in the order of the policy; none without a policy in force."""
    policies = published(uow)
    dossier = open_dossier(uow, ref, requested_by=by, also=(by,))
    stage = dossier.candidate.stage
    targets = dict.fromkeys(move.target for policy in policies for move in policy.transitions if move.source == stage)
    opened = {request.to_stage: request.id for request in open_requests(uow, ref)}
    options = []
    for target in targets:
        policy, case = _in_force(dossier, policies, target=target, now=now)
        if policy is None or case is None or policy.transition(stage, target) is None:
            continue
        verdict = policy.judge(case)
        alias = policy.protected_aliases.get(target)
        options.append(
            StageOption(
                target, policy.label, alias, verdict.reasons, can_open(verdict) or _comes(verdict), opened.get(target)
            )
        )
    return options


def _comes(verdict: Verdict) -> bool:
    """True where something is missing that the registry records when the promotion is requested: then it is judged."""
    missing = any(not check.passed and check.kind == "evidence" and check.id in ON_REQUEST for check in verdict.checks)
    return missing and not is_hopeless(verdict)


def types_taken(uow: UnitOfWork, ref: VersionRef, *, by: str, now: datetime) -> Sequence[EvidenceType]:
    """The types of evidence that the policy in force takes from `by`; none without a policy in force."""
    dossier = open_dossier(uow, ref, requested_by=None, also=(by,))
    target = dossier.candidate.stage
    policy, case = _in_force(dossier, published(uow), target=target, now=now)
    if policy is None or case is None:
        return ()
    return [kind for name, kind in policy.evidence_types.items() if policy.produces(name, by, case)]


def _in_force(
    dossier: Dossier, policies: Sequence[Policy], *, target: str, now: datetime
) -> tuple[Policy | None, Case | None]:
    def case(policy: Policy) -> Case:
        return case_for(dossier, policy, target=target, now=now)

    policy, _ = matching(policies, case)
    return policy, None if policy is None else case(policy)
