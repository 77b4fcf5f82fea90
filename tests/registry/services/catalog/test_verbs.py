"""The catalog's verbs: what people say and change of registered models, and what holds them back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest

from registry.domain.audit import Event
from registry.domain.catalog.models import MAX_TAGS, SearchQuery, Status
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.errors import (
    BadReferenceError,
    ConflictError,
    InvalidError,
    NameTakenError,
    NotFoundError,
    PermissionDeniedError,
    PolicyRefusedError,
)
from registry.services.catalog.verbs import Catalog
from tests.builders import describing
from tests.registry.services.teams import CARD, Team, bring_to

DIGITS = Name("vision", "digits")
MODEL = Reference.parse("models:/vision/digits")
FIRST = Reference.parse("models:/vision/digits/1")
DATA = Reference.parse("datasets:/vision/digits")


@pytest.fixture
def catalog(team: Team) -> Catalog:
    """Ana's verbs, with two versions of one model and a dataset of the same name."""
    team.publish()
    team.publish()
    team.add_data("vision/digits")
    return Catalog(team.context("ana"))


@pytest.fixture
def admin(team: Team, catalog: Catalog) -> Catalog:
    return Catalog(team.context("root"))


def test_an_alias_moves_and_its_history_is_kept(catalog: Catalog, team: Team) -> None:
    catalog.set_alias(FIRST, "champion")
    catalog.set_alias(MODEL, "champion")
    assert catalog.version(Reference.parse("models:/vision/digits@champion")).summary.ref.number == 2
    first, second = (VersionRef(AssetKind.MODELS, DIGITS, number) for number in (1, 2))
    past = [(a.ref, a.moved_by) for a in catalog.alias_history(DIGITS, "champion")]
    assert past == [(first, "ana"), (second, "ana")]
    catalog.drop_alias(DIGITS, "champion")
    assert catalog.model(DIGITS).aliases == ()
    assert [a.ref for a in catalog.alias_history(DIGITS, "champion")] == [first, second, None]
    assert team.actions("models:/vision/digits/2")[-2:] == ["alias.moved", "alias.dropped"]


def test_an_alias_that_is_not_there_cannot_be_dropped(catalog: Catalog) -> None:
    with pytest.raises(NotFoundError, match="@champion"):
        catalog.drop_alias(DIGITS, "champion")


def test_a_protected_alias_moves_only_by_promotion(catalog: Catalog) -> None:
    with pytest.raises(PolicyRefusedError, match="Nobody moves 'production' by hand"):
        catalog.set_alias(FIRST, "production")
    assert catalog.model(DIGITS).aliases == ()


def test_an_alias_and_an_archived_version_exclude_each_other(catalog: Catalog) -> None:
    catalog.set_alias(FIRST, "champion")
    with pytest.raises(ConflictError, match="still named by champion"):
        catalog.set_status(FIRST, Status.ARCHIVED, "old")
    catalog.drop_alias(DIGITS, "champion")
    catalog.set_status(FIRST, Status.ARCHIVED, "old")
    assert catalog.version(FIRST).summary.status is Status.ARCHIVED
    with pytest.raises(ConflictError, match="is archived"):
        catalog.set_alias(FIRST, "champion")


def test_an_archived_version_is_found_only_when_asked_for(catalog: Catalog) -> None:
    for number in (1, 2):
        catalog.set_status(Reference.parse(f"models:/vision/digits/{number}"), Status.ARCHIVED, "old")
    assert catalog.search(SearchQuery()).items == []
    (found,) = catalog.search(SearchQuery(status=Status.ARCHIVED)).items
    assert found.name == DIGITS
    status = next(f for f in catalog.facets(SearchQuery()) if f.field == "status")
    assert status.counts == (("archived", 1),)


def test_a_licence_is_found_however_it_is_typed(catalog: Catalog) -> None:
    (found,) = catalog.search(SearchQuery()).items
    assert found.version is not None
    assert found.version.licence == "Apache-2.0"
    assert len(catalog.search(SearchQuery(licence="apache-2.0")).items) == 1
    assert not catalog.search(SearchQuery(licence="mit")).items


@pytest.mark.parametrize(
    "verb",
    [
        lambda catalog: catalog.version(DATA),
        lambda catalog: catalog.cards(DATA),
        lambda catalog: catalog.revise_card(DATA, CARD),
        lambda catalog: catalog.tag(DATA, {"a": "b"}),
        lambda catalog: catalog.set_alias(DATA, "champion"),
        lambda catalog: catalog.delete(DATA),
        lambda catalog: catalog.delete(replace(DATA, number=1)),
    ],
    ids=["version", "cards", "revise_card", "tag", "set_alias", "delete", "delete a version"],
)
def test_a_dataset_is_not_taken_for_the_model_of_its_name(
    verb: Callable[[Catalog], object], admin: Catalog, team: Team
) -> None:
    before = team.actions()
    with pytest.raises(BadReferenceError, match=r"datasets:/vision/digits(/1)? is not a model"):
        verb(admin)
    assert team.actions() == before
    assert admin.model(DIGITS).summary.versions == 2


@pytest.mark.parametrize("target", ["models:/vision/digits", "models:/vision/digits/1"])
def test_a_model_or_version_has_no_more_than_a_hundred_tags(catalog: Catalog, target: str) -> None:
    where = Reference.parse(target)
    catalog.tag(where, {f"t{number}": "x" for number in range(MAX_TAGS)})
    with pytest.raises(InvalidError, match="101 tags; at most 100"):
        catalog.tag(where, {"one-more": "x"})
    catalog.tag(where, {"t0": None})
    catalog.tag(where, {"one-more": "x"})


def test_tags_are_set_and_removed_on_a_model_or_on_one_version(catalog: Catalog) -> None:
    catalog.tag(MODEL, {"team": "cv", "eu": ""})
    catalog.tag(MODEL, {"eu": None})
    catalog.tag(FIRST, {"seed": "7"})
    first = catalog.version(FIRST)
    assert (first.model.tags, first.tags) == ({"team": "cv"}, {"seed": "7"})
    assert catalog.version(MODEL).tags == {}
    with pytest.raises(InvalidError, match="no tag to set"):
        catalog.tag(MODEL, {})


def test_a_new_description_takes_the_place_of_the_old(catalog: Catalog) -> None:
    told = catalog.describe(DIGITS, describing(description="Reads team numbers", tags={"lang": "none"})).summary
    assert (told.description, told.tags) == ("Reads team numbers", {"lang": "none"})
    assert catalog.describe(DIGITS, describing(task="image-to-text")).summary.tags == {}


def test_a_card_is_revised_and_the_version_stays_what_it_is(catalog: Catalog) -> None:
    before = catalog.version(FIRST).summary.digest
    assert catalog.revise_card(FIRST, CARD + "Better.\n").number == 2
    after = catalog.version(FIRST)
    assert after.summary.digest == before
    assert after.card is not None
    assert after.card.text.endswith("Better.\n")
    assert [card.number for card in catalog.cards(FIRST)] == [1, 2]


@pytest.mark.parametrize("text", ["a: 2026-13-99", "a: " + "[" * 5000, "a: " + "9" * 5000, "- a", "a: b: c"])
def test_a_card_that_nobody_could_read_is_refused(text: str, catalog: Catalog) -> None:
    with pytest.raises(InvalidError, match="front matter"):
        catalog.revise_card(FIRST, f"---\n{text}\n---\n")


def test_history_lists_events_of_the_model_and_its_versions_newest_first(catalog: Catalog, team: Team) -> None:
    team.publish("vision/digits-2")
    catalog.tag(MODEL, {"team": "cv"})
    page = catalog.history(DIGITS, PageRequest(limit=2))
    assert [(e.action, e.subject) for e in page.items] == [
        ("tags.set", "models:/vision/digits"),
        ("model_version.transferred", "models:/vision/digits/2"),
    ]
    rest = catalog.history(DIGITS, PageRequest(limit=2, cursor=page.next_cursor))
    assert [e.subject for e in rest.items] == ["models:/vision/digits/1"]
    assert rest.next_cursor is None
    with pytest.raises(NotFoundError):
        catalog.history(Name("vision", "none"), PageRequest())


def test_the_aliases_of_what_is_deleted_go_with_it(catalog: Catalog, admin: Catalog, team: Team) -> None:
    second = Reference.parse("models:/vision/digits/2")
    catalog.set_alias(second, "champion")
    catalog.set_alias(FIRST, "blue")
    admin.delete(second)
    assert [one.alias for one in catalog.model(DIGITS).aliases] == ["blue"]
    assert catalog.alias_history(DIGITS, "champion")[-1].ref is None
    assert team.actions()[-2:] == ["alias.dropped", "model_version.deleted"]
    admin.delete(MODEL)
    assert team.actions()[-2:] == ["alias.dropped", "model.deleted"]


def test_what_was_promoted_or_has_a_protected_alias_is_not_deleted(
    catalog: Catalog, admin: Catalog, team: Team
) -> None:
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_alias(
            "live", VersionRef(AssetKind.MODELS, DIGITS, 1), protected=True, by="root", at=team.clock.now()
        )
        uow.commit(Event("alias.moved", str(FIRST), {}))
    for target in (FIRST, MODEL):
        with pytest.raises(ConflictError, match="has the protected alias live"):
            admin.delete(target)
    assert [one.alias for one in catalog.model(DIGITS).aliases] == ["live"]


def test_what_was_promoted_is_not_deleted(catalog: Catalog, admin: Catalog, team: Team) -> None:
    bring_to(team, catalog.version(FIRST).summary.ref, "candidate")
    for target in (FIRST, MODEL):
        with pytest.raises(ConflictError, match="is in the stage candidate"):
            admin.delete(target)


def test_a_deleted_number_or_name_is_never_used_again(admin: Catalog, team: Team) -> None:
    admin.delete(Reference.parse("models:/vision/digits/2"))
    assert [v.ref.number for v in admin.versions(DIGITS, PageRequest()).items] == [1]
    assert team.publish().number == 3
    admin.delete(MODEL)
    with pytest.raises(NotFoundError):
        admin.model(DIGITS)
    with pytest.raises(NameTakenError):
        team.publish("vision/digits")


def test_the_end_of_a_version_needs_a_reason_and_deleting_an_admin(catalog: Catalog) -> None:
    with pytest.raises(InvalidError, match="A reason is needed"):
        catalog.set_status(FIRST, Status.DEPRECATED, "  ")
    catalog.set_status(FIRST, Status.DEPRECATED, "see 2")
    assert catalog.version(FIRST).status_reason == "see 2"
    with pytest.raises(PermissionDeniedError):
        catalog.delete(FIRST)


def test_who_only_reads_changes_nothing(catalog: Catalog, team: Team) -> None:
    guest, before = Catalog(team.context("guest")), team.actions()
    assert guest.version(FIRST).summary.ref.number == 1
    for change in (lambda: guest.set_alias(FIRST, "mine"), lambda: guest.tag(MODEL, {"a": "b"})):
        with pytest.raises(PermissionDeniedError):
            change()
    assert team.actions() == before


def test_a_file_of_a_version_is_read_by_range(catalog: Catalog, team: Team) -> None:
    team.blobs.put(BytesIO(b"{}"))
    with catalog.open_file(FIRST, "config.json", start=1, length=1) as stream:
        assert stream.read() == b"}"
    with pytest.raises(NotFoundError, match="models:/vision/digits/1 has no file 'none'"):
        catalog.open_file(FIRST, "none")
