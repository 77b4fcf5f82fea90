"""What a version owes: through weights, data and teachers, with paths; and a weaker licence of its own is told."""

from __future__ import annotations

from registry.domain.audit import Event
from registry.domain.names import Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.lineage import Obligations, Use
from registry.services.lineage.verbs import Lineage
from tests.builders import add_dataset_version
from tests.registry.services.teams import Team


def owed(team: Team, ref: VersionRef, use: Use | None = None) -> Obligations:
    return Lineage(team.context("ana")).obligations(Reference.to(ref), use=use)


def test_a_child_owes_what_its_ancestors_ask_and_each_clause_names_its_path(team: Team) -> None:
    source = team.publish("library/net", method=Method.IMPORT, licence="CC-BY-NC-4.0", accuracy=None)
    child = team.publish("vision/probe", parents=[source], licence="CC-BY-NC-4.0")
    grandchild = team.publish("vision/digits", parents=[child], licence="MIT")
    found = owed(team, grandchild)
    by_clause = {one.clause: one for one in found.owed}
    assert by_clause.keys() == {"attribution", "no-commercial-use"}
    path = by_clause["no-commercial-use"].path
    assert (path[0], path[2], path[-1]) == ("library/net/1", "vision/probe/1", "vision/digits/1")
    assert by_clause["no-commercial-use"].licence == "CC-BY-NC-4.0"


def test_a_licence_that_washes_a_restriction_away_is_told(team: Team) -> None:
    """An insider publishes the child of a model for research as MIT."""
    source = team.publish("library/net", method=Method.IMPORT, licence="CC-BY-NC-4.0", accuracy=None)
    child = team.publish("vision/digits", parents=[source], licence="MIT")
    assert [one.clause for one in owed(team, child).relicensed] == ["no-commercial-use"]
    assert [one.clause for one in owed(team, child, Use.COMMERCIAL).owed if one.conflict] == ["no-commercial-use"]
    assert not any(one.conflict for one in owed(team, child, Use.DERIVATIVES).owed)
    assert owed(team, source).relicensed == ()


def test_what_a_deleted_ancestor_asked_stays_owed(team: Team) -> None:
    source = team.publish("library/net", method=Method.IMPORT, licence="CC-BY-NC-4.0", accuracy=None)
    child = team.publish("vision/digits", parents=[source], licence="MIT")
    before = owed(team, child)
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.delete_version(source, at=team.clock.now())
        uow.commit_unaudited()
    assert owed(team, child) == before


def test_data_that_were_learnt_from_bind_and_data_that_were_measured_on_do_not(team: Team) -> None:
    source = team.publish("library/net", method=Method.IMPORT, licence="MIT", accuracy=None)
    with team.open_uow(actor="ana", write=True) as uow:
        data = add_dataset_version(uow, "data/mnist", licence="CC-BY-NC-SA-4.0")
        uow.commit(Event("dataset_version.registered", str(data), {}))
    learnt = team.publish("vision/learnt", parents=[source], data={"train": data}, licence="MIT")
    measured = team.publish("vision/measured", parents=[source], data={"test": data}, licence="MIT")
    by_clause = {one.clause: one.path[0] for one in owed(team, learnt).owed}
    assert by_clause["no-commercial-use"] == by_clause["review:share-alike"] == "data/mnist/1"
    assert {one.clause for one in owed(team, measured).owed} == {"attribution"}
