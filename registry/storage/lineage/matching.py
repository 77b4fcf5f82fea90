"""Which of many versions a filter of the lineage page lets through: one statement, however many there are."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from lineage import NodeId
from registry.domain.catalog.licences import licence_class
from registry.domain.verbs.lineage import Only
from registry.storage.lineage.fans import at_time, in_force
from registry.storage.sql.among import among
from registry.storage.tables import dataset_version, edge, model_version, step, version


def read_matching(
    connection: Connection, keys: Collection[NodeId], only: Only, as_of: datetime | None
) -> Collection[NodeId]:
    """See `GraphRepository.matching`."""
    named = {"stage": only.stage, "status": only.status, "method": only.method, "assurance": only.assurance}
    given = {name: str(value) for name, value in named.items() if value is not None}
    past = as_of is not None and only.assurance is not None
    query = _matching(frozenset(given), past=past)
    rows = connection.execute(query, {"keys": keys} | given | (at_time(as_of) if past else {})).all()
    if only.licence is None:
        return {row.node_id for row in rows}
    wanted = {text for text in {row.licence for row in rows} if licence_class(text) is only.licence}
    return {row.node_id for row in rows if row.licence in wanted}


@cache
def _matching(names: frozenset[str], *, past: bool) -> Any:
    taken = (
        select(edge.c.id)
        .where(edge.c.to_node == version.c.step_id, edge.c.assurance == bindparam("assurance"), in_force(past))
        .correlate(version)
    )
    conditions = {
        "stage": model_version.c.stage == bindparam("stage"),
        "status": func.coalesce(model_version.c.status, dataset_version.c.status) == bindparam("status"),
        "method": step.c.method == bindparam("method"),
        "assurance": taken.exists(),
    }
    return (
        select(version.c.node_id, version.c.licence)
        .join(step, step.c.node_id == version.c.step_id)
        .outerjoin(model_version, model_version.c.node_id == version.c.node_id)
        .outerjoin(dataset_version, dataset_version.c.node_id == version.c.node_id)
        .where(among(version.c.node_id), *(conditions[name] for name in sorted(names)))
    )
