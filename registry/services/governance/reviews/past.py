"""Answers about the past: which version an alias named, whether it was allowed then, and on what grounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from registry.domain.governance.reviews.past import DECISIVE, AsOf, PastDecision, Standing, standings
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.errors import NotFoundError, UsageError
from registry.services.context import Context
from registry.services.governance.decisions import decided_case
from registry.services.governance.policies.stored import frozen_policy
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork

UNKNOWN_TIER = "unknown"
"""The risk tier by a policy that has none."""
MOST = 1000
"""Versions made from one that are listed."""


def as_of(context: Context, reference: Reference, at: datetime) -> AsOf:
    """See `ReviewVerbs.as_of`."""
    at = min(at, context.clock.now() + timedelta(microseconds=1))
    with context.read() as uow:
        ref, alias, alias_since = _named(uow, reference, at)
        then, ended = standings(uow.audit.about(str(ref), DECISIVE), at)
        if not then.known:
            raise NotFoundError(f"{ref} was not there before {_moment(at)}")
        reasons = then.reasons(ref)
        answer = AsOf(ref, at, alias, alias_since, then.stage, then.status, then.deleted, not reasons, reasons)
        if then.request is None or then.since is None:
            return answer
        decision = _decision(uow, context, then, ended)
        end = ended[0] if ended is not None else context.clock.now() + timedelta(microseconds=1)
        made = uow.graph.made_from(str(ref), since=then.since, until=end, limit=MOST + 1)
    listed = tuple(made[:MOST])
    return replace(answer, decision=decision, made_from=listed, complete=len(made) <= MOST)


def _named(uow: UnitOfWork, reference: Reference, at: datetime) -> tuple[VersionRef, str | None, datetime | None]:
    if reference.kind is not AssetKind.MODELS or (reference.number is None and reference.alias is None):
        raise UsageError(
            f"{reference} names no version and no alias of a model",
            remedy=f"Write {reference.name}/1 or {reference.name}@production",
        )
    if reference.number is not None:
        return VersionRef(reference.kind, reference.name, reference.number), None, None
    alias = str(reference.alias)
    before = [move for move in uow.catalog.alias_history(reference.name, alias) if move.moved_at < at]
    if not before or before[-1].ref is None:
        raise NotFoundError(f"{reference.name} had no version with the alias {alias} before {_moment(at)}")
    return before[-1].ref, alias, before[-1].moved_at


def _decision(uow: UnitOfWork, context: Context, then: Standing, ended: tuple[datetime, str] | None) -> PastDecision:
    request = str(then.request)
    stored = found(uow.governance.request(request), f"promotion request {request}", see="promote list")
    policy, case = frozen_policy(uow, stored), decided_case(uow, context.blobs, request)
    ended_at, ended_by = ended or (None, None)
    return PastDecision(
        request=request,
        stage=case.target,
        decided_at=case.now,
        requested_by=stored.summary.requested_by,
        policy=policy.label,
        policy_digest=policy.digest,
        tier=policy.tier(case).value if policy.risk_tiers else UNKNOWN_TIER,
        votes=case.votes,
        evidence=case.evidence,
        checks=policy.judge(case).checks,
        ended_at=ended_at,
        ended_by=ended_by,
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
