"""What the tests that play the insider share: the default policy to change, and the steps up to a request."""

from __future__ import annotations

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.promotion import RequestDetail
from registry.domain.names import VersionRef
from registry.services.governance.policies.stored import default_policy_text
from tests.registry.services.teams import Team, bring_to, ref_of

POLICY = default_policy_text()
NEXT = POLICY.replace("version: 3", "version: 4")


def to_validated(team: Team, ref: VersionRef) -> RequestDetail:
    return team.promotions("ana").request(ref_of(ref), "validated")


def set_status(team: Team, ref: VersionRef, status: Status) -> None:
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(ref, status, "for a reason", at=team.clock.now())
        uow.commit(Event(f"model_version.{status.value}", str(ref), {"reason": "for a reason"}))


def candidate(team: Team) -> VersionRef:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    return ref
