"""The node of the graph that a person means."""

from __future__ import annotations

from datetime import datetime

from lineage import Node
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.errors import NotFoundError
from registry.services.lookup import resolve
from registry.services.unit_of_work import UnitOfWork


def node_of(uow: UnitOfWork, target: str, as_of: datetime | None = None) -> Node:
    """The node that `target` names. A deleted version still has one, so that its descendants keep their ancestry.

    Raises: BadReferenceError, NotFoundError, also for what came after `as_of`.
    """
    if target.startswith("step-"):
        label, see = target, "forebear transfer list"
    else:
        reference = Reference.parse(target)
        number = reference.number
        ref = resolve(uow, reference) if number is None else VersionRef(reference.kind, reference.name, number)
        label, see = str(ref), f"forebear {'dataset' if ref.kind is AssetKind.DATASETS else 'model'} list"
    node = uow.graph.node(label)
    if node is None:
        raise NotFoundError(f"{label[:120]} does not exist", remedy=f"See what there is: {see}")
    if as_of is not None and not uow.graph.existed(node.id, as_of):
        raise NotFoundError(f"{node.label} did not exist yet at {as_of:%Y-%m-%d %H:%M} UTC")
    return node
