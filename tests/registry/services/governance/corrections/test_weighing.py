"""What a correction would change is told before anything is written."""

from __future__ import annotations

import pytest

from lineage.flow import Flow
from registry.domain.catalog.marks import NewMark
from registry.domain.catalog.models import Status
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.names import VersionRef
from registry.domain.transfers.corrections import StepEdge
from registry.services.catalog.marks import mark
from registry.services.catalog.verbs import Catalog
from registry.services.governance.corrections.weighing import weigh
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.corrections.worlds import Claims, claims
from tests.registry.services.teams import Team, ref_of


def weighed(world: Claims, given: VersionRef, after: StepEdge | None, of: VersionRef | None = None) -> list[str]:
    child = of or world.child
    with world.team.open_uow(actor="ana") as uow:
        step = uow.corrections.step_of(child)
        edge = next(one for one in uow.corrections.inputs(step) if one.value.ref == given)
        record, node = uow.graph.ancestry(child, limit=1000), uow.graph.node(step)
        assert record is not None
        assert node is not None
        return weigh(uow, record, node.id, edge, after)


def test_another_version_that_asks_marks_and_bars_as_much_frees_from_nothing(team: Team) -> None:
    world = claims(team)
    other = team.publish("vision/other", parents=[world.net], assurance=world.said)
    for after in (StepEdge(world.newer, "source"), StepEdge(world.research, "source"), StepEdge(world.heir, "source")):
        assert weighed(world, world.net, after, other) == []


def test_what_reaches_it_by_another_way_too_is_not_lost(team: Team) -> None:
    world = claims(team)
    both = team.publish("vision/both", parents=[world.child, world.research], assurance=world.said)
    assert weighed(world, world.research, None, both) == []
    assert weighed(world, world.child, None, both) == [
        "It would not count as trained on datasets:/data/mnist/1 (split train) any more"
    ]


def test_marks_findings_and_stops_of_what_would_be_no_ancestor_are_told(team: Team) -> None:
    world = claims(team)
    other = team.publish("vision/other", parents=[world.net], assurance=world.said)
    mark(team.context("ana"), ref_of(world.net), NewMark("export:EAR99", "classified"))
    about = NewFinding("Blurred", Severity.HIGH, "ana", "2099-01-01")
    Reviews(team.context("ana")).add_finding(ref_of(world.net), about)
    Catalog(team.context("root")).set_status(ref_of(world.net), Status.SUSPENDED, "look")
    assert weighed(world, world.net, StepEdge(world.newer, "source"), other) == [
        "It would not have the mark export:EAR99 any more, which library/net/1 has",
        "library/net/1, which has 1 open finding, would be no ancestor any more",
        "library/net/1, which is suspended, would be no ancestor any more",
    ]
    Catalog(team.context("root")).set_status(ref_of(world.newer), Status.SUSPENDED, "look")
    assert weighed(world, world.net, StepEdge(world.newer, "source"), other)[-1] == (
        "library/net/2 is suspended: it would come under that, with all that was made from it"
    )


@pytest.mark.parametrize("after", [None, "validation"])
def test_what_it_was_measured_on_is_not_changed_by_one_person(team: Team, after: str | None) -> None:
    world = claims(team)
    child = team.publish("vision/measured", data={"test": world.data}, assurance=world.said)
    edge = None if after is None else StepEdge(world.data, after, "test")
    (line,) = weighed(world, world.data, edge, child)
    assert line.startswith("It was measured on datasets:/data/mnist/1")


def test_clauses_and_marks_flow_once_and_then_only_what_the_correction_changes(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = claims(team)
    whole, changes = list[object](), list[object]()
    plain_of, plain_change = Flow.of, Flow.change

    def of(*given: object) -> object:
        whole.append(given)
        return plain_of(*given)  # type: ignore[arg-type]

    def change(self: Flow, **given: object) -> object:
        changes.append(given)
        return plain_change(self, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(Flow, "of", of)
    monkeypatch.setattr(Flow, "change", change)
    said = weighed(world, world.research, StepEdge(world.net, "source"))
    assert any("would not owe no-commercial-use" in one for one in said)
    assert (len(whole), len(changes)) == (2, 2), "once for clauses and once for marks"
