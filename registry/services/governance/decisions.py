"""Stored decisions: the verdict with everything that it depended on, so that it can be judged again.

The case is stored as canonical JSON in the blob store, and the audit entry names its digest: changing what a decision
was made on changes a digest that the audit chain holds.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.catalog.models import HistoryEntry
from registry.domain.codec import from_json, to_json
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestDetail, RequestState, RequestSummary
from registry.domain.governance.replays import Explanation
from registry.domain.manifests import canonical_json
from registry.domain.names import VersionRef
from registry.domain.paging import PageRequest, every
from registry.errors import IntegrityError, NotFoundError
from registry.ports.blobs import BlobStore
from registry.services.unit_of_work import UnitOfWork

DECIDED, ROLLED_BACK = "promotion.decided", "promotion.rolled_back"


def record_decision(blobs: BlobStore, request_id: str, state: RequestState, policy: Policy, case: Case) -> Event:
    """Store the case; give the audit entry that binds the decision to it."""
    digest, _ = blobs.put(io.BytesIO(canonical_json(to_json(case))))
    detail = {"case": str(digest), "policy": policy.label, "policy_digest": str(policy.digest), "state": state.value}
    return Event(DECIDED, request_id, detail)


def decided_case(uow: UnitOfWork, blobs: BlobStore, request_id: str) -> Case:
    """What a closed request was decided on. Raises: NotFoundError for one that was not decided, IntegrityError."""
    return _stored_case(blobs, Digest.parse(str(_entries(uow, request_id)[0].detail["case"])))


def explained(uow: UnitOfWork, blobs: BlobStore, stored: RequestDetail, policy: Policy) -> Explanation:
    """A decision with its replay. Raises: NotFoundError for one that was not taken; IntegrityError."""
    (entry, *_) = _entries(uow, stored.summary.id)
    digest = Digest.parse(str(entry.detail["case"]))
    case = _stored_case(blobs, digest)
    return Explanation(
        summary=stored.summary,
        policy=stored.policy,
        policy_digest=stored.policy_digest,
        case=digest,
        decided_at=case.now,
        stored=stored.verdict,
        replayed=policy.judge(case),
        read=case.seen,
        votes=case.votes,
    )


def _entries(uow: UnitOfWork, request_id: str) -> Sequence[HistoryEntry]:
    entries = uow.audit.search(subject=request_id, action=DECIDED, page=PageRequest(limit=1)).items
    if not entries:
        raise NotFoundError(f"There is no decision about {request_id}", remedy="It is still open, or was withdrawn")
    return entries


def _stored_case(blobs: BlobStore, digest: Digest) -> Case:
    with blobs.open(digest) as stream:
        text = stream.read()
    if Digest.of(text) != digest:
        raise IntegrityError(
            f"What the decision was made on is not what it was: {digest.short} is changed",
            remedy="Find out who changed the store: forebear store verify",
        )
    return from_json(Case, json.loads(text))


def decisions(uow: UnitOfWork, ref: VersionRef) -> Sequence[RequestSummary]:
    """The promotions of a version that people decided on, newest first: those past votes only once they were reviewed.

    A rollback decides nothing: it rests on the approval before it.
    """
    past = [one for one in uow.reviews.emergencies(ref) if one.effective_at is not None]
    emergencies = {one.request for one in past if one.reviewed_at is None}
    rolled_back = every(lambda page: uow.audit.search(subject=str(ref), action=ROLLED_BACK, page=page))
    past_votes = emergencies | {str(one.detail["request"]) for one in rolled_back}
    promoted = every(lambda page: uow.governance.requests(name=None, ref=ref, state=RequestState.PROMOTED, page=page))
    return [one for one in promoted if one.id not in past_votes]
