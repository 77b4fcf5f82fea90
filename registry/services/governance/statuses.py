"""The status of a version of a model or dataset: who may change it, and the change itself.

A version in use, which is one in production, in a stage with a protected alias, or named by one, changes its status by
a decision: a request with the approvals that its policy asks for. The one exception is a stop in an emergency.
"""

from __future__ import annotations

from datetime import datetime

from registry.domain.audit import Event
from registry.domain.catalog.models import Status, VersionSummary
from registry.domain.catalog.statuses import STOPPED
from registry.domain.data.datasets import DatasetVersionSummary
from registry.domain.governance.status_changes import status_target
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.people.people import Actor, Permission
from registry.domain.text import check_words
from registry.errors import ConflictError, InvalidError, PermissionDeniedError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.dossier import case_for, open_dossier
from registry.services.governance.policies.stored import in_force, in_use, stopping_roles
from registry.services.lookup import found, resolve, summary_of
from registry.services.unit_of_work import UnitOfWork

MAX_REASON = 4096


def set_status(context: Context, reference: Reference, status: Status, reason: str) -> VersionRef:
    """Give a version a status; see `CatalogVerbs.set_status`."""
    now = context.clock.now()
    with context.write() as uow:
        if status in STOPPED:
            check_may_stop(uow, context.actor)
        ref = resolve(uow, reference)
        version = summary_of(uow, ref)
        if version.status in STOPPED:
            _check_may_lift(uow, context.actor, version)
        emergency = isinstance(version, VersionSummary) and in_use(uow, version)
        emergency = emergency and _without_decision(uow, context.actor, ref, status, now)
        facts: dict[str, object] = {"emergency": True} if emergency else {}
        uow.commit(change(uow, ref, status, reason, at=now, **facts))
    return ref


def change(uow: UnitOfWork, ref: VersionRef, status: Status, reason: str, *, at: datetime, **facts: object) -> Event:
    """Write the status; the caller commits with the event, which has `facts` too.

    Raises: InvalidError, ConflictError.
    """
    if not reason.strip():
        raise InvalidError("A reason is needed", remedy="Say why, so that those who use the version can act")
    words = check_words(reason, "reason", MAX_REASON, lines=True)
    version = summary_of(uow, ref)
    if version.status is status:
        raise ConflictError(f"{ref} is {status} already")
    if version.status in STOPPED and status not in STOPPED and (holds := uow.recalls.holds(ref)):
        raise ConflictError(
            f"{ref} is withheld by {', '.join(hold.recall for hold in holds)}",
            remedy=f"Dispute that, or reverse the recall: forebear recall show {holds[0].recall}",
        )
    if isinstance(version, VersionSummary) and version.aliases and status is Status.ARCHIVED:
        raise ConflictError(f"{ref} is still named by {', '.join(version.aliases)}", remedy="Move the alias first")
    uow.catalog.set_status(ref, status, "" if status is Status.ACTIVE else words, at=at)
    kind = "model_version" if ref.kind is AssetKind.MODELS else "dataset_version"
    word = "restored" if status is Status.ACTIVE else status.value
    return Event(f"{kind}.{word}", str(ref), {"from": version.status.value, "reason": words, **facts})


def makers(uow: UnitOfWork, ref: VersionRef) -> frozenset[str]:
    """The people who made a version, each by the one name that all of their accounts share."""
    handles = {summary_of(uow, ref).created_by}
    if ref.kind is AssetKind.MODELS:
        record = found(uow.governance.version(ref), ref)
        handles |= {record.step.created_by, *record.runners, *record.card_writers}
    return frozenset(person.who for person in uow.people.known(handles)) | handles


def check_may_stop(uow: UnitOfWork, actor: Actor) -> frozenset[str]:
    """The roles that may suspend, recall, and lift either: admins, and those that a policy names.

    Raises: PermissionDeniedError for an actor with none of them, and for a service account.
    """
    actor.require(Permission.DECIDE)
    roles = stopping_roles(uow) | {"admin"}
    if actor.service or not roles & actor.roles:
        raise PermissionDeniedError(
            f"{actor.handle} may not suspend or recall a version, or lift that",
            remedy=f"Ask somebody with one of the roles {', '.join(sorted(roles))}",
            facts={"roles": sorted(roles)},
        )
    return roles


def _check_may_lift(uow: UnitOfWork, actor: Actor, version: VersionSummary | DatasetVersionSummary) -> None:
    """Who made a version does not lift its suspension or recall while somebody else can.

    Raises: PermissionDeniedError.
    """
    roles = check_may_stop(uow, actor)
    known = {one.handle: one.who for one in uow.people.known({actor.handle})}
    own, made = known.get(actor.handle, actor.handle), makers(uow, version.ref)
    others = [one for one in uow.people.holding(roles) if one.who not in {own, *made} and not one.service]
    if own in made and others:
        raise PermissionDeniedError(
            f"{actor.handle} made {version.ref}, and somebody else has to lift that it is {version.status}",
            remedy=f"Ask {', '.join(one.handle for one in others)}",
        )


def _without_decision(uow: UnitOfWork, actor: Actor, ref: VersionRef, status: Status, now: datetime) -> bool:
    """True for a stop in an emergency, False where the policy asks for no approval.

    Raises: PolicyRefusedError where a decision is needed.
    """
    target = status_target(status)
    dossier = open_dossier(uow, ref, requested_by=actor.handle, also=(actor.handle,))
    policy = in_force(uow, lambda one: case_for(dossier, one, target=target, now=now))
    case = case_for(dossier, policy, target=target, now=now)
    if status is Status.SUSPENDED and policy.stops(actor.handle, case):
        actor.require(Permission.DECIDE)
        return True
    if Permission.EDIT in actor.permissions and policy.judge(case).allowed:
        return False
    raise PolicyRefusedError(
        f"{ref} is in use, so its status changes by a decision",
        (f"Request it, with the reason: forebear promote request {ref} --to {target} --comment 'WHY'",),
    )
