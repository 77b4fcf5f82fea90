"""A copy has the bytes, the licence and the marks of its source, an edge from it, and nothing it was approved for."""

from __future__ import annotations

import pytest

from lineage import Assurance
from registry.domain.catalog.marks import NewMark
from registry.domain.catalog.models import FIRST_STAGE, Status
from registry.domain.names import Name, Reference, VersionRef
from registry.domain.verbs.catalog import CopyVersion
from registry.errors import NotFoundError, PermissionDeniedError, RefusedError
from registry.services.catalog.verbs import Catalog
from registry.services.lineage.verbs import Lineage
from tests.registry.services.teams import Team, bring_to, ref_of

DIGITS = Name("vision", "digits")


@pytest.fixture
def source(team: Team) -> VersionRef:
    return team.publish("library/lite")


@pytest.fixture
def catalog(team: Team) -> Catalog:
    return Catalog(team.context("root"))


def test_a_copy_has_the_same_bytes_and_an_edge_and_no_approval(
    team: Team, catalog: Catalog, source: VersionRef
) -> None:
    bring_to(team, source, "production")
    before = catalog.version(ref_of(source))
    assert before.summary.aliases
    made = catalog.copy(CopyVersion(ref_of(source), DIGITS, tags={"a": "b"}))
    assert made.summary.ref == VersionRef(source.kind, DIGITS, 1)
    assert (made.summary.digest, made.files) == (before.summary.digest, before.files)
    assert (made.summary.stage, made.summary.aliases, made.summary.metrics) == (FIRST_STAGE, (), {})
    assert (made.summary.licence, made.architecture, made.tags) == (
        before.summary.licence,
        before.architecture,
        {"a": "b"},
    )
    assert made.parents == (source,)
    assert made.card is not None
    assert before.card is not None
    assert made.card.text == before.card.text
    with catalog.context.read() as uow:
        step = uow.steps.get(made.step)
        assert step is not None
        assert [(one.ref, one.role, one.assurance) for one in step.inputs] == [(source, "source", Assurance.OBSERVED)]
    with catalog.open_file(ref_of(made.summary.ref), made.files[0].path) as stream:
        assert len(stream.read()) == made.files[0].size


def test_marks_of_the_source_hold_for_the_copy(team: Team, catalog: Catalog, source: VersionRef) -> None:
    catalog.mark(ref_of(source), NewMark("personal-data", "letters of people"))
    made = catalog.copy(CopyVersion(ref_of(source), DIGITS))
    marks = Lineage(team.context("root")).marks(ref_of(made.summary.ref)).marks
    assert [one.mark for one in marks] == ["personal-data"]


def test_the_bytes_of_the_latest_version_give_that_version(catalog: Catalog, source: VersionRef) -> None:
    first = catalog.copy(CopyVersion(ref_of(source), DIGITS))
    assert catalog.copy(CopyVersion(ref_of(source), DIGITS)).summary.ref == first.summary.ref
    assert catalog.copy(CopyVersion(ref_of(source), source.name)).summary.ref == source


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.RECALLED, Status.ARCHIVED])
def test_a_version_that_nothing_new_is_made_from_is_not_copied(
    catalog: Catalog, source: VersionRef, status: Status
) -> None:
    catalog.set_status(ref_of(source), status, "look")
    with pytest.raises(RefusedError, match=str(status)):
        catalog.copy(CopyVersion(ref_of(source), DIGITS))
    with pytest.raises(NotFoundError):
        catalog.model(DIGITS)


def test_a_recall_of_the_source_reaches_the_copy(team: Team, catalog: Catalog, source: VersionRef) -> None:
    made = catalog.copy(CopyVersion(ref_of(source), DIGITS)).summary.ref
    catalog.set_status(ref_of(source), Status.RECALLED, "wrong")
    again = Name("vision", "again")
    with pytest.raises(RefusedError, match="has the same bytes, and models:/library/lite/1 is recalled"):
        catalog.copy(CopyVersion(ref_of(made), again))


def test_a_version_that_is_not_there_and_a_person_who_may_not(team: Team, catalog: Catalog, source: VersionRef) -> None:
    with pytest.raises(NotFoundError):
        catalog.copy(CopyVersion(Reference.parse("models:/library/none/1"), DIGITS))
    with pytest.raises(PermissionDeniedError):
        Catalog(team.context("guest")).copy(CopyVersion(ref_of(source), DIGITS))
