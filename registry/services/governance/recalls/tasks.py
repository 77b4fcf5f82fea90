"""The tasks of a recall: what becomes of each version that was made from what was taken back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import (
    BY_TWO,
    WITH_REPLACEMENT,
    Disposition,
    NewDisposition,
    Recall,
    RecallState,
    Task,
    task_record,
)
from registry.domain.names import Reference, VersionRef
from registry.domain.people.people import Permission
from registry.domain.text import check_words, read_day
from registry.errors import ConflictError, InvalidError, PermissionDeniedError
from registry.services.context import Context
from registry.services.governance.recalls.opening import MAX_REASON, recall_of
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.governance.statuses import check_may_stop, makers
from registry.services.lookup import found, resolve, summary_of
from registry.services.unit_of_work import UnitOfWork
from registry.services.withholding import refuse_stopped

LONGEST = timedelta(days=365)
"""How long a risk can be accepted for."""


def dispose(context: Context, recall_id: str, reference: Reference, wish: NewDisposition) -> Task:
    """Say what becomes of a descendant; see `RecallVerbs.dispose`."""
    context.actor.require(Permission.EDIT)
    now, by = context.clock.now(), context.actor.handle
    with context.write() as uow:
        ref = resolve(uow, reference)
        recall, task = _open_task(uow, recall_id, ref, now)
        if task.settled(now) and task.disposition is not Disposition.ACCEPT:
            raise ConflictError(f"{ref} has the disposition {task.disposition} in {recall_id}")
        wish, until = _checked(uow, recall, ref, wish, now)
        if wish.kind is Disposition.RETIRE:
            check_may_stop(uow, context.actor)
            uow.catalog.set_status(ref, Status.RECALLED, f"{recall_id}: retired: {wish.comment}", at=now)
        uow.recalls.propose(recall_id, ref, wish, until=until, by=by, at=now)
        task = found(uow.recalls.task(recall_id, ref), ref)
        uow.commit(_event("recall.disposed", task), *_closing(uow, recall_id, now))
    return task


def confirm(context: Context, recall_id: str, reference: Reference) -> Task:
    """Confirm what another person proposed; see `RecallVerbs.confirm`."""
    now, by = context.clock.now(), context.actor.handle
    with context.write() as uow:
        check_own_account(uow, context)
        check_may_stop(uow, context.actor)
        ref = resolve(uow, reference)
        _, task = _open_task(uow, recall_id, ref, now)
        if task.disposition not in BY_TWO or task.confirmed_at is not None:
            raise ConflictError(f"Nothing waits to be confirmed about {ref} in {recall_id}")
        if task.until is not None and task.until <= now:
            raise ConflictError(f"The day until which the risk of {ref} was to be accepted is past")
        _refuse_same_person(uow, by, task)
        uow.recalls.confirm(recall_id, ref, by=by, at=now)
        released = None
        if task.disposition is Disposition.DISPUTE:
            released = uow.recalls.release(recall_id, ref, at=now)
        task = found(uow.recalls.task(recall_id, ref), ref)
        facts = {} if released is None else {"statuses": {released.value: [str(ref)]}}
        uow.commit(_event("recall.confirmed", task, **facts), *_closing(uow, recall_id, now))
    return task


def _open_task(uow: UnitOfWork, recall_id: str, ref: VersionRef, now: datetime) -> tuple[Recall, Task]:
    recall = recall_of(uow, recall_id, now)
    if recall.state is RecallState.REVERSED:
        raise ConflictError(f"{recall_id} is reversed, so it has no tasks any more")
    return recall, found(uow.recalls.task(recall_id, ref), f"task for {ref} in {recall_id}", see="recall tasks")


def _checked(
    uow: UnitOfWork, recall: Recall, ref: VersionRef, wish: NewDisposition, now: datetime
) -> tuple[NewDisposition, datetime | None]:
    """The wish with its replacement resolved and its day read. Raises: InvalidError, RefusedError, NotFoundError."""
    words = check_words(wish.comment, "comment", MAX_REASON, lines=True, empty=True)
    if not words:
        raise InvalidError("A disposition needs a comment", remedy="Say what was decided, and why")
    replacement = None
    if wish.kind in WITH_REPLACEMENT:
        replacement = Reference.to(_replacement(uow, recall, ref, wish, now))
    elif wish.replacement is not None:
        raise InvalidError(f"{wish.kind} takes no replacement")
    until = read_day(wish.until, "until", after=1)  # the whole of that day is left
    if wish.kind is Disposition.ACCEPT:
        if until is None or until <= now or until - now > LONGEST + timedelta(days=1):
            raise InvalidError(
                "The risk is accepted until a day within a year", remedy="Give the last day, as YYYY-MM-DD"
            )
    elif until is not None:
        raise InvalidError(f"{wish.kind} has no last day")
    return replace(wish, comment=words, replacement=replacement), until


def _replacement(uow: UnitOfWork, recall: Recall, ref: VersionRef, wish: NewDisposition, now: datetime) -> VersionRef:
    if wish.replacement is None:
        raise InvalidError(f"{wish.kind} needs the version that takes its place")
    other = resolve(uow, wish.replacement)
    if other == ref or other.kind is not ref.kind:
        raise InvalidError(f"{other} cannot take the place of {ref}", remedy="Name another version of the same kind")
    if uow.recalls.task(recall.id, other) is not None or other in uow.recalls.targets(recall.id):
        raise InvalidError(f"{other} is reached by {recall.id} too", remedy="Name a version that was made without it")
    refuse_stopped(uow, other, summary_of(uow, other).status, actor=None, now=now)
    return other


def _refuse_same_person(uow: UnitOfWork, by: str, task: Task) -> None:
    """Two people decide, and neither made the version. Raises: PermissionDeniedError."""
    people = {person.handle: person.who for person in uow.people.known({by, task.proposed_by})}
    who = people.get(by, by)
    if who == people.get(task.proposed_by, task.proposed_by):
        raise PermissionDeniedError(f"{by} proposed this, and somebody else has to confirm it")
    made = makers(uow, task.ref)
    if who in made:
        raise PermissionDeniedError(f"{by} made {task.ref}, and somebody else has to confirm this")


def _event(action: str, task: Task, **facts: object) -> Event:
    detail: dict[str, object] = {
        "recall": task.recall,
        "task": task_record(task),
        "comment": task.comment,
        "replacement": task.replacement,
    }
    if task.disposition is Disposition.RETIRE:
        detail["statuses"] = {Status.RECALLED.value: [str(task.ref)]}
    return Event(action, str(task.ref), {**detail, **facts})


def closed_by(uow: UnitOfWork, recall_ids: Sequence[str], now: datetime) -> Iterator[Event]:
    """The entries that close those of `recall_ids` that have no open task any more."""
    for recall_id in recall_ids:
        yield from _closing(uow, recall_id, now)


def _closing(uow: UnitOfWork, recall_id: str, now: datetime) -> tuple[Event, ...]:
    """The entry that says that every descendant has a disposition, when this was the last."""
    recall = recall_of(uow, recall_id, now)
    return (Event("recall.closed", recall_id, {"tasks": recall.tasks}),) if recall.state is RecallState.CLOSED else ()
