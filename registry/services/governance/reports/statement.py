"""The signed statement about one promotion, for tools that check attestations."""

from __future__ import annotations

from collections.abc import Mapping

from registry.domain.governance.promotion import RequestState
from registry.domain.governance.reports.envelopes import envelope
from registry.domain.governance.reports.statements import statement
from registry.errors import ConflictError, UnavailableError
from registry.services.context import Context
from registry.services.governance.decisions import decided_case
from registry.services.governance.policies.stored import frozen_policy
from registry.services.lookup import found


def promotion_statement(context: Context, request_id: str) -> Mapping[str, object]:
    """See `ReportVerbs.statement`."""
    with context.read() as uow:
        stored = found(uow.governance.request(request_id), f"promotion request {request_id}", see="promote list")
        if (state := stored.summary.state) is not RequestState.PROMOTED:
            raise ConflictError(
                f"Nothing is stated about {request_id}: it is {state}", remedy="Only of a promotion that still stands"
            )
        version = found(uow.catalog.version(stored.summary.ref), stored.summary.ref)
        case, policy = decided_case(uow, context.blobs, request_id), frozen_policy(uow, stored)
        signing = uow.audit.checkpoints
    if signing is None:
        raise UnavailableError("This database has no registry folder, where the key that signs is kept")
    key = signing.keys()[-1]
    files = [(file.path, file.sha256) for file in version.files]
    payload = statement(stored.summary, case, policy, files, key.name)
    return envelope(payload, f"{key.name}+{key.id.hex()}", signing.signed)
