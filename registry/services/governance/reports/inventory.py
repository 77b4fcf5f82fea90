"""The inventory, and which versions an alias named at a moment: pages over all models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from lineage import NodeKind
from registry.domain.catalog.models import AliasMove, HistoryEntry
from registry.domain.governance.case import INTENDED_USE, Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import VoteValue
from registry.domain.governance.reports.inventory import UNKNOWN_TIER, InventoryLine, NamedThen
from registry.domain.governance.reviews.past import DECISIVE, PROMOTED, standings
from registry.domain.names import VersionRef, check_alias
from registry.domain.paging import Page, PageRequest
from registry.services.context import Context
from registry.services.governance.decisions import decided_case
from registry.services.governance.dossier import MAX_ANCESTORS
from registry.services.governance.policies.stored import frozen_policy
from registry.services.lookup import found
from registry.services.storage.governance import VersionRecord
from registry.services.storage.lineage import AncestryRecord
from registry.services.unit_of_work import UnitOfWork

_FOR = frozenset({VoteValue.APPROVE, VoteValue.APPROVE_WITH_CONDITIONS})


def inventory(context: Context, stage: str | None, tier: str | None, page: PageRequest) -> Page[InventoryLine]:
    """See `ReportVerbs.inventory`."""
    now = context.clock.now()
    with context.read() as uow:
        refs = uow.governance.approved(stage, page)
        lines = [_line(uow, context, found(uow.governance.version(ref), ref), now) for ref in refs.items]
    return Page([one for one in lines if tier in {None, one.tier}], refs.next_cursor)


def _line(uow: UnitOfWork, context: Context, record: VersionRecord, now: datetime) -> InventoryLine:
    entry = next(iter(uow.audit.search(subject=str(record.ref), action=PROMOTED, page=PageRequest(1)).items), None)
    decision = None if entry is None else _decision(uow, context, str(entry.detail["request"]))
    policy, case = decision or (None, None)
    use = {} if case is None else _use(case)
    tier = UNKNOWN_TIER if policy is None or case is None or not policy.risk_tiers else policy.tier(case).value
    renewal = uow.reviews.attestation(record.ref)
    line = InventoryLine(
        ref=record.ref,
        tier=tier,
        stage=record.stage,
        status=record.status,
        aliases=record.aliases,
        owner=record.owner,
        use=use,
        since=_since(entry, record),
        approvers=_approvers(case),
        request="" if entry is None else str(entry.detail["request"]),
        policy="" if policy is None else policy.label,
        policy_digest=None if policy is None else policy.digest,
        findings=tuple(
            f"{one.severity} {one.id}, {one.owner}, due {one.due_at:%Y-%m-%d}"
            for one in uow.reviews.findings_about(record.ref)
            if one.is_open
        ),
        waivers=tuple(
            f"{one.gate} {one.id}, until {one.until_at:%Y-%m-%d}"
            for one in uow.reviews.waivers_about(record.ref)
            if one.in_force(now)
        ),
        attest_by=None if renewal is None or renewal.stage != record.stage else renewal.due_at,
        licence=record.licence,
        roots=roots(uow.graph.ancestry(record.ref, limit=MAX_ANCESTORS)),
    )
    return replace(line, gaps=tuple(_gaps(line, case)))


def _decision(uow: UnitOfWork, context: Context, request: str) -> tuple[Policy, Case] | None:
    stored = uow.governance.request(request)
    if stored is None:
        return None
    return frozen_policy(uow, stored), decided_case(uow, context.blobs, request)


def _since(entry: HistoryEntry | None, record: VersionRecord) -> datetime | None:
    return entry.at if entry is not None and entry.detail.get("to") == record.stage else None


def _approvers(case: Case | None) -> tuple[str, ...]:
    votes = () if case is None else case.votes
    return tuple(dict.fromkeys(one.voter for one in votes if one.value in _FOR and not one.stale))


def _use(case: Case) -> dict[str, object]:
    declared = [one for one in case.evidence if one.type == INTENDED_USE]
    return dict(max(declared, key=lambda one: one.added_at).body) if declared else {}


def _gaps(line: InventoryLine, case: Case | None) -> Iterator[str]:
    if case is None:
        yield "No decision brought it into its stage"
    elif case.bypass is not None:
        yield f"Promoted without votes, {case.bypass}"
    elif not line.approvers:
        yield "Its policy asked for no approval"
    if line.tier == UNKNOWN_TIER:
        yield "Its policy has no risk tiers"
    if not line.use:
        yield f"No use is declared: forebear evidence add {line.ref} intended_use"
    if not line.owner:
        yield "It has no owner"
    if not line.licence:
        yield "It has no licence"


def roots(ancestry: AncestryRecord | None) -> tuple[str, ...]:
    """The models of an ancestry that were made from no other model, by name."""
    if ancestry is None:
        return ()
    models = {one.node.id: f"models:/{one.node.label}" for one in ancestry.members if one.node.kind is NodeKind.MODEL}
    from_models = {edge.target for edge in ancestry.edges if edge.source in models}
    made = {edge.target for edge in ancestry.edges if edge.target in models and edge.source in from_models}
    return tuple(sorted(label for node, label in models.items() if node not in made))


def named_then(context: Context, alias: str, at: datetime, page: PageRequest) -> Page[NamedThen]:
    """See `ReportVerbs.named_then`."""
    at, alias = min(at, context.clock.now() + timedelta(microseconds=1)), check_alias(alias)
    with context.read() as uow:
        moves = uow.catalog.named_then(alias, at, page)
        return Page([_named(uow, move, ref, at) for ref, move in moves.items], moves.next_cursor)


def _named(uow: UnitOfWork, move: AliasMove, ref: VersionRef, at: datetime) -> NamedThen:
    then, _ = standings(uow.audit.about(str(ref), DECISIVE), at)
    reasons = then.reasons(ref)
    return NamedThen(
        ref, move.moved_at, move.moved_by, then.stage, then.status, not reasons, reasons, then.request or ""
    )
