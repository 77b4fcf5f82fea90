"""What a new piece of evidence does to the votes about its version: computed when it is added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from registry.domain.governance.approvals import Electorate
from registry.domain.governance.case import Case, Standing
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.governance.reviews.outlook import lost_votes, stale_votes
from registry.services.governance.details import with_everybody
from registry.services.governance.dossier import Dossier, case_for
from registry.services.governance.policies.stored import frozen_policy
from registry.services.governance.requests import open_requests
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork


def consequences(
    uow: UnitOfWork, dossier: Dossier, value: EvidenceValue, policy: Policy, now: datetime
) -> tuple[str, ...]:
    """Approvals that are stale now, and people who cannot approve any more, with who still can.

    For each open request; where there is none, for each stage that may follow under `policy`, the one in force.
    """
    after = dossier.with_evidence(value)
    lines: dict[str, None] = {}
    requests = open_requests(uow, value.ref)
    for summary in requests:
        stored = found(uow.governance.request(summary.id), f"promotion request {summary.id}", see="promote list")
        rules = frozen_policy(uow, stored)
        cases = [
            case_for(one.asked_by(summary.requested_by), rules, target=summary.to_stage, now=now, votes=stored.votes)
            for one in (dossier, after)
        ]
        lines |= dict.fromkeys(_compared(uow, rules, *cases))
    if not requests:
        stage = dossier.candidate.stage
        for target in (move.target for move in policy.transitions if move.source == stage):
            cases = [case_for(one, policy, target=target, now=now) for one in (dossier, after)]
            lines |= dict.fromkeys(_compared(uow, policy, *cases))
    return tuple(lines)


def _compared(uow: UnitOfWork, policy: Policy, before: Case, after: Case) -> Iterator[str]:
    later = with_everybody(uow, policy, after)
    yield from stale_votes(later)
    earlier: Electorate = policy.electorate(before)
    people: dict[str, Standing] = dict(later.case.people)
    yield from lost_votes(replace(earlier, case=replace(before, people=people)), later)
