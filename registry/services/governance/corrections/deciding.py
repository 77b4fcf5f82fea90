"""The second person of a correction: what they look at again, and who it may be."""

from __future__ import annotations

from registry.domain.audit import Event
from registry.domain.people.people import Person
from registry.domain.text import check_words
from registry.domain.transfers.corrections import MAX_REASON, Correction
from registry.errors import ConflictError, InvalidError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.corrections.making import detail, make
from registry.services.governance.corrections.weighing import weigh
from registry.services.governance.disagreements import raise_what_disagrees
from registry.services.governance.policies.stored import stopping_roles
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.governance.statuses import check_may_stop, makers
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork


def decide(context: Context, correction_id: str, *, agree: bool, comment: str) -> Correction:
    """See `CorrectionVerbs.decide`.

    Raises: NotFoundError; ConflictError for one that was decided, or that would change more now than was said when it
    was asked for; PermissionDeniedError and PolicyRefusedError for who may not; InvalidError.
    """
    words = check_words(comment, "comment", MAX_REASON, lines=True, empty=True)
    now, by = context.clock.now(), context.actor.handle
    with context.write() as uow:
        value = found(uow.corrections.get(correction_id), f"correction {correction_id}", see="lineage corrections")
        if value.decided_at is not None:
            raise ConflictError(f"{value.id} is {value.state} already")
        if agree or by != value.asked_by:
            _check_may_decide(uow, context, value)
        if not agree:
            if not words:
                raise InvalidError("Refusing a correction needs a comment", remedy="Say why")
            uow.corrections.decide(value.id, agreed=False, by=by, comment=words, at=now)
            uow.commit(Event("lineage.correction_refused", str(value.ref), {**detail(value), "comment": words}))
        else:
            _look_again(uow, value)
            _, events = make(uow, value, by=by, comment=words, now=now)
            uow.commit(*events)
    if agree:
        raise_what_disagrees(context, value.ref)
    with context.read() as uow:
        return found(uow.corrections.get(correction_id), value.id)


def objections_to(uow: UnitOfWork, value: Correction, person: Person) -> tuple[str, ...]:
    """Why somebody cannot be the second person; empty where they can."""
    known = {one.handle: one.who for one in uow.people.known({value.asked_by})}
    roles = stopping_roles(uow) | {"admin"}
    why = []
    if person.who == known.get(value.asked_by, value.asked_by):
        why.append(f"{person.handle} asked for it")
    if person.who in makers(uow, value.ref):
        why.append(f"{person.handle} made {value.ref}")
    if person.service:
        why.append(f"{person.handle} is a service account")
    if not roles & set(person.roles):
        why.append(f"{person.handle} has none of the roles {', '.join(sorted(roles))}")
    return tuple(why)


def _check_may_decide(uow: UnitOfWork, context: Context, value: Correction) -> None:
    check_own_account(uow, context)
    check_may_stop(uow, context.actor)
    person = found(uow.people.get(context.actor.handle), f"person {context.actor.handle}", see="person list")
    if objections := objections_to(uow, value, person):
        raise PolicyRefusedError(f"{person.handle} may not decide about {value.id}", objections)


def _look_again(uow: UnitOfWork, value: Correction) -> None:
    """What the correction changes is asked again: the ancestry may have changed since.

    Raises: ConflictError.
    """
    key = uow.corrections.edge_of(value.id)
    edge = next((one for one in uow.corrections.inputs(value.step) if one.key == key), None)
    if edge is None:
        raise ConflictError(f"What {value.id} corrects has changed: {value.before} is no input of {value.ref} now")
    step = found(uow.graph.node(value.step), value.step).id
    if value.after is not None:
        node = found(uow.graph.node(str(value.after.ref)), value.after.ref)
        if uow.corrections.comes_from(node.id, step):
            raise ConflictError(f"{value.after.ref} was made from {value.ref} meanwhile")
    before = found(uow.graph.ancestry(value.ref, limit=MAX_ANCESTORS), value.ref)
    new = [one for one in weigh(uow, before, step, edge, value.after) if one not in value.consequences]
    if new:
        raise ConflictError(
            f"{value.id} changes more now than when it was asked for: {'; '.join(new)}",
            remedy="Refuse it, and ask for it again",
        )
