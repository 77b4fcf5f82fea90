"""Asking for a correction: what it is about, what it would change, and whether one person makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lineage import Assurance, Relation
from registry.domain.audit import Event
from registry.domain.ids import new_id
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.people.people import Permission
from registry.domain.recipes.methods import SOURCE
from registry.domain.transfers.adapted import is_adapter
from registry.domain.transfers.corrections import Correction, NewCorrection, StepEdge, check_role
from registry.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from registry.services.artifacts.weights import assurance_by
from registry.services.context import Context
from registry.services.governance.corrections.making import detail, make
from registry.services.governance.corrections.weighing import weigh
from registry.services.governance.disagreements import raise_what_disagrees
from registry.services.lineage.kinship import compare_stored
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.lookup import found, refuse_damaged, resolve
from registry.services.storage.corrections import KeptEdge
from registry.services.storage.lineage import EdgeEvidence
from registry.services.unit_of_work import UnitOfWork


def ask(context: Context, reference: Reference, wish: NewCorrection) -> Correction:
    """See `CorrectionVerbs.ask`.

    Raises: PermissionDeniedError, NotFoundError, InvalidError, RefusedError for an input that the registry saw go in,
    and for one that came from the version itself; ConflictError for one that another correction waits about.
    """
    context.actor.require(Permission.EDIT)
    wish = wish.checked()
    evidence = _asked_of_the_weights(context, reference, wish)
    now, by = context.clock.now(), context.actor.handle
    with context.write() as uow:
        ref, step, edge, after = _meant(uow, reference, wish)
        if any(uow.corrections.edge_of(one.id) == edge.key for one in _open(uow, step)):
            raise ConflictError(f"A correction of {edge.value} waits to be decided already")
        if after is not None and evidence is not None and after.ref == evidence[0]:
            uow.graph.add_comparison(step, str(after.ref), evidence[1])
            after = replace(after, assurance=assurance_by(evidence[1].comparison, Assurance.DECLARED))
        before = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
        node = found(uow.graph.node(step), step).id
        value = Correction(
            id=new_id("cor", now),
            ref=ref,
            step=step,
            before=edge.value,
            after=after,
            reason=wish.reason,
            consequences=tuple(weigh(uow, before, node, edge, after)),
            weights="" if evidence is None else said(evidence[1]),
            asked_by=by,
            asked_at=now,
        )
        uow.corrections.add(value, edge.key)
        asked = Event("lineage.correction_asked", str(ref), {**detail(value), "reason": value.reason})
        if not value.consequences:
            value, events = make(uow, value, by=by, comment="", now=now)
            uow.commit(asked, *events)
        else:
            uow.commit(asked)
    if value.agreed:
        raise_what_disagrees(context, ref)
    return value


def _meant(
    uow: UnitOfWork, reference: Reference, wish: NewCorrection
) -> tuple[VersionRef, str, KeptEdge, StepEdge | None]:
    """The version, the step that made it, the input that is meant, and what would take its place."""
    ref = resolve(uow, reference)
    step = uow.corrections.step_of(ref)
    edge = _input(uow, ref, uow.corrections.inputs(step), wish)
    if edge.seen:
        raise RefusedError(
            f"The registry itself saw {edge.value} go into {step}, so that is not corrected",
            remedy="Where you doubt what the step made, suspend or recall that",
        )
    if wish.withdrawn:
        return ref, step, edge, None
    old = edge.value
    other = old.ref if wish.becomes is None else resolve(uow, wish.becomes)
    if other.kind is not old.ref.kind:
        raise InvalidError(f"{other} cannot take the place of {old.ref}", remedy="Name a version of the same kind")
    split = old.split if wish.becomes_split is None else wish.becomes_split or None
    after = StepEdge(other, wish.becomes_role or old.role, split)
    check_role(after)
    if any(one.value.same(after) for one in uow.corrections.inputs(step)):
        raise InvalidError(f"{after} is an input of {step} already")
    node = found(uow.graph.node(str(other)), other)
    if uow.corrections.comes_from(node.id, found(uow.graph.node(step), step).id):
        raise RefusedError(f"{other} was made from {ref}, so {ref} was not made from {other}")
    return ref, step, edge, after


def _input(uow: UnitOfWork, ref: VersionRef, inputs: Sequence[KeptEdge], wish: NewCorrection) -> KeptEdge:
    number = wish.input.number
    other = VersionRef(wish.input.kind, wish.input.name, number) if number is not None else resolve(uow, wish.input)
    named = [one for one in inputs if one.value.ref == other]
    meant = [one for one in named if wish.role in {None, one.value.role} and wish.split in {None, one.value.split}]
    if not meant:
        known = ", ".join(str(one.value) for one in inputs) or "none"
        raise NotFoundError(f"{other} is not on record as such an input of {ref}", remedy=f"Its inputs are: {known}")
    if len(meant) > 1:
        ways = ", ".join(str(one.value) for one in meant)
        raise InvalidError(f"{other} is more than one input of {ref}: {ways}", remedy="Give its role, or its split")
    return meant[0]


def _asked_of_the_weights(
    context: Context, reference: Reference, wish: NewCorrection
) -> tuple[VersionRef, EdgeEvidence] | None:
    """The new parent with what the weights say of it; None where they have no say, and where the wish is wrong.

    What is wrong with it is told by the transaction that follows, after the terms of the request.
    """
    with context.read() as uow:
        try:
            ref, _, edge, after = _meant(uow, reference, wish)
        except (NotFoundError, InvalidError, RefusedError):
            return None
    evidence = None if after is None else _compared(context, ref, edge.value, after)
    return None if after is None or evidence is None else (after.ref, evidence)


def _compared(context: Context, ref: VersionRef, before: StepEdge, after: StepEdge) -> EdgeEvidence | None:
    """What the weights say of a new parent; None where they have no say. No transaction is open meanwhile."""
    if ref.kind is not AssetKind.MODELS or after.role != SOURCE or (after.ref, after.role) == (before.ref, before.role):
        return None
    with context.read() as uow:
        child, parent = found(uow.catalog.version(ref), ref), found(uow.catalog.version(after.ref), after.ref)
    for one in (child, parent):
        refuse_damaged(one.summary)
    if is_adapter(child.files) or not child.files or not parent.files:
        return None
    return EdgeEvidence(compare_stored(context, child, [parent])[after.ref], context.clock.now())


def said(evidence: EdgeEvidence) -> str:
    """What the weights say, in a sentence."""
    one = evidence.comparison
    return f"{one.relation}: {one.reason}" if one.relation is not Relation.UNDECIDABLE else one.reason


def _open(uow: UnitOfWork, step: str) -> list[Correction]:
    return [one for one in uow.corrections.of_step(step) if one.decided_at is None]
