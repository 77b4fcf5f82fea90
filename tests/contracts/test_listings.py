"""The rows that searches and facets read: true after every change of a model, and made anew from the models."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import event, text

from registry.domain.catalog.models import SearchQuery, Status
from registry.domain.names import Name, VersionRef
from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_dataset_version, add_model, add_version, describing, metric

MOST = 23
"""Statements for one more version of a model, with its step, files, edges and the rows that searches read."""
DIGITS = Name.parse("vision/digits")


def test_searches_read_what_the_models_say_after_every_kind_of_change(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        catalog = uow.catalog
        add_model(uow, "vision/planned", tags={"team": "cv"})
        first = add_version(uow, "vision/digits", measured=[metric(0.8), metric(0.1, data="later")], tags={"a": "1"})
        second = add_version(uow, "vision/digits", measured=[metric(0.9), metric(float("nan"), name="f1")])
        assert catalog.listing_faults() == {}
        catalog.set_tags(second, {"run": "7"}, at=NOW)
        catalog.set_tags(DIGITS, {"a": None, "b": "2"}, at=NOW)
        catalog.set_stage(second, "production", at=NOW)
        catalog.add_card(first, "# Card", by="ana", at=NOW)
        catalog.add_card(first, "# Rewritten", by="ana", at=NOW)
        catalog.describe(DIGITS, describing(task="object-detection"), at=NOW + timedelta(hours=1))
        assert catalog.listing_faults() == {}
        catalog.set_status(second, Status.ARCHIVED, "old", at=NOW)
        assert catalog.listing_faults() == {}
        catalog.delete_version(second, at=NOW)
        catalog.delete_version(first, at=NOW)
        assert catalog.listing_faults() == {}
        catalog.delete_model(DIGITS, at=NOW)
        assert catalog.listing_faults() == {}


def test_a_new_version_counts_for_what_no_other_version_that_is_in_use_has(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        catalog = uow.catalog

        def counts(field: str) -> dict[str, int]:
            assert catalog.listing_faults() == {}
            return next((dict(facet.counts) for facet in catalog.facets(SearchQuery()) if facet.field == field), {})

        add_model(uow, "vision/digits", tags={"a": "1"})
        first = add_version(uow, "vision/digits")
        assert counts("licence") == {"Apache-2.0": 1}
        second = add_version(uow, "vision/digits", licence="MIT", stage="candidate", tags={"b": "2"})
        assert counts("licence") == {"Apache-2.0": 1, "MIT": 1}
        add_version(uow, "vision/digits", licence="MIT", stage="candidate")
        assert counts("stage") == {"registered": 1, "candidate": 1}
        for ref in (first, second, VersionRef(second.kind, DIGITS, 3)):
            catalog.set_status(ref, Status.ARCHIVED, "old", at=NOW)
        assert (counts("task"), counts("tag")) == ({}, {})
        add_version(uow, "vision/digits", licence="MIT")
        assert (counts("status"), counts("tag")) == ({"archived": 1, "active": 1}, {"a": 1})
        assert (counts("task"), counts("licence")) == ({"image-classification": 1}, {"MIT": 1})


def test_a_version_with_three_edges_is_written_by_a_handful_of_statements(
    database: Database, open_uow: Factory
) -> None:
    with open_uow(actor="ana", write=True) as uow:
        parent, data = add_version(uow, "vision/digits"), add_dataset_version(uow, "vision/data")
        for _ in range(2):
            asked: list[str] = []

            def note(
                _connection: object, _cursor: object, statement: str, *_rest: object, to: list[str] = asked
            ) -> None:
                to.append(statement)

            event.listen(database.engine, "before_cursor_execute", note)
            add_version(uow, "vision/derived", parents=[parent], data={"train": data})
            event.remove(database.engine, "before_cursor_execute", note)
    assert len(asked) <= MOST


def test_rows_that_are_not_what_the_models_say_are_counted_and_made_anew(database: Database, open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_version(uow, "vision/digits", measured=[metric(0.8)])
        uow.commit_unaudited()
    with database.engine.begin() as connection:
        for change in (
            "UPDATE listing SET task = 'other'",
            "DELETE FROM headline",
            "UPDATE facet SET models = 7",
            "UPDATE document SET words = ' other'",
            "DELETE FROM facet_change",
        ):
            connection.execute(text(change))
    with open_uow(actor="ana", write=True) as uow:
        assert uow.catalog.listing_faults().keys() == {
            "listing",
            "headline",
            "facet",
            "facet_block",
            "document",
            "wording",
        }
        uow.catalog.rebuild_listings()
        assert uow.catalog.listing_faults() == {}
        facets = {facet.field: dict(facet.counts) for facet in uow.catalog.facets(SearchQuery())}
        assert facets["task"] == {"image-classification": 1}
