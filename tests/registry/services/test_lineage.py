"""Walks of the family tree as verbs: what a person writes, what comes back, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lineage import Assurance, Edge, Graph, Node
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.people import Actor
from registry.domain.verbs import LineageVerbs
from registry.errors import BadReferenceError, NotFoundError, PermissionDeniedError, UsageError
from registry.services.context import Context
from registry.services.lineage import Lineage
from registry.settings import Settings
from tests.lineage.worlds import draw

STEPS = {name: f"step-01jdzzzzzzzzzzzzzzzzzzzz{number:02}" for number, name in enumerate(("import", "probe", "tune"))}
FAMILY = f"""
    s.{STEPS["import"]} -output-> m.models:/library/lite0/1
    m.models:/library/lite0/1 -source-> s.{STEPS["probe"]}
    d.datasets:/data/mnist/1 -train/train-> s.{STEPS["probe"]}
    s.{STEPS["probe"]} -output-> m.models:/vision/digits/1
    m.models:/vision/digits/1 -source=> s.{STEPS["tune"]}
    d.datasets:/data/mnist/1 -train/train-> s.{STEPS["tune"]}
    s.{STEPS["tune"]} -output-> m.models:/vision/digits/2
"""


class MemoryGraph:
    """`GraphRepository` over a compiled graph."""

    def __init__(self, graph: Graph, ids: dict[str, int]) -> None:
        self._graph, self._ids = graph, ids

    def node(self, label: str) -> Node | None:
        return self._graph.nodes.get(self._ids.get(label, -1))

    def walk(self, start: Node, *, up: int, down: int, limit: int) -> tuple[Sequence[Node], Sequence[Edge], bool]:
        near = [start.id, *self._graph.ancestors(start.id, depth=up), *self._graph.descendants(start.id, depth=down)]
        part = self._graph.part(near[:limit])
        return list(part.nodes.values()), list(part.edges), len(near) > limit


class MemoryCatalog:
    """The one question that walks ask of `CatalogRepository`."""

    def resolve(self, reference: Reference) -> VersionRef | None:
        digits, lite0 = Name("vision", "digits"), Name("library", "lite0")
        latest = {digits: 2, lite0: 1}
        number = {"production": 1, None: latest.get(reference.name)}.get(reference.alias)
        return VersionRef(AssetKind.MODELS, reference.name, number) if number and reference.name in latest else None


class MemoryUnitOfWork:
    """A unit of work that can only be read."""

    def __init__(self) -> None:
        self.graph, self.catalog = MemoryGraph(*draw(FAMILY)), MemoryCatalog()

    def __enter__(self) -> MemoryUnitOfWork:
        return self

    def __exit__(self, *_: object) -> None:
        return


def verbs(role: str = "viewer") -> Lineage:
    unused = cast("Any", SimpleNamespace())
    open_uow = cast("Any", lambda **_: MemoryUnitOfWork())
    actor = Actor("ana", frozenset({role} if role else ()))
    return Lineage(Context(actor, Path("/home-of-tests"), open_uow, unused, unused, unused, Settings()))


def labels(nodes: Sequence[Node]) -> list[str]:
    return [node.label for node in nodes]


def test_the_ancestry_of_the_latest_version_is_whole_and_nearest_first() -> None:
    lineage: LineageVerbs = verbs()
    ancestry = lineage.show("models:/vision/digits")
    assert labels(ancestry.nodes)[0] == "models:/vision/digits/2"
    assert ancestry.nodes[0].id == ancestry.focus
    assert set(labels(ancestry.nodes)) == {
        *("models:/vision/digits/2", "models:/vision/digits/1", "models:/library/lite0/1", "datasets:/data/mnist/1"),
        *STEPS.values(),
    }
    assert ancestry.complete
    Graph(ancestry.nodes, ancestry.edges)


def test_an_alias_leads_to_the_version_that_it_names_now() -> None:
    ancestry = verbs().show("models:/vision/digits@production", up=1)
    assert set(labels(ancestry.nodes)) == {
        *("models:/vision/digits/1", STEPS["probe"], "models:/library/lite0/1", "datasets:/data/mnist/1"),
    }


def test_depth_counts_generations_in_both_directions() -> None:
    ancestry = verbs().show("models:/library/lite0/1", up=0, down=1)
    assert set(labels(ancestry.nodes)) == {"models:/library/lite0/1", STEPS["probe"], "models:/vision/digits/1"}


def test_a_dataset_and_a_step_have_a_family_too() -> None:
    assert "models:/vision/digits/2" in labels(verbs().show("datasets:/data/mnist/1", down=-1).nodes)
    assert set(labels(verbs().show(STEPS["tune"], up=1, down=1).nodes)) == {
        *(STEPS["tune"], "models:/vision/digits/1", "models:/vision/digits/2", "datasets:/data/mnist/1"),
    }


def test_an_answer_that_was_cut_short_says_so() -> None:
    ancestry = verbs().show("models:/vision/digits/2", limit=3)
    assert len(ancestry.nodes) == 3
    assert not ancestry.complete


def test_the_way_from_an_ancestor_reads_downward() -> None:
    way = verbs().path("models:/library/lite0/1", "models:/vision/digits/2")
    assert way is not None
    assert labels(way.nodes) == [
        *("models:/library/lite0/1", STEPS["probe"], "models:/vision/digits/1"),
        *(STEPS["tune"], "models:/vision/digits/2"),
    ]
    assert [edge.assurance for edge in way.edges][2] is Assurance.VERIFIED
    assert way.focus == way.nodes[-1].id


def test_there_is_no_way_upstream() -> None:
    assert verbs().path("models:/vision/digits/2", "models:/library/lite0/1") is None


def test_a_thing_leads_to_itself() -> None:
    way = verbs().path("models:/vision/digits/2", "models:/vision/digits")
    assert way is not None
    assert (labels(way.nodes), way.edges) == (["models:/vision/digits/2"], ())


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("models:/vision/digits/9", "there is no models:/vision/digits/9. See what there is: forebear model list"),
        ("datasets:/data/nothing/1", "forebear dataset list"),
        ("models:/vision/digits@champion", "there is no models:/vision/digits@champion"),
        ("models:/vision/nothing", "there is no models:/vision/nothing"),
        ("step-01jdzzzzzzzzzzzzzzzzzzzz99", "there is no step-01jdzzzzzzzzzzzzzzzzzzzz99.*forebear transfer list"),
    ],
)
def test_what_is_not_there_is_named_with_where_to_look(target: str, sentence: str) -> None:
    with pytest.raises(NotFoundError, match=sentence):
        verbs().show(target)
    with pytest.raises(NotFoundError, match=sentence):
        verbs().path("models:/vision/digits", target)


def test_a_malformed_reference_says_how_to_write_one() -> None:
    with pytest.raises(BadReferenceError, match="must start with models:/"):
        verbs().show("vision/digits/2")


def test_a_depth_below_all_and_a_limit_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="a depth of -2 generations"):
        verbs().show("models:/vision/digits", up=-2)
    for limit in (0, 1_000_000):
        with pytest.raises(UsageError, match="Ask for 1 to 50,000"):
            verbs().show("models:/vision/digits", limit=limit)


def test_nobody_without_a_role_walks_the_graph() -> None:
    with pytest.raises(PermissionDeniedError):
        verbs(role="").show("models:/vision/digits")
