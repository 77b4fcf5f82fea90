"""The OpenLineage events of the step that an entry of the audit log is about.

They are made when they are sent, from what is recorded of the step then: a start that is sent late is still a start.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from lineage import Graph, NodeKind
from lineage.exchange import openlineage
from lineage.exchange.records import Json, Record
from registry import __version__
from registry.domain.audit import Body
from registry.domain.notifications.webhooks import STEPS
from registry.services.context import Context
from registry.services.lineage.exchange import MAX_NODES
from registry.services.lookup import found


def events_about(context: Context, entry: Body) -> Iterator[tuple[str, bytes]]:
    """(type, JSON) of each event that the entry stands for. Raises: NotFoundError for a subject that has no node."""
    of = entry.columns
    with context.read() as uow:
        subject = found(uow.graph.node(of.subject), of.subject)
        below = 1 if subject.kind is NodeKind.STEP else 0
        nodes, edges, _ = uow.graph.walk(subject, up=1, down=below, limit=MAX_NODES)
        runs = uow.graph.runs([node.id for node in nodes if node.kind is NodeKind.STEP])
    record = Record(Graph(nodes, edges), subject.id, runs, of.at.isoformat(), __version__)
    step = subject if below else found(record.maker(subject.id), of.subject)
    run = runs[step.id]
    if error := entry.detail.get("error"):  # a step that was resumed since has none any more
        record = replace(record, runs={**runs, step.id: replace(run, error=str(error))})
    for kind in STEPS[of.action]:
        began = kind == "START" and not below
        yield kind, _written(openlineage.event(record, step, kind, run.began or record.at if began else record.at))


def trial_event(at: datetime) -> bytes:
    """An event that tells of no step, to try a receiver."""
    return _written(openlineage.trial(str(uuid.uuid4()), at.isoformat(), __version__))


def _written(event: Json) -> bytes:
    return json.dumps(event, separators=(",", ":"), allow_nan=False).encode()
