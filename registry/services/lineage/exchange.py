"""The ancestry of a version for other programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from lineage import Graph, NodeKind
from lineage.exchange import cyclonedx, hub, openlineage, prov, spdx
from lineage.exchange.records import Record
from registry import __version__
from registry.domain.names import Reference, VersionRef
from registry.domain.verbs.lineage import Exchange
from registry.errors import UsageError
from registry.services.context import Context
from registry.services.lookup import found, resolve
from registry.services.unit_of_work import UnitOfWork

MAX_NODES = 10_000
"""The largest ancestry, in nodes, that one document holds."""
_WRITERS: Mapping[Exchange, Callable[[Record], object]] = {
    Exchange.OPENLINEAGE: openlineage.events,
    Exchange.PROV: prov.document,
    Exchange.CYCLONEDX: cyclonedx.bom,
    Exchange.SPDX: spdx.document,
    Exchange.HUB: hub.card,
}


def export(context: Context, reference: Reference, exchange: Exchange) -> object:
    """See `LineageVerbs`. Raises: NotFoundError, UsageError for an ancestry that is too large: never a part of it."""
    with context.read() as uow:
        record = record_of(uow, resolve(uow, reference), context.clock.now())
    return _WRITERS[exchange](record)


def record_of(uow: UnitOfWork, ref: VersionRef, at: datetime) -> Record:
    """The whole ancestry of a version. Raises: NotFoundError, UsageError for one that is too large."""
    focus = found(uow.graph.node(str(ref)), ref)
    nodes, edges, cut = uow.graph.walk(focus, up=-1, down=0, limit=MAX_NODES)
    if cut:
        raise UsageError(
            f"The ancestry of {ref} has more than {MAX_NODES:,} nodes, too many for one document",
            remedy="Print a part of it: forebear lineage show",
        )
    runs = uow.graph.runs([node.id for node in nodes if node.kind is NodeKind.STEP])
    return Record(Graph(nodes, edges), focus.id, runs, at.isoformat(), __version__)
