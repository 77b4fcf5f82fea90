"""What stands in an answer for what somebody does not see."""

from __future__ import annotations

from dataclasses import dataclass

from lineage import Assurance, Edge, Node, NodeKind
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.people.teams import Level, Sight
from registry.domain.transfers.steps import StepInput
from registry.domain.verbs.lineage import Ancestry
from registry.services.sight.covering import Cover
from tests.builders import digest

SECRET = [VersionRef(AssetKind.MODELS, Name("secret", "base"), number) for number in (3, 4)]
OPEN = VersionRef(AssetKind.MODELS, Name("open", "x"), 1)
STEP = "step-01kaq000000000000000000000"


@dataclass(frozen=True)
class Listed:
    ref: VersionRef
    title: str


def cover(*, drops: bool = False) -> Cover:
    sight = Sight({"secret": None, "mine": Level.READ}, "ben")
    return Cover(sight, lambda one: SECRET[0].name if one == STEP else None, drops)


def test_each_thing_has_one_stand_in_of_its_own_in_an_answer() -> None:
    one = cover()
    told = one.of((str(SECRET[0]), SECRET[1], SECRET[0], "from secret/base/3", OPEN, f"{STEP} failed"))
    first, second = "models:/closed-team/model-1/1", "models:/closed-team/model-2/1"
    assert [str(part) for part in told] == [
        first, second, first, "from closed-team/model-1/1", "models:/open/x/1", "step-" + "0" * 26 + " failed",
    ]  # fmt: skip


def test_what_is_about_something_hidden_keeps_no_facts() -> None:
    told = cover().of(StepInput(SECRET[0], digest("x"), "source", None, Assurance.OBSERVED))
    assert (str(told.ref), told.role) == ("models:/closed-team/model-1/1", "source")
    assert told.digest != digest("x")
    assert cover().of(Listed(SECRET[0], "Our plans")).title == ""
    assert cover().of(Listed(OPEN, "Made from secret/base")).title == "Made from closed-team/model-1"


def test_lists_leave_it_out_where_that_is_the_rule() -> None:
    items = (Listed(SECRET[0], "a"), Listed(OPEN, "b"))
    assert [one.title for one in cover(drops=True).of({"items": items})["items"]] == ["b"]
    assert [one.title for one in cover().seen(items)] == ["b"]
    assert len(cover().of(items)) == 2


def test_a_team_that_one_is_in_is_not_covered() -> None:
    mine = VersionRef(AssetKind.MODELS, Name("mine", "x"), 1)
    assert cover().of((mine, "mine/x")) == (mine, "mine/x")


def test_in_a_graph_a_step_is_as_hidden_as_what_it_made() -> None:
    nodes = (
        Node(1, NodeKind.STEP, "step-01kaq000000000000000000001", facts={"method": "merge"}),
        Node(2, NodeKind.MODEL, "secret/base/3", digest("x"), {"licence": "MIT"}),
        Node(3, NodeKind.STEP, "step-01kaq000000000000000000002", facts={"method": "merge"}),
        Node(4, NodeKind.MODEL, "open/x/1", digest("y"), {"licence": "MIT"}),
    )
    edges = (Edge(1, 2, "output"), Edge(2, 3, "source"), Edge(3, 4, "output"))
    told = cover().of(Ancestry(4, nodes, edges, complete=True))
    assert told.edges == edges
    assert [(one.label, dict(one.facts)) for one in told.nodes] == [
        ("step-" + "0" * 26, {}), ("closed-team/model-1/1", {}), (nodes[2].label, {"method": "merge"}),
        ("open/x/1", {"licence": "MIT"}),
    ]  # fmt: skip
    assert told.nodes[1].digest is None
