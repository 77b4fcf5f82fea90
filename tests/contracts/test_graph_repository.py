"""What the graph keeps and how it is walked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from lineage import Assurance, Edge, Node, NodeId, NodeKind, Relation, WeightComparison
from registry.domain.catalog.interface import InterfaceDifference, Part
from registry.domain.catalog.models import Status
from registry.domain.names import VersionRef
from registry.errors import NotFoundError
from registry.services.storage.lineage import EdgeEvidence
from registry.services.unit_of_work import UnitOfWork
from registry.storage.database import Database
from registry.storage.lineage.repository import nested_loops
from registry.storage.sql.engines import begin_reading
from registry.storage.tables import edge
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_dataset_version, add_version, metric, model_ref

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def uow(open_uow: Factory) -> Iterator[UnitOfWork]:
    """Three generations: base -> digits (on scans) -> zip (on digits and base), and letters beside digits."""
    with open_uow(actor="ana", write=True) as uow:
        scans = add_dataset_version(uow, "vision/scans")
        base = add_version(uow, "vision/base")
        digits = add_version(
            uow, "vision/digits", parents=[base], data={"train": scans, "test": scans}, measured=[metric(0.93)]
        )
        add_version(uow, "vision/zip", parents=[digits, base])
        add_version(uow, "vision/letters", parents=[base])
        yield uow


def at(uow: UnitOfWork, label: str) -> Node:
    node = uow.graph.node(label)
    assert node is not None
    return uow.graph.nodes([node.id])[node.id]


def versions_near(uow: UnitOfWork, label: str, *, up: int = 0, down: int = 0, limit: int = 2000) -> list[str]:
    nodes, _, _ = uow.graph.walk(at(uow, label), up=up, down=down, limit=limit)
    return [node.label for node in nodes if node.kind is not NodeKind.STEP]


def test_a_node_is_found_by_uri_or_step_id_with_facts_for_people(uow: UnitOfWork) -> None:
    node = at(uow, "models:/vision/digits/1")
    assert (node.kind, node.label) == (NodeKind.MODEL, "vision/digits/1")
    assert node.facts["stage"] == "registered"
    assert node.facts["status"] == Status.ACTIVE
    assert node.facts["method"] == "fine_tuning"
    assert node.facts["licence"] == "Apache-2.0"
    assert node.facts["accuracy"] == "0.93"
    data = at(uow, "datasets:/vision/scans/1")
    assert (data.kind, data.facts["licence"], data.facts["rows"]) == (NodeKind.DATASET, "CC-BY-4.0", "10")
    _, step, *_ = uow.graph.walk(node, up=1, down=0, limit=2)[0]
    assert step == at(uow, step.label)
    assert (step.kind, step.facts["state"], step.facts["method"]) == (NodeKind.STEP, "succeeded", "fine_tuning")
    assert uow.graph.node("models:/vision/digits/2") is None
    assert uow.graph.node("vision/digits/1") is None


def test_how_versions_were_made_is_read_for_all_at_once(uow: UnitOfWork) -> None:
    newer = add_version(uow, "vision/letters")
    uow.catalog.set_alias("best", model_ref("vision/letters/1"), protected=False, by="ana", at=NOW)
    uow.catalog.delete_version(newer, at=NOW)
    keys = [at(uow, label).id for label in ("models:/vision/letters/1", str(newer), "datasets:/vision/scans/1")]
    first, gone, data = (uow.graph.makings(keys)[key] for key in keys)
    assert (str(first.ref), first.owner, first.stage, first.aliases) == (
        "models:/vision/letters/1",
        "ana",
        "registered",
        ("best",),
    )
    assert (first.newest, first.deleted, gone.deleted) == (True, False, True)
    assert first.recipe["schema"] == "forebear/recipe/v1"
    assert (str(data.ref), data.stage, data.aliases, data.status) == ("datasets:/vision/scans/1", "", (), Status.ACTIVE)


def test_the_newest_earlier_version_that_anything_was_made_from_is_found(uow: UnitOfWork) -> None:
    assert uow.graph.parent_before(model_ref("vision/base/1")) is None
    add_version(uow, "vision/base")
    add_version(uow, "vision/late", parents=[model_ref("vision/base/1")])
    assert uow.graph.parent_before(model_ref("vision/base/3")) == model_ref("vision/base/1")
    add_version(uow, "vision/later", parents=[model_ref("vision/base/2")])
    assert uow.graph.parent_before(model_ref("vision/base/3")) == model_ref("vision/base/2")


def test_ancestors_come_by_generations_nearest_first(uow: UnitOfWork) -> None:
    assert versions_near(uow, "models:/vision/zip/1") == ["vision/zip/1"]
    assert versions_near(uow, "models:/vision/zip/1", up=1) == ["vision/zip/1", "vision/base/1", "vision/digits/1"]
    everything = ["vision/zip/1", "vision/base/1", "vision/digits/1", "vision/scans/1"]
    assert versions_near(uow, "models:/vision/zip/1", up=2) == everything
    assert versions_near(uow, "models:/vision/zip/1", up=-1) == everything


def test_a_whole_ancestry_is_what_a_walk_without_an_end_finds(uow: UnitOfWork) -> None:
    for label in ("models:/vision/zip/1", "models:/vision/base/1", "datasets:/vision/scans/1"):
        node = at(uow, label)
        nodes, edges, _ = uow.graph.walk(node, up=-1, down=0, limit=2000)
        assert uow.graph.whole_ancestry(label, limit=2000) == (node.id, nodes, edges)
        assert uow.graph.whole_ancestry(label, limit=len(nodes)) is not None
        assert uow.graph.whole_ancestry(label, limit=len(nodes) - 1) is None
    assert uow.graph.whole_ancestry("models:/vision/none/1", limit=2000) is None


def test_nodes_are_found_by_their_labels_at_once(uow: UnitOfWork) -> None:
    wanted = ["models:/vision/zip/1", "datasets:/vision/scans/1", "models:/vision/none/1"]
    found = uow.graph.named(wanted)
    assert found == {label: uow.graph.node(label) for label in wanted[:2]}
    assert uow.graph.named([]) == {}


def test_descendants_of_models_and_of_data(uow: UnitOfWork) -> None:
    assert sorted(versions_near(uow, "models:/vision/base/1", down=1)[1:]) == [
        "vision/digits/1",
        "vision/letters/1",
        "vision/zip/1",
    ]
    assert versions_near(uow, "datasets:/vision/scans/1", down=1) == ["vision/scans/1", "vision/digits/1"]
    assert versions_near(uow, "datasets:/vision/scans/1", down=-1)[-1] == "vision/zip/1"


def test_an_ancestry_can_start_at_a_step(uow: UnitOfWork) -> None:
    step = uow.graph.walk(at(uow, "models:/vision/digits/1"), up=1, down=0, limit=2)[0][1]
    assert set(versions_near(uow, step.label, up=1)) == {"vision/base/1", "vision/scans/1"}
    assert versions_near(uow, step.label, down=1) == ["vision/digits/1"]
    assert versions_near(uow, step.label, down=2) == ["vision/digits/1", "vision/zip/1"]
    assert versions_near(uow, step.label) == []


def test_ancestors_and_descendants_come_at_once_with_every_edge_between_them(uow: UnitOfWork) -> None:
    nodes, edges, cut = uow.graph.walk(at(uow, "models:/vision/digits/1"), up=1, down=1, limit=100)
    names = {node.id: node.label if node.kind is not NodeKind.STEP else "step" for node in nodes}
    assert not cut
    assert nodes[0].label == "vision/digits/1"
    assert sorted((names[e.source], names[e.target], e.role, e.split) for e in edges) == [
        ("step", "vision/digits/1", "output", None),
        ("step", "vision/zip/1", "output", None),
        ("vision/base/1", "step", "source", None),
        ("vision/base/1", "step", "source", None),
        ("vision/digits/1", "step", "source", None),
        ("vision/scans/1", "step", "test", "test"),
        ("vision/scans/1", "step", "train", "train"),
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_a_limit_keeps_the_nearest_and_says_so(uow: UnitOfWork, limit: int) -> None:
    start = at(uow, "models:/vision/zip/1")
    whole, edges, cut = uow.graph.walk(start, up=-1, down=0, limit=100)
    assert not cut
    depths = distances(start, edges)
    assert [depths[node.id] for node in whole] == sorted(depths.values())
    some, edges, cut = uow.graph.walk(start, up=-1, down=0, limit=limit)
    assert cut
    assert [depths[node.id] for node in some] == sorted(depths.values())[:limit]
    inside = {node.id for node in some}
    assert all({e.source, e.target} <= inside for e in edges)
    assert uow.graph.walk(start, up=-1, down=0, limit=len(whole))[2] is False


def distances(start: Node, edges: Sequence[Edge]) -> dict[NodeId, int]:
    """How many edges each ancestor is away, counted in the plainest way."""
    found = {start.id: 0}
    while missing := [e for e in edges if e.target in found and e.source not in found]:
        nearest = min(missing, key=lambda e: found[e.target])
        found[nearest.source] = found[nearest.target] + 1
    return found


def test_assurance_is_superseded_and_the_old_edge_stays(database: Database, uow: UnitOfWork) -> None:
    zip_1 = at(uow, "models:/vision/zip/1")
    step = uow.graph.walk(zip_1, up=1, down=0, limit=2)[0][1]
    uow.graph.set_assurance(step.label, "models:/vision/digits/1", Assurance.VERIFIED, at=LATER)
    _, edges, _ = uow.graph.walk(zip_1, up=1, down=0, limit=100)
    digits = at(uow, "models:/vision/digits/1").id
    assert [e.assurance for e in edges if e.source == digits] == [Assurance.VERIFIED]
    detail = uow.steps.get(step.label)
    assert detail is not None
    assert {given.ref.label: given.assurance for given in detail.inputs} == {
        "vision/digits/1": Assurance.VERIFIED,
        "vision/base/1": Assurance.OBSERVED,
    }
    uow.commit_unaudited()
    with database.engine.begin() as connection:
        rows = connection.execute(select(edge).where(edge.c.from_node == digits).order_by(edge.c.id)).all()
    assert [(row.assurance, row.superseded_by is None) for row in rows] == [("observed", False), ("verified", True)]


def test_an_ancestry_of_the_past_has_the_edges_that_were_in_force_then(uow: UnitOfWork) -> None:
    zip_1 = at(uow, "models:/vision/zip/1")
    step = uow.graph.walk(zip_1, up=1, down=0, limit=2)[0][1]
    uow.graph.set_assurance(step.label, "models:/vision/digits/1", Assurance.VERIFIED, at=LATER)
    digits = at(uow, "models:/vision/digits/1").id

    def known(as_of: datetime) -> list[Assurance]:
        _, edges, _ = uow.graph.walk(zip_1, up=-1, down=0, limit=100, as_of=as_of)
        return [e.assurance for e in edges if e.source == digits]

    assert known(NOW) == [Assurance.OBSERVED]
    assert known(LATER - timedelta(seconds=1)) == [Assurance.OBSERVED]
    assert known(LATER) == [Assurance.VERIFIED]


def test_descendants_of_the_past_leave_out_what_came_later(uow: UnitOfWork) -> None:
    base = at(uow, "models:/vision/base/1")
    add_version(uow, "vision/late", parents=[model_ref("vision/base/1")], at=LATER)
    now, then = (
        [node.label for node in uow.graph.walk(base, up=0, down=-1, limit=100, as_of=as_of)[0]] for as_of in (None, NOW)
    )
    assert "vision/late/1" in now
    assert "vision/late/1" not in then
    assert {"vision/digits/1", "vision/zip/1", "vision/letters/1"} < set(then)
    late = at(uow, "models:/vision/late/1")
    assert uow.graph.walk(late, up=-1, down=0, limit=100, as_of=NOW) == ([], [], False)


def test_siblings_are_what_else_was_made_from_a_parent_of_the_same_kind(uow: UnitOfWork) -> None:
    def siblings(label: str, limit: int = 100) -> list[str]:
        keys = uow.graph.siblings(at(uow, label).id, limit=limit)
        found = uow.graph.nodes(keys)
        return [found[key].label for key in keys]

    assert siblings("models:/vision/digits/1") == ["vision/zip/1", "vision/letters/1"]
    assert siblings("models:/vision/letters/1") == ["vision/digits/1", "vision/zip/1"]
    assert siblings("models:/vision/letters/1", limit=1) == ["vision/digits/1"]
    assert siblings("models:/vision/base/1") == []
    assert siblings("datasets:/vision/scans/1") == []


def test_the_newest_comparison_of_weights_with_each_input_is_given(uow: UnitOfWork) -> None:
    step = uow.graph.walk(at(uow, "models:/vision/zip/1"), up=1, down=0, limit=2)[0][1]
    first = WeightComparison(Relation.UNDECIDABLE, "Too few neurons", 3, 4, 100)
    newer = WeightComparison(Relation.LORA_MERGED, "Rank 8", 4, 4, 200, distance=0.1, p=1e-9, rank=8, targets=("up",))
    unlike = InterfaceDifference(Part.LABELS, "config.json: id2label", '["a"]', '["b"]', declared=True)
    newest = EdgeEvidence(newer, LATER, (unlike,))
    for evidence in (EdgeEvidence(first, LATER), newest):
        uow.graph.add_comparison(step.label, "models:/vision/digits/1", evidence)
    uow.graph.add_comparison(step.label, "models:/vision/base/1", EdgeEvidence(first, LATER, ()))
    expected = {"models:/vision/digits/1": newest, "models:/vision/base/1": EdgeEvidence(first, LATER, ())}
    assert uow.graph.comparisons(step.label) == expected
    assert uow.graph.comparisons("step-none") == {}


def test_only_an_input_has_an_assurance(uow: UnitOfWork) -> None:
    step = uow.graph.walk(at(uow, "models:/vision/zip/1"), up=1, down=0, limit=2)[0][1]
    for label in ("models:/vision/letters/1", "models:/vision/none/1"):
        with pytest.raises(NotFoundError):
            uow.graph.set_assurance(step.label, label, Assurance.VERIFIED, at=LATER)


def test_a_deep_family_is_walked_to_its_root(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        parent: list[VersionRef] = []
        for _ in range(25):
            parent = [add_version(uow, "vision/line", parents=parent)]
        found = versions_near(uow, "models:/vision/line/25", up=-1)
        assert found == [f"vision/line/{number}" for number in range(25, 0, -1)]
        assert versions_near(uow, "models:/vision/line/25", up=7) == found[:8]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(family=st.lists(st.sets(st.integers(0, 8), max_size=3), min_size=1, max_size=9))
def test_ancestors_are_those_that_parents_reach(open_uow: Factory, family: list[set[int]]) -> None:
    with open_uow(actor="ana", write=True) as uow:
        refs: list[VersionRef] = []
        above: list[set[str]] = []
        for number, wanted in enumerate(family):
            parents = sorted(wanted & set(range(number)))
            refs.append(add_version(uow, "vision/family", parents=[refs[p] for p in parents]))
            above.append({refs[p].label for p in parents}.union(*(above[p] for p in parents)))
        for ref, expected in zip(refs, above, strict=True):
            assert set(versions_near(uow, str(ref), up=-1)[1:]) == expected
        for ref in refs:
            below = {r.label for r, ancestors in zip(refs, above, strict=True) if ref.label in ancestors}
            assert set(versions_near(uow, str(ref), down=-1)[1:]) == below


def test_an_ancestry_is_read_at_once_with_what_decisions_need(uow: UnitOfWork) -> None:
    ref = model_ref("vision/zip/1")
    uow.catalog.set_status(model_ref("vision/base/1"), Status.RECALLED, "poisoned", at=LATER)
    uow.catalog.delete_version(model_ref("vision/digits/1"), at=LATER)
    found = uow.graph.ancestry(ref, limit=100)
    assert found is not None
    assert found.complete
    versions = {one.node.label: one for one in found.members if one.node.kind is not NodeKind.STEP}
    assert {label: (one.status, one.licence, one.deleted) for label, one in versions.items()} == {
        "vision/zip/1": (Status.ACTIVE, "Apache-2.0", False),
        "vision/digits/1": (Status.ACTIVE, "Apache-2.0", True),
        "vision/base/1": (Status.RECALLED, "Apache-2.0", False),
        "vision/scans/1": (Status.ACTIVE, "CC-BY-4.0", False),
    }
    nodes, edges, _ = uow.graph.walk(at(uow, str(ref)), up=-1, down=0, limit=100)
    assert {(one.node.id, one.node.digest) for one in found.members} == {(node.id, node.digest) for node in nodes}
    assert sorted(found.edges, key=str) == sorted(edges, key=str)
    assert found.focus == at(uow, str(ref)).id


def test_an_ancestry_larger_than_the_limit_keeps_the_nearest_and_says_so(uow: UnitOfWork) -> None:
    found = uow.graph.ancestry(model_ref("vision/zip/1"), limit=2)
    assert found is not None
    assert not found.complete
    assert found.focus in {one.node.id for one in found.members}
    assert len(found.members) == 3
    assert uow.graph.ancestry(model_ref("no/such/1"), limit=2) is None


@pytest.mark.postgres
def test_postgres_walks_by_nested_loops_alone_and_plans_everything_else_as_it_likes(
    postgres_database: Database,
) -> None:
    with begin_reading(postgres_database.engine) as connection:

        def allowed() -> list[str]:
            asked = "SELECT current_setting('enable_hashjoin'), current_setting('enable_mergejoin')"
            return list(connection.exec_driver_sql(asked).one())

        walk = (
            "WITH RECURSIVE w(k) AS (SELECT 1::bigint UNION SELECT from_node FROM edge JOIN w ON to_node = k) TABLE w"
        )
        before = allowed()
        asked: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append(given[2]))
        with nested_loops(connection):
            assert allowed() == ["off", "off"]
            found = connection.exec_driver_sql(f"EXPLAIN {walk}").scalars().all()
            assert any("Nested Loop" in line for line in found)
        assert allowed() == before == ["on", "on"]
        assert len(asked) == len(["less", "allowed", "plan", "as before", "allowed"])
