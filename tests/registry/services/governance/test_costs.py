"""What a decision costs: a fixed number of statements, whatever the number of ancestors, and none twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert

from lineage import Assurance, NodeKind
from registry.domain.governance.promotion import RequestState
from registry.domain.names import VersionRef
from registry.storage.database import Database
from registry.storage.tables import edge, model_version, node, step, version
from tests.builders import NOW, digest, model_ref
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, bring_to, populate, ref_of

FEW, MANY = 10, 1_000
BOUND = 67
"""Statements of one verb (67 on PostgreSQL, where settings are statements, and 61 on SQLite); an approval that promotes
writes ten, and reads first which bytes to verify."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    return found


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Every statement that reaches the database within the block."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def descend(database: Database, team: Team, generations: int) -> VersionRef:
    """A candidate version of vision/digits behind a chain of so many ancestors, which is written in bulk."""
    root = team.publish("library/net", accuracy=None)
    with database.engine.begin() as connection:
        first = connection.execute(
            node.select().with_only_columns(node.c.id, version.c.asset_id)
            .join(version, version.c.node_id == node.c.id)
            .where(node.c.label == str(root))
        ).one()  # fmt: skip
        start = 10_000
        models = [start + 2 * i + 1 for i in range(generations - 1)]
        for key in models:
            assert key > first.id
        rows = [_node(key - 1, NodeKind.STEP, f"step-{key}") for key in models]
        rows += [_node(key, NodeKind.MODEL, f"models:/library/net/{n}") for n, key in enumerate(models, start=2)]
        connection.execute(insert(node), rows)
        connection.execute(insert(step), [_step(key - 1) for key in models])
        connection.execute(insert(version), [_version(key, first.asset_id, n) for n, key in enumerate(models, start=2)])
        connection.execute(insert(model_version), [_model(key) for key in models])
        parents = [first.id, *models[:-1]]
        edges = [_edge(parent, key - 1, "source") for parent, key in zip(parents, models, strict=True)]
        connection.execute(insert(edge), [*edges, *(_edge(key - 1, key, "output") for key in models)])
    ref = team.publish(parents=[model_ref(f"library/net/{generations}")])
    bring_to(team, ref, "candidate")
    return ref


def _node(key: int, kind: NodeKind, label: str) -> dict[str, Any]:
    return {"id": key, "kind": kind, "digest": digest(label), "label": label, "created_at": NOW}


def _step(key: int) -> dict[str, Any]:
    return {
        "node_id": key, "kind": "models", "wanted": "library/net", "method": "fine_tuning", "adapter": "torch",
        "state": "succeeded", "recipe": {}, "created_by": "ana", "updated_at": NOW, "epoch": 0.0, "epochs": 0,
    }  # fmt: skip


def _version(key: int, asset: int, number: int) -> dict[str, Any]:
    return {
        "node_id": key, "asset_id": asset, "number": number, "step_id": key - 1, "licence": "MIT", "size": 1,
        "words": "", "created_by": "ana",
    }  # fmt: skip


def _model(key: int) -> dict[str, Any]:
    return {
        "node_id": key, "architecture": "net", "stage": "registered", "status": "active", "status_reason": "",
        "updated_at": NOW,
    }  # fmt: skip


def _edge(one: int, other: int, role: str) -> dict[str, Any]:
    return {"from_node": one, "to_node": other, "role": role, "assurance": Assurance.OBSERVED, "created_at": NOW}


def costs(database: Database, team: Team, ref: VersionRef) -> dict[str, int]:
    """The statements of each governance verb on the way from candidate to validated, and of what is read beside it."""
    found: dict[str, int] = {}

    def counted(name: str, verb: Callable[[], Any]) -> Any:
        with statements(database) as seen:
            answer = verb()
        found[name] = len(seen)
        return answer

    ana, ben = team.promotions("ana"), team.promotions("ben")
    counted("options", lambda: ana.options(ref_of(ref)))
    request = counted("request", lambda: ana.request(ref_of(ref), "validated")).summary.id
    counted("request_detail", lambda: ana.request_detail(request))
    counted("add_evidence", lambda: team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"}))
    done = counted("approve", lambda: ben.approve(request))
    assert done.summary.state is RequestState.PROMOTED
    return found


@pytest.mark.parametrize("generations", [FEW, MANY])
def test_a_decision_takes_a_fixed_number_of_statements_whatever_the_number_of_ancestors(
    database: Database, clock: FakeClock, tmp_path: Path, generations: int
) -> None:
    team = populate(Team(database.factory(clock), clock, tmp_path))
    ref = descend(database, team, generations)
    with team.open_uow(actor="ana") as uow:
        ancestry = uow.graph.ancestry(ref, limit=100_000)
    assert ancestry is not None
    assert len(ancestry.members) == 2 * generations + 2, "the version, its ancestors, and a step for each"
    began = time.perf_counter()
    found = costs(database, team, ref)
    assert {verb: count for verb, count in found.items() if count > BOUND} == {}
    assert time.perf_counter() - began < 10, "24 s for each verb, when every ancestor was read as a whole version"
