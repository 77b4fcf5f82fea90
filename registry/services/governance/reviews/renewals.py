"""Approving a version again in its stage: who is asked opens a request and is let vote on it as on any other."""

from __future__ import annotations

from collections.abc import Iterator

from registry.domain.governance.promotion import RequestDetail, RequestState
from registry.domain.governance.reviews.attestations import Attestation, attest_target
from registry.domain.governance.reviews.ticks import Settled
from registry.domain.names import Reference, VersionRef, model_only
from registry.domain.people.people import SYSTEM, Permission
from registry.errors import ConflictError, DamagedError, NotFoundError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.dossier import case_for, open_dossier
from registry.services.governance.policies.stored import in_force
from registry.services.governance.requests import open_requests
from registry.services.governance.reviews.attestations import asked, to_ask
from registry.services.governance.verbs import Promotions
from registry.services.lookup import resolve
from registry.services.unit_of_work import UnitOfWork


def attest(context: Context, reference: Reference, comment: str) -> RequestDetail:
    """Approve a version again in its stage; see `ReviewVerbs.attest`."""
    context.actor.require(Permission.EDIT)
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        held = uow.reviews.attestation(ref)
        if held is None:
            raise NotFoundError(
                f"The approval of {ref} in its stage has no end, so it need not be renewed",
                remedy="See those that have: forebear attestation list",
            )
        opened = _opened(uow, ref, held.stage)
        if opened is None:
            _check_may_attest(uow, context, ref, held.stage)
    if opened is None:
        asking = Promotions(context.as_actor(SYSTEM))
        request = asking.request(Reference.to(ref), attest_target(held.stage), comment="Asked for before its time")
        if request.summary.state is not RequestState.OPEN:  # the policy asks for no approval
            return request
        opened = request.summary.id
    return Promotions(context).approve(opened, comment=comment)


def ask_for_attestations(context: Context) -> Iterator[Settled]:
    """Open the requests of approvals that end soon, and say so again as the day comes near; as the registry itself."""
    with context.read() as uow:
        due = to_ask(uow, context.clock.now())
    for one in due:
        outcome = _asked_for(context, one)
        with context.write() as uow:
            done = asked(uow, one, outcome, context.clock.now())
            if done is None:
                continue  # somebody was faster
            settled, events = done
            uow.commit(*events)
        yield settled


def _asked_for(context: Context, value: Attestation) -> str:
    """What became of the request to approve it again, as a sentence."""
    with context.read() as uow:
        opened = _opened(uow, value.ref, value.stage)
    if opened is not None:
        return f"Approve it again in {opened}"
    try:
        done = Promotions(context).request(
            Reference.to(value.ref), attest_target(value.stage), comment=value.cause or "Its approval ends"
        )
    except (ConflictError, DamagedError, PolicyRefusedError) as error:
        return f"It cannot be approved again now: {error}"
    if done.summary.state is RequestState.OPEN:
        return f"Approve it again in {done.summary.id}"
    return f"It was renewed by {done.summary.id}: the policy asks for no approval"


def _opened(uow: UnitOfWork, ref: VersionRef, stage: str) -> str | None:
    target = attest_target(stage)
    return next((one.id for one in open_requests(uow, ref) if one.to_stage == target), None)


def _check_may_attest(uow: UnitOfWork, context: Context, ref: VersionRef, stage: str) -> None:
    """Before a request is opened for it. Raises: PolicyRefusedError for who may not approve, with the reasons."""
    handle, now, target = context.actor.handle, context.clock.now(), attest_target(stage)
    dossier = open_dossier(uow, ref, requested_by=SYSTEM.handle, also=(handle,))
    policy = in_force(uow, lambda one: case_for(dossier, one, target=target, now=now))
    electorate = policy.electorate(case_for(dossier, policy, target=target, now=now, opened_at=now))
    objections = electorate.objections(handle) if electorate.wanted else ()
    if objections:
        raise PolicyRefusedError(f"{handle} may not approve {ref} again", objections)
