"""Setting a mark on a version, and taking it away."""

from __future__ import annotations

from registry.domain.audit import Event
from registry.domain.catalog.marks import Marks, NewMark, SetMark
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.people.people import Permission
from registry.errors import ConflictError, PermissionDeniedError
from registry.services.context import Context
from registry.services.data.marked_content import alike
from registry.services.data.stored_rows import read_what_is_due
from registry.services.governance.statuses import check_may_stop, makers
from registry.services.lineage.marks import marks
from registry.services.lookup import found, resolve
from registry.services.unit_of_work import UnitOfWork


def mark(context: Context, reference: Reference, wish: NewMark) -> Marks:
    """See `CatalogVerbs.mark`."""
    context.actor.require(Permission.EDIT if wish.present else Permission.DECIDE)
    wish = wish.checked()
    others = alike(context, reference, wish.mark) if wish.present else None
    with context.write() as uow:
        ref = resolve(uow, reference)
        node = found(uow.graph.node(str(ref)), ref)
        held = {one.mark for one in uow.graph.marks([node.id]).get(node.id, ())}
        if wish.present == (wish.mark in held):
            raise ConflictError(f"{ref} {'has' if wish.present else 'was not given'} the mark {wish.mark}")
        by, now = context.actor.handle, context.clock.now()
        passed_on = list[Event]()
        if wish.present:
            uow.graph.add_mark(SetMark(ref, wish.mark, wish.reason, by, now))
            passed_on += [] if others is None else others.carry(uow, wish.mark, by=by, at=now)
        else:
            _check_may_take_away(uow, context, ref, wish.mark)
            uow.graph.remove_mark(ref, wish.mark)
        detail = {"mark": wish.mark, "reason": wish.reason}
        uow.commit(Event("mark.added" if wish.present else "mark.removed", str(ref), detail), *passed_on)
    if ref.kind is AssetKind.DATASETS:
        read_what_is_due(context, whole=True)
    return marks(context, reference)


def _check_may_take_away(uow: UnitOfWork, context: Context, ref: VersionRef, mark: str) -> None:
    """A mark can stand in the way of a promotion: it is taken away by who may stop versions, and made none of this.

    Raises: PermissionDeniedError.
    """
    actor = context.actor
    roles = check_may_stop(uow, actor)
    own = next((one.who for one in uow.people.known({actor.handle})), actor.handle)
    if {own, actor.handle} & makers(uow, ref):
        raise PermissionDeniedError(
            f"{actor.handle} made {ref}, and somebody else has to take away its mark {mark}",
            remedy=f"Ask somebody else with one of the roles {', '.join(sorted(roles))}",
        )
