"""What is made while the risk of an input is accepted: it stands under the same recall, and is accepted for as long.

Otherwise it would stay in use when the acceptance ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Effect, NewRecall, Task, becomes, task_record
from registry.domain.names import AssetKind, VersionRef
from registry.domain.transfers.steps import StepInput
from registry.domain.transfers.ways import carried
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork

_ORDER = tuple(Effect)


def inherit(uow: UnitOfWork, ref: VersionRef, inputs: Sequence[StepInput], *, now: datetime) -> Sequence[Event]:
    """Mark the new version `ref` in each recall that withholds one of its inputs; the caller commits with the events.

    Where several inputs are under one recall, the strongest effect counts, and the acceptance that ends first.
    """
    strongest: dict[str, tuple[Effect, Task]] = {}
    for parent, effect in _effects(uow, ref, inputs):
        known = strongest.get(parent.recall)
        ranks = known is None or _rank(effect, parent) < _rank(*known)
        if ranks:
            strongest[parent.recall] = (effect, parent)
    return [_reached(uow, parent, ref, effect, now) for effect, parent in strongest.values()]


def _effects(uow: UnitOfWork, ref: VersionRef, inputs: Sequence[StepInput]) -> Iterator[tuple[Task, Effect]]:
    stopped = uow.recalls.stopped([one.ref for one in inputs])
    for one in inputs:
        for hold in uow.recalls.holds(one.ref) if one.ref in stopped else ():
            effect = carried(hold.effect, one.role, makes_data=ref.kind is AssetKind.DATASETS)
            if effect is not None:
                yield found(uow.recalls.task(hold.recall, one.ref), one.ref), effect


def _rank(effect: Effect, parent: Task) -> tuple[int, float]:
    return _ORDER.index(effect), parent.until.timestamp() if parent.until else 0.0


def _reached(uow: UnitOfWork, parent: Task, ref: VersionRef, effect: Effect, now: datetime) -> Event:
    recall = found(uow.recalls.recall(parent.recall, now=now), parent.recall)
    wish = NewRecall(recall.target, recall.level, outputs_advisory=recall.outputs_advisory)
    status = becomes(Status.ACTIVE, effect, wish)
    uow.recalls.inherit(parent, ref, effect, status, at=now)
    task = found(uow.recalls.task(parent.recall, ref), ref)
    facts: dict[str, object] = {"recall": parent.recall, "effect": effect.value, "from": str(parent.ref)}
    if status is not None:
        facts |= {"task": task_record(task), "statuses": {status.value: [str(ref)]}}
    return Event("recall.reached", str(ref), facts)
