"""People who sign their approvals: their keys, their signatures, and their votes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from registry.domain.governance.promotion import RequestDetail
from registry.domain.governance.reviews.findings import NewFinding
from registry.domain.governance.signing import approval_text
from registry.domain.people.keys import new_key, public_key, sign
from registry.services.people.keys import set_key
from tests.registry.services.teams import Team


def key_of(team: Team, who: str) -> bytes:
    """A new key, registered by `who`."""
    pem, secret = new_key(), team.people(who).create_token(who, label="anew").secret
    set_key(team.context(who), who, public_key(pem), secret)
    return pem


def signature(detail: RequestDetail, pem: bytes, conditions: Sequence[NewFinding] = ()) -> str:
    summary = detail.summary
    bound = approval_text(summary.id, str(summary.ref), summary.to_stage, detail.bound, public_key(pem), conditions)
    return sign(pem, bound)


def approve(team: Team, who: str, request: str, pem: bytes) -> RequestDetail:
    promotions = team.promotions(who)
    return promotions.approve(request, signature=signature(promotions.request_detail(request), pem))


def change(team: Team, statement: str) -> None:
    """What somebody does who has the database."""
    with team.open_uow(actor="root", write=True) as uow:
        connection = uow._connection
        assert connection is not None
        connection.execute(text(statement))
        uow.commit_unaudited()
