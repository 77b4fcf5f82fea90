"""How much compute went into a version since the models that it all began with, as steps measured it or people say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lineage import Assurance, Graph, NodeId, NodeKind
from lineage.modification import modification
from registry.domain.audit import Event
from registry.domain.catalog.compute import Amount, ComputeReport, DeclaredCompute, NewCompute
from registry.domain.names import Reference, VersionRef, model_only
from registry.domain.people.people import Permission
from registry.services.context import Context
from registry.services.lookup import found, resolve
from registry.services.storage.lineage import AncestryRecord
from registry.services.unit_of_work import UnitOfWork

MAX_ANCESTORS = 100_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is on record: FLOP that steps measured, by step, and the newest declaration, by version."""

    measured: Mapping[NodeId, float]
    declared: Mapping[NodeId, DeclaredCompute]
    who: Mapping[str, str]
    """By handle of who declared, the one account of the person behind it."""


def compute(context: Context, reference: Reference) -> ComputeReport:
    """See `LineageVerbs`. Raises: NotFoundError, BadReferenceError for a dataset."""
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        record = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
        return reported(record, amounts_of(uow, record), ref)


def declare_compute(context: Context, reference: Reference, wish: NewCompute) -> ComputeReport:
    """See `LineageVerbs`. The newest declaration counts; earlier ones stay on record."""
    context.actor.require(Permission.EDIT)
    wish = wish.checked()
    with context.write() as uow:
        ref, now = resolve(uow, model_only(reference)), context.clock.now()
        value = DeclaredCompute(ref, wish.source, wish.flop, wish.gpai, context.actor.handle, now)
        uow.graph.declare_compute(value)
        detail = {"flop": wish.flop, "gpai": wish.gpai, "source": wish.source}
        record = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
        report = reported(record, amounts_of(uow, record), ref)
        uow.commit(Event("compute.declared", str(ref), detail))
    return report


def amounts_of(uow: UnitOfWork, record: AncestryRecord) -> Amounts:
    """What is on record of an ancestry, in three statements."""
    keys = [one.node.id for one in record.members]
    declared = uow.graph.declared_compute(keys)
    people = uow.people.known({one.by for one in declared.values()})
    return Amounts(uow.graph.measured_flops(keys), declared, {one.handle: one.who for one in people})


def reported(
    record: AncestryRecord, amounts: Amounts, ref: VersionRef, *, without: frozenset[str] = frozenset()
) -> ComputeReport:
    """What was done since the bases. What people in `without` declared does not count. Claims that the weights speak
    against are no parents.
    """
    nodes = {one.node.id: one.node for one in record.members}
    edges = [edge for edge in record.edges if edge.assurance is not Assurance.CONTRADICTED]
    done = modification(Graph(nodes.values(), edges), record.focus)
    made_by = {e.target: e.source for e in edges if nodes[e.source].kind is NodeKind.STEP}

    def amount(model: NodeId, step: NodeId | None) -> Amount:
        said = amounts.declared.get(model)
        if said is not None and amounts.who.get(said.by, said.by) in without:
            said = None
        measured = amounts.measured.get(step) if step is not None else None
        return Amount(
            nodes[model].label,
            nodes[step].label if step is not None else "",
            measured if measured is not None else said.flop if said is not None else None,
            measured is not None,
            *((said.gpai, said.by, said.source) if said is not None else ()),
        )

    bases = tuple(amount(root, made_by.get(root)) for root in done.roots)
    steps = {step: amount(model, step) for step, model in done.steps.items()}
    total = done.total({step: one.flop for step, one in steps.items() if one.flop is not None})
    originals = [one.original for one in bases]
    known = [one for one in originals if one is not None]
    if not record.complete:
        return ComputeReport(ref, (), (), None, None, None, ("There are more ancestors than are read",))
    share = total / min(known) if total is not None and len(known) == len(originals) else None
    share = 0.0 if not steps else share
    missing = tuple(_missing(bases, tuple(steps.values()), lambda one: _barred(one, amounts, without)))
    return ComputeReport(ref, bases, tuple(steps.values()), total, share, _gpai(bases), missing)


def _gpai(bases: tuple[Amount, ...]) -> bool | None:
    """True where one base is a GPAI model, None where that is not known of one and no other is."""
    said = [one.is_gpai for one in bases]
    return True if True in said else None if None in said else False


def _missing(bases: tuple[Amount, ...], steps: tuple[Amount, ...], barred: Callable[[Amount], str]) -> Iterator[str]:
    for one in bases:
        if one.original is None and steps:
            yield f"nobody recorded how much compute the training of {one.model} took{barred(one)}"
        elif one.is_gpai is None:
            yield f"nobody recorded how much compute {one.model} took, or whether it is a GPAI model{barred(one)}"
    for one in steps:
        if one.flop is None:
            yield f"the step that made {one.model} did not measure its compute, and nobody declared it{barred(one)}"


def _barred(one: Amount, amounts: Amounts, without: frozenset[str]) -> str:
    """Whose word on it does not count here, in brackets."""
    said = [
        known.by
        for known in amounts.declared.values()
        if known.ref.label == one.model and amounts.who.get(known.by, known.by) in without
    ]
    return f" ({said[0]} did, and had a hand in the version that is judged)" if said else ""
