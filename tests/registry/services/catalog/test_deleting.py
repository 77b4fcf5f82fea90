"""Deletion: what is in use, or was the source of what is in use, does not vanish."""

from __future__ import annotations

import pytest

from registry.domain.names import Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.errors import ConflictError, InUseError
from registry.services.catalog.verbs import Catalog
from tests.registry.services.teams import Team, bring_to, ref_of


@pytest.fixture
def source(team: Team) -> VersionRef:
    return team.publish("library/lite")


@pytest.fixture
def grandchild(team: Team, source: VersionRef) -> VersionRef:
    return team.publish("vision/digits", parents=[team.publish("vision/middle", parents=[source])])


@pytest.fixture
def admin(team: Team) -> Catalog:
    return Catalog(team.context("root"))


@pytest.mark.parametrize("target", ["models:/library/lite/1", "models:/library/lite"])
@pytest.mark.parametrize("stage", ["candidate", "production"])
def test_the_source_of_a_promoted_model_is_not_deleted(
    team: Team, admin: Catalog, source: VersionRef, grandchild: VersionRef, target: str, stage: str
) -> None:
    bring_to(team, grandchild, stage)
    with pytest.raises(InUseError, match=rf"models:/vision/digits/1 \({stage}") as refusal:
        admin.delete(Reference.parse(target), reason="licence withdrawn")
    assert refusal.value.facts == {"descendants": ["models:/vision/digits/1"]}
    assert admin.version(ref_of(source)).summary.ref == source


def test_a_source_whose_descendants_are_not_promoted_can_be_deleted(
    team: Team, admin: Catalog, source: VersionRef, grandchild: VersionRef
) -> None:
    admin.delete(ref_of(source), reason="a mistake")
    with admin.context.read() as uow:
        entry = uow.audit.search(subject=str(source), action=None, page=PageRequest()).items[0]
    assert (entry.action, entry.detail["reason"]) == ("model_version.deleted", "a mistake")


def test_a_deleted_descendant_does_not_hold_its_source(
    team: Team, admin: Catalog, source: VersionRef, grandchild: VersionRef
) -> None:
    admin.delete(ref_of(grandchild))
    admin.delete(ref_of(source))


def test_what_was_promoted_itself_is_not_deleted(team: Team, admin: Catalog, source: VersionRef) -> None:
    bring_to(team, source, "candidate")
    with pytest.raises(ConflictError, match="promoted versions cannot be deleted"):
        admin.delete(ref_of(source), reason="clean up")
