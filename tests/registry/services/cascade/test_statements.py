"""A plan takes a handful of statements, however many descend from the parent."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, update

from lineage import Assurance, NodeKind
from registry.domain.names import Name, Reference
from registry.services.cascade.planning import plan
from registry.services.context import Context
from registry.storage.tables import edge, model_version, node, step, version
from tests.builders import digest

BOUND = 35
"""Statements of one plan; twenty of them read the parent whole, to refuse what nobody may start from."""
KEY = 1_000_000


def descend(connection: Connection, generations: int) -> None:
    """So many versions of text/first, each made from the one before with the recipe of the first."""
    first = connection.execute(select(node.c.id).where(node.c.label == "models:/text/first/1")).scalar_one()
    copied = [
        dict(connection.execute(select(table).where(column == value)).one()._mapping)
        for table, column, value in (
            (version, version.c.node_id, first),
            (model_version, model_version.c.node_id, first),
            (step, step.c.node_id, select(version.c.step_id).where(version.c.node_id == first).scalar_subquery()),
        )
    ]
    keys = [KEY + 2 * place for place in range(generations)]
    at = copied[2]["updated_at"]

    def write(table: Any, rows: list[dict[str, Any]]) -> None:
        connection.execute(insert(table), rows)

    def _node(key: int, kind: NodeKind, label: str) -> dict[str, Any]:
        return {"id": key, "kind": kind, "label": label, "digest": digest(label), "created_at": at}

    write(node, [_node(key + 1, NodeKind.STEP, f"step-{key}") for key in keys])
    write(node, [_node(key, NodeKind.MODEL, f"models:/text/first/{key}") for key in keys])
    write(
        step,
        [
            copied[2] | {"node_id": key + 1, "recipe": copied[2]["recipe"] | {"tags": {"cascade": f"cas-{key}"}}}
            for key in keys
        ],
    )
    write(version, [copied[0] | {"node_id": key, "number": key, "step_id": key + 1} for key in keys])
    write(model_version, [copied[1] | {"node_id": key} for key in keys])
    known = {"assurance": Assurance.OBSERVED, "created_at": at}
    write(
        edge,
        [
            known | {"from_node": above, "to_node": key + 1, "role": "source"}
            for above, key in zip([first, *keys], keys, strict=False)
        ],
    )
    write(edge, [known | {"from_node": key + 1, "to_node": key, "role": "output"} for key in keys])


@pytest.mark.parametrize("generations", [5, 500])
def test_a_plan_takes_a_fixed_number_of_statements_whatever_the_number_of_descendants(
    context: Context, generations: int
) -> None:
    with context.write() as uow:
        connection = uow.graph._connection  # type: ignore[attr-defined]
        descend(connection, generations)
        seen: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *given: seen.append(given[2]))
        found = plan(context, uow, Reference.parse("models:/library/base/2"), None, None)
        assert len(found.planned) == generations + 2  # not text/first/2, which is neither the newest nor needed
        assert found.generations == generations + 1
        assert len(seen) <= BOUND
        del seen[:]
        (one,) = uow.steps.tagged({Name.parse("text/first")}, "cascade", f"cas-{KEY + 2}")
        assert (one.id, len(seen)) == (f"step-{KEY + 2}", 1)
        assert uow.steps.tagged({Name.parse("text/second")}, "cascade", f"cas-{KEY}") == []


def test_a_recipe_that_cannot_be_read_any_more_is_left_out_with_what_is_wrong_and_what_waits_for_it(
    context: Context,
) -> None:
    with context.write() as uow:
        connection = uow.graph._connection  # type: ignore[attr-defined]
        maker = select(version.c.step_id).join(node, node.c.id == version.c.node_id)
        key = connection.execute(maker.where(node.c.label == "models:/text/first/1")).scalar_one()
        kept = connection.execute(select(step.c.recipe).where(step.c.node_id == key)).scalar_one()
        connection.execute(update(step).where(step.c.node_id == key).values(recipe=kept | {"colour": "blue"}))
        found = plan(context, uow, Reference.parse("models:/library/base/2"), None, None)
    reasons = {str(one.ref): one.reason for one in found.left_out}
    assert reasons["models:/text/first/1"].startswith("its recipe cannot be read any more: Line 1: ")
    assert "colour" in reasons["models:/text/first/1"]
    assert reasons["models:/text/second/1"] == "what it was made from is not made again"
