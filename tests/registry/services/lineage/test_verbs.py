"""Walks of the family tree as verbs: what a person writes, what comes back, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from lineage import Graph, Node
from registry.domain.audit import Event
from registry.domain.people.people import Actor
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.lineage import Kin, LineageVerbs
from registry.errors import BadReferenceError, NotFoundError, PermissionDeniedError, UsageError
from registry.services.context import Context
from registry.services.lineage.verbs import Lineage
from registry.settings import Settings
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import NOW, add_dataset_version, add_version, model_ref
from tests.fakes.clock import FakeClock

LITE0, DIGITS_1, DIGITS_2, MNIST = "library/lite0/1", "vision/digits/1", "vision/digits/2", "data/mnist/1"


@dataclass(frozen=True)
class Tree:
    """lite0 -> digits/1 (production) -> digits/2, each but the first trained on mnist; with the ids of their steps."""

    open_uow: SqlUnitOfWorkFactory
    steps: dict[str, str]

    def verbs(self) -> Lineage:
        unused = cast("Any", None)  # walks ask for no bytes and no plug-in
        actor = Actor("ana", frozenset({"viewer"}))
        return Lineage(Context(actor, Path(), self.open_uow, unused, FakeClock(), unused, Settings()))


@pytest.fixture
def tree(open_uow: SqlUnitOfWorkFactory) -> Tree:
    with open_uow(actor="ana", write=True) as uow:
        mnist = add_dataset_version(uow, "data/mnist")
        lite0 = add_version(uow, "library/lite0", method=Method.IMPORT)
        first = add_version(uow, "vision/digits", parents=[lite0], data={"train": mnist})
        second = add_version(uow, "vision/digits", parents=[first], data={"train": mnist, "test": mnist})
        uow.catalog.set_alias("production", first, protected=False, by="ana", at=NOW)
        steps = {ref.label: version.step for ref in (lite0, first, second) if (version := uow.catalog.version(ref))}
        uow.commit(Event("model_version.transferred", str(second), {}))
    return Tree(open_uow, steps)


def labels(nodes: Sequence[Node]) -> list[str]:
    return [node.label for node in nodes]


def test_the_ancestry_of_the_latest_version_is_whole_and_starts_with_it(tree: Tree) -> None:
    lineage: LineageVerbs = tree.verbs()
    ancestry = lineage.show("models:/vision/digits")
    assert labels(ancestry.nodes)[0] == DIGITS_2
    assert ancestry.nodes[0].id == ancestry.focus
    assert {DIGITS_2, DIGITS_1, LITE0, MNIST, *tree.steps.values()} < set(labels(ancestry.nodes))
    assert ancestry.complete
    (parent,) = Graph(ancestry.nodes, ancestry.edges).parents(ancestry.focus)
    assert parent.parent.label == DIGITS_1


def test_an_alias_leads_to_the_version_that_it_names_now(tree: Tree) -> None:
    ancestry = tree.verbs().show("models:/vision/digits@production", up=1)
    assert set(labels(ancestry.nodes)) == {DIGITS_1, tree.steps[DIGITS_1], LITE0, MNIST}


def test_depth_counts_generations_in_both_directions(tree: Tree) -> None:
    down = tree.verbs().show(f"models:/{LITE0}", up=0, down=1)
    assert set(labels(down.nodes)) == {LITE0, tree.steps[DIGITS_1], DIGITS_1}
    both = tree.verbs().show(f"models:/{DIGITS_1}", up=1, down=1)
    assert {LITE0, DIGITS_2} < set(labels(both.nodes))
    assert tree.steps[LITE0] not in labels(both.nodes)


@pytest.mark.parametrize("depth", [0, 1, 2, 3, -1])
def test_the_database_and_the_compiled_graph_walk_the_same_way(tree: Tree, depth: int) -> None:
    verbs = tree.verbs()
    for target in (f"models:/{DIGITS_2}", f"datasets:/{MNIST}", tree.steps[DIGITS_1]):
        whole, found = verbs.show(target, down=-1), verbs.show(target, up=depth, down=depth)
        part = Graph(whole.nodes, whole.edges).around(whole.focus, up=depth, down=depth)
        assert {node.id for node in found.nodes} == part.nodes.keys()
        assert set(found.edges) == set(part.edges)


def test_a_dataset_and_a_step_have_a_family_too(tree: Tree) -> None:
    assert DIGITS_2 in labels(tree.verbs().show(f"datasets:/{MNIST}", down=-1).nodes)
    around = tree.verbs().show(tree.steps[DIGITS_2], up=1, down=1)
    assert set(labels(around.nodes)) == {tree.steps[DIGITS_2], DIGITS_1, DIGITS_2, MNIST}


def test_a_lineage_that_was_cut_at_a_limit_says_so(tree: Tree) -> None:
    ancestry = tree.verbs().show(f"models:/{DIGITS_2}", limit=3)
    assert len(ancestry.nodes) == 3
    assert not ancestry.complete


def test_a_path_from_an_ancestor_is_printed_downward(tree: Tree) -> None:
    way = tree.verbs().path(f"models:/{LITE0}", f"models:/{DIGITS_2}")
    assert way is not None
    assert labels(way.nodes) == [LITE0, tree.steps[DIGITS_1], DIGITS_1, tree.steps[DIGITS_2], DIGITS_2]
    assert [edge.role for edge in way.edges] == ["source", "output", "source", "output"]
    assert way.focus == way.nodes[-1].id


def test_no_path_leads_from_a_descendant_to_an_ancestor(tree: Tree) -> None:
    assert tree.verbs().path(f"models:/{DIGITS_2}", f"models:/{LITE0}") is None


def test_the_nearest_common_ancestor_comes_with_the_ways_down_to_both(tree: Tree) -> None:
    with tree.open_uow(actor="ana", write=True) as uow:
        add_version(uow, "vision/letters", parents=[model_ref(DIGITS_1)])
        uow.commit_unaudited()
    found = tree.verbs().common(f"models:/{DIGITS_2}", "models:/vision/letters/1")
    assert labels(found.nearest) == [DIGITS_1]
    graph = Graph(found.ways.nodes, found.ways.edges)
    (start,) = found.nearest
    ends = {graph.node(key).label for key in graph.descendants(start.id)}
    assert {DIGITS_2, "vision/letters/1"} < ends


def test_an_ancestor_of_the_other_is_the_nearest_that_both_have(tree: Tree) -> None:
    found = tree.verbs().common(f"models:/{DIGITS_2}", f"models:/{LITE0}")
    assert labels(found.nearest) == [LITE0]
    assert tree.verbs().common(f"models:/{LITE0}", f"datasets:/{MNIST}").nearest == ()


def test_roots_are_the_models_of_the_ancestry_that_no_model_went_into(tree: Tree) -> None:
    lineage = tree.verbs()
    assert labels(lineage.relatives(f"models:/{DIGITS_2}", Kin.ROOTS).nodes) == [LITE0]
    assert labels(lineage.relatives(f"models:/{LITE0}", Kin.ROOTS).nodes) == [LITE0]
    assert lineage.relatives(f"datasets:/{MNIST}", Kin.ROOTS).nodes == ()


def test_siblings_beyond_the_limit_are_not_kept_quiet(tree: Tree) -> None:
    with tree.open_uow(actor="ana", write=True) as uow:
        for _ in range(3):
            add_version(uow, "vision/letters", parents=[model_ref(LITE0)])
        uow.commit_unaudited()
    some = tree.verbs().relatives(f"models:/{DIGITS_1}", Kin.SIBLINGS, limit=2)
    assert (labels(some.nodes), some.complete) == (["vision/letters/1", "vision/letters/2"], False)
    assert tree.verbs().relatives(f"models:/{DIGITS_1}", Kin.SIBLINGS, limit=3).complete
    with pytest.raises(UsageError):
        tree.verbs().relatives(f"models:/{DIGITS_1}", Kin.SIBLINGS, limit=0)


def test_a_lineage_from_before_the_version_says_that_it_did_not_exist(tree: Tree) -> None:
    lineage = tree.verbs()
    assert lineage.show(f"models:/{DIGITS_2}", as_of=NOW) == lineage.show(f"models:/{DIGITS_2}")
    with pytest.raises(NotFoundError, match="vision/digits/2 did not exist yet at 2"):
        lineage.show(f"models:/{DIGITS_2}", as_of=NOW - timedelta(days=1))


def test_every_node_is_its_own_path_of_length_zero(tree: Tree) -> None:
    way = tree.verbs().path(f"models:/{DIGITS_2}", "models:/vision/digits")
    assert way is not None
    assert (labels(way.nodes), way.edges) == ([DIGITS_2], ())


def test_a_deleted_parent_stays_in_the_lineage(tree: Tree) -> None:
    with tree.open_uow(actor="ana", write=True) as uow:
        uow.catalog.delete_version(model_ref(LITE0), at=NOW)
        uow.commit(Event("model_version.deleted", f"models:/{LITE0}", {}))
    assert DIGITS_2 in labels(tree.verbs().show(f"models:/{LITE0}", down=-1).nodes)
    assert tree.verbs().path(f"models:/{LITE0}", f"models:/{DIGITS_2}") is not None


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("models:/vision/digits/9", "models:/vision/digits/9 does not exist. See what there is: forebear model list"),
        ("datasets:/data/nothing/1", "forebear dataset list"),
        ("models:/vision/digits@champion", "models:/vision/digits@champion does not exist"),
        ("models:/vision/nothing", "models:/vision/nothing does not exist"),
        ("step-01jdzzzzzzzzzzzzzzzzzzzz99", "step-01jdzzzzzzzzzzzzzzzzzzzz99 does not exist.*forebear transfer list"),
    ],
)
def test_what_is_not_there_is_named_with_where_to_look(tree: Tree, target: str, sentence: str) -> None:
    with pytest.raises(NotFoundError, match=sentence):
        tree.verbs().show(target)
    with pytest.raises(NotFoundError, match=sentence):
        tree.verbs().path("models:/vision/digits", target)


def test_a_malformed_reference_says_how_to_write_one(tree: Tree) -> None:
    with pytest.raises(BadReferenceError, match="must start with models:/"):
        tree.verbs().show(DIGITS_2)


def test_a_depth_below_minus_one_and_a_limit_out_of_range_are_refused(tree: Tree) -> None:
    with pytest.raises(UsageError, match="The depth cannot be -2 generations"):
        tree.verbs().show("models:/vision/digits", up=-2)
    for limit in (0, 1_000_000):
        with pytest.raises(UsageError, match="Give 1 to 50,000"):
            tree.verbs().show("models:/vision/digits", limit=limit)


def test_nobody_without_a_role_walks_the_graph(tree: Tree) -> None:
    stranger = replace(tree.verbs().context, actor=Actor("eve", frozenset()))
    with pytest.raises(PermissionDeniedError):
        Lineage(stranger).show("models:/vision/digits")
