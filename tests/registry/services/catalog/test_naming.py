"""A name that has no version yet: it is shown, its first version says the rest, and without one it is free again."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import Modality, SearchQuery
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import PageRequest
from registry.domain.verbs.catalog import CopyVersion, NewModel
from registry.errors import (
    CredentialError,
    InvalidError,
    NameTakenError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
)
from registry.services.catalog.verbs import Catalog
from tests.registry.services.teams import Team

LETTERS = Name("vision", "letters")
WHOLE = Reference(AssetKind.MODELS, LETTERS)


@pytest.fixture
def catalog(team: Team) -> Catalog:
    return Catalog(team.context("root"))


def test_a_name_is_in_the_catalog_with_what_was_said_of_it_and_without_a_version(catalog: Catalog) -> None:
    made = catalog.create(NewModel(LETTERS, "Reads letters", {"team": "cv"})).summary
    assert (made.description, made.tags, made.versions, made.version) == ("Reads letters", {"team": "cv"}, 0, None)
    assert (made.task, made.modality) == ("unknown", Modality.UNKNOWN)
    assert [one.name for one in catalog.search(SearchQuery(text="letters")).items] == [LETTERS]
    assert catalog.versions(LETTERS, PageRequest()).items == []
    with pytest.raises(NotFoundError):
        catalog.version(WHOLE)
    (entry,) = catalog.history(LETTERS, PageRequest()).items
    assert (entry.action, entry.detail["description"]) == ("model.created", "Reads letters")


def test_the_first_version_says_task_and_licence_and_keeps_the_words_of_the_name(team: Team, catalog: Catalog) -> None:
    source = team.publish("library/lite")
    catalog.create(NewModel(LETTERS, "Reads letters", {"team": "cv"}))
    catalog.copy(CopyVersion(Reference.to(source), LETTERS))
    now = catalog.model(LETTERS).summary
    assert (now.task, now.modality) == ("image-classification", Modality.IMAGE)
    assert (now.description, now.tags) == ("Reads letters", {"team": "cv"})
    with catalog.context.read() as uow:
        assert uow.catalog.listing_faults() == {}


@pytest.mark.parametrize("name", ["library/lite", "library-x/lite", "library_x/lite"])
def test_a_name_that_is_there_or_was_is_refused(team: Team, catalog: Catalog, name: str) -> None:
    team.publish("library/lite")
    catalog.delete(Reference.to(team.publish("library-x/lite")))
    catalog.delete(Reference.parse("models:/library-x/lite"))
    with pytest.raises(NameTakenError):
        catalog.create(NewModel(Name.parse(name)))


def test_a_name_without_a_version_is_deleted_and_is_free_again(catalog: Catalog) -> None:
    for _ in range(2):
        catalog.create(NewModel(LETTERS, tags={"a": "b"}))
        catalog.delete(WHOLE)
        with pytest.raises(NotFoundError):
            catalog.model(LETTERS)
        assert catalog.search(SearchQuery(text="letters")).items == []
    with catalog.context.read() as uow:
        assert uow.catalog.listing_faults() == {}


def test_a_name_without_a_version_gets_another_and_is_free_again(team: Team, catalog: Catalog) -> None:
    new = Name("vision", "digits-2")
    made = catalog.create(NewModel(LETTERS, "Reads letters", {"a": "b"})).summary
    team.clock.forward(minutes=1)
    now = catalog.create(NewModel(new, made.description, made.tags, instead_of=LETTERS)).summary
    assert (now.name, now.description, now.tags, now.owner) == (new, "Reads letters", {"a": "b"}, made.owner)
    assert now.created_at == made.created_at < now.updated_at
    with pytest.raises(NotFoundError):
        catalog.model(LETTERS)
    assert [one.name for one in catalog.search(SearchQuery(text="digits")).items] == [new]
    assert catalog.search(SearchQuery(text="vision/letters")).items == []
    (entry,) = catalog.history(new, PageRequest()).items
    assert (entry.action, entry.detail) == ("model.renamed", {"from": "vision/letters"})
    catalog.create(NewModel(LETTERS))
    with catalog.context.read() as uow:
        assert uow.catalog.listing_faults() == {}


def test_what_has_or_had_a_version_keeps_its_name_and_a_name_its_team(team: Team, catalog: Catalog) -> None:
    source = team.publish("vision/lite")
    new = NewModel(Name("vision", "other"), instead_of=source.name)
    with pytest.raises(RefusedError, match="keeps its name"):
        catalog.create(new)
    catalog.delete(Reference.to(source))
    with pytest.raises(RefusedError, match="keeps its name"):
        catalog.create(new)
    catalog.create(NewModel(LETTERS))
    with pytest.raises(InvalidError, match="of another team"):
        catalog.create(NewModel(Name("text", "letters"), instead_of=LETTERS))
    with pytest.raises(NameTakenError):
        catalog.create(NewModel(source.name, instead_of=LETTERS))
    with pytest.raises(NotFoundError):
        catalog.create(NewModel(Name("vision", "new"), instead_of=Name("vision", "none")))
    assert catalog.model(LETTERS).summary.name == LETTERS


def test_only_those_who_may_contribute_take_a_name(team: Team) -> None:
    with pytest.raises(PermissionDeniedError):
        Catalog(team.context("guest")).create(NewModel(LETTERS))


def test_a_credential_is_no_description_and_a_tag_has_a_form() -> None:
    with pytest.raises(CredentialError):
        NewModel(LETTERS, "token ghp_" + "a" * 36)
    with pytest.raises(InvalidError):
        NewModel(LETTERS, tags={"a=b": "c"})
