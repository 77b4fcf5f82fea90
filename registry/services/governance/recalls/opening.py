"""Opening and reversing a recall: each is one transaction with one entry in the audit log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.governance.recalls import (
    AliasFallback,
    Impact,
    NewRecall,
    Recall,
    RecallDetail,
    RecallState,
    Reversal,
)
from registry.domain.governance.reviews.attestations import Trigger
from registry.domain.ids import new_id
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.text import check_words
from registry.errors import ConflictError, InvalidError, PermissionDeniedError
from registry.services.context import Context
from registry.services.governance.recalls.impact import Reach, counts, reach
from registry.services.governance.reviews.attestations import call
from registry.services.governance.statuses import check_may_stop, makers
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork

MAX_REASON = 4096


def preview(context: Context, wish: NewRecall) -> Impact:
    """What the recall would reach; see `RecallVerbs.preview`."""
    with context.read() as uow:
        return reach(uow, wish, context.actor.sight).impact


def open_recall(context: Context, wish: NewRecall) -> RecallDetail:
    """Take it back; see `RecallVerbs.open`."""
    wish = replace(wish, target=wish.target.strip(), reason=_reason(wish.reason))
    now, by = context.clock.now(), context.actor.handle
    with context.write() as uow:
        check_may_stop(uow, context.actor)
        reached = reach(uow, wish, context.actor.sight)
        recall_id = new_id("rec", now)
        uow.recalls.open(recall_id, wish, reached.marks, by=by, at=now)
        moves = [one for one in reached.impact.aliases if one.to is not None]
        events = [_moved(uow, recall_id, one, by=by, at=now) for one in moves]
        events += _to_attest(uow, recall_id, reached, now)
        detail = _detail(uow, recall_id, now)
        uow.commit(_opened(recall_id, wish, reached), *events)
    return detail


def reverse(context: Context, recall_id: str, reason: str) -> Reversal:
    """Restore what is still as the recall left it; see `RecallVerbs.reverse`."""
    words, now, by = _reason(reason), context.clock.now(), context.actor.handle
    with context.write() as uow:
        check_may_stop(uow, context.actor)
        recall = recall_of(uow, recall_id, now)
        if recall.state is RecallState.REVERSED:
            raise ConflictError(f"{recall_id} is reversed already")
        _refuse_own(uow, context, recall_id)
        moved = uow.recalls.fallbacks(recall_id)
        restored, left = uow.recalls.reverse(recall_id, by=by, reason=words, at=now)
        back = [one for one in moved if str(one.ref) in restored and _still(uow, one)]
        events = [_moved(uow, recall_id, _backwards(one), by=by, at=now, remember=False) for one in back]
        by_status: dict[str, list[str]] = defaultdict(list)
        for label, status in restored.items():
            by_status[status.value].append(label)
        facts = {"reason": words, "statuses": by_status, "left": len(left)}
        ended = recall_of(uow, recall_id, now)
        uow.commit(Event("recall.reversed", recall_id, facts), *events)
    return Reversal(ended, _refs(restored), _refs(left), tuple(f"{one.ref.name}@{one.alias}" for one in back))


def _detail(uow: UnitOfWork, recall_id: str, now: datetime) -> RecallDetail:
    return RecallDetail(recall_of(uow, recall_id, now), uow.recalls.targets(recall_id))


def show(context: Context, recall_id: str) -> RecallDetail:
    """One recall."""
    with context.read() as uow:
        return _detail(uow, recall_id, context.clock.now())


def recall_of(uow: UnitOfWork, recall_id: str, now: datetime) -> Recall:
    """A recall. Raises: NotFoundError."""
    return found(uow.recalls.recall(recall_id, now=now), f"recall {recall_id}", see="recall list")


def _reason(text: str) -> str:
    if not text.strip():
        raise InvalidError("A reason is needed", remedy="Say why, so that those who use the versions can act")
    return check_words(text, "reason", MAX_REASON, lines=True)


def _opened(recall_id: str, wish: NewRecall, reached: Reach) -> Event:
    """The entry holds every version whose status changes, so that the log alone gives the state."""
    by_status: dict[str, list[str]] = defaultdict(list)
    for hit, mark in zip(reached.impact.hits, reached.marks, strict=True):
        if mark.status is not None:
            by_status[mark.status.value].append(str(hit.ref))
    facts: dict[str, object] = {
        "target": wish.target,
        "level": wish.level.value,
        "class": wish.reason_class.value,
        "reason": wish.reason,
        "reached": counts(reached.impact),
        "statuses": by_status,
    }
    return Event("recall.opened", recall_id, facts)


def _to_attest(uow: UnitOfWork, recall_id: str, reached: Reach, now: datetime) -> Iterator[Event]:
    """Ask for new approvals of what the recall reaches, where the policies do."""
    kinds = {ref.kind for ref in uow.recalls.targets(recall_id)}
    refs = [hit.ref for hit in reached.impact.hits]
    for kind, trigger in (
        (AssetKind.DATASETS, Trigger.DATASET_RECALLED),
        (AssetKind.MODELS, Trigger.BASE_MODEL_RECALLED),
    ):
        if kind in kinds:
            yield from call(uow, refs, trigger, f"It is reached by the recall {recall_id}", now)


def _moved(
    uow: UnitOfWork, recall_id: str, move: AliasFallback, *, by: str, at: datetime, remember: bool = True
) -> Event:
    """Move a protected alias as the recall, or its reversal, asks for."""
    target = found(move.to, f"version for {move.alias}")
    uow.catalog.set_alias(move.alias, target, protected=True, by=by, at=at)
    if remember:
        uow.recalls.add_fallback(recall_id, move)
    return Event("alias.moved", str(target), {"alias": move.alias, "from": str(move.ref), "recall": recall_id})


def _still(uow: UnitOfWork, move: AliasFallback) -> bool:
    """True while the alias names what the recall made it name."""
    return uow.catalog.resolve(Reference(move.ref.kind, move.ref.name, alias=move.alias)) == move.to


def _backwards(move: AliasFallback) -> AliasFallback:
    return AliasFallback(move.alias, found(move.to, f"version for {move.alias}"), move.ref)


def _refuse_own(uow: UnitOfWork, context: Context, recall_id: str) -> None:
    """Who made a version that was taken back reverses that by none of their accounts while somebody else can.

    Raises: PermissionDeniedError.
    """
    roles, by = check_may_stop(uow, context.actor), context.actor.handle
    own = next((one.who for one in uow.people.known({by})), by)
    made = [ref for ref in uow.recalls.targets(recall_id) if _is_live(uow, ref) and own in makers(uow, ref)]
    barred = frozenset({own}).union(*(makers(uow, ref) for ref in made))
    others = [one for one in uow.people.holding(roles) if one.who not in barred and not one.service]
    if made and others:
        raise PermissionDeniedError(
            f"{context.actor.handle} made {made[0]}, and somebody else has to reverse its recall",
            remedy=f"Ask {', '.join(one.handle for one in others)}",
        )


def _is_live(uow: UnitOfWork, ref: VersionRef) -> bool:
    return (uow.catalog.version(ref) if ref.kind is AssetKind.MODELS else uow.datasets.version(ref)) is not None


def _refs(labels: Iterable[str]) -> tuple[VersionRef, ...]:
    references = [Reference.parse(label) for label in labels]
    return tuple(VersionRef(one.kind, one.name, one.number) for one in references if one.number is not None)
