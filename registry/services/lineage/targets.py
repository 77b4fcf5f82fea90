"""The node of the graph that a person means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lineage import Node
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.errors import NotFoundError
from registry.services.lookup import resolve
from registry.services.unit_of_work import UnitOfWork


def label_of(uow: UnitOfWork, target: str) -> str:
    """The label of the node that `target` names, whether or not there is one.

    Raises: BadReferenceError, NotFoundError for an alias or a name without a version.
    """
    if target.startswith("step-"):
        return target
    reference = Reference.parse(target)
    number = reference.number
    return str(resolve(uow, reference) if number is None else VersionRef(reference.kind, reference.name, number))


def node_of(uow: UnitOfWork, target: str, as_of: datetime | None = None) -> Node:
    """The node that `target` names. A deleted version still has one, so that its descendants keep their ancestry.

    Raises: BadReferenceError, NotFoundError, also for what came after `as_of`.
    """
    (node,) = nodes_of(uow, (target,), as_of)
    return node


def nodes_of(uow: UnitOfWork, targets: Sequence[str], as_of: datetime | None = None) -> tuple[Node, ...]:
    """As `node_of`, for several. Raises: as it does, for the first that it would raise for."""
    labels = [label_of(uow, target) for target in targets]
    known = uow.graph.named(labels)
    return tuple(_there(uow, known.get(label), label, as_of) for label in labels)


def _there(uow: UnitOfWork, node: Node | None, label: str, as_of: datetime | None) -> Node:
    if node is None:
        see = "transfer" if label.startswith("step-") else "dataset" if label.startswith(_DATASETS) else "model"
        raise NotFoundError(f"{label[:120]} does not exist", remedy=f"See what there is: forebear {see} list")
    if as_of is not None and not uow.graph.existed(node.id, as_of):
        raise NotFoundError(f"{node.label} did not exist yet at {as_of:%Y-%m-%d %H:%M} UTC")
    return node


_DATASETS = f"{AssetKind.DATASETS}:/"
