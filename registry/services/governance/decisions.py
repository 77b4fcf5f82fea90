"""Stored decisions: the verdict with everything that it depended on, so that it can be judged again.

The case is stored as canonical JSON in the blob store, and the audit entry names its digest: changing what a decision
was made on changes a digest that the audit chain holds.
"""

from __future__ import annotations

import io
import json

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.codec import from_json, to_json
from registry.domain.governance.case import Case
from registry.domain.governance.policy import Policy
from registry.domain.governance.promotion import RequestState
from registry.domain.manifests import canonical_json
from registry.domain.paging import PageRequest
from registry.errors import NotFoundError
from registry.ports.blobs import BlobStore
from registry.services.unit_of_work import UnitOfWork

DECIDED = "promotion.decided"


def record_decision(blobs: BlobStore, request_id: str, state: RequestState, policy: Policy, case: Case) -> Event:
    """Store the case; give the audit entry that binds the decision to it."""
    digest, _ = blobs.put(io.BytesIO(canonical_json(to_json(case))))
    detail = {"case": str(digest), "policy": policy.label, "policy_digest": str(policy.digest), "state": state.value}
    return Event(DECIDED, request_id, detail)


def decided_case(uow: UnitOfWork, blobs: BlobStore, request_id: str) -> Case:
    """What a closed request was decided on. Raises: NotFoundError for one that was not decided, IntegrityError."""
    entries = uow.audit.search(subject=request_id, action=DECIDED, page=PageRequest(limit=1)).items
    if not entries:
        raise NotFoundError(f"There is no decision about {request_id}", remedy="It is still open, or was withdrawn")
    with blobs.open(Digest.parse(str(entries[0].detail["case"]))) as stream:
        return from_json(Case, json.load(stream))
