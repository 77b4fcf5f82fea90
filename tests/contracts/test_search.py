"""What a search over registered models finds, in which order, and how its pages hold together."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event

from registry.domain.catalog.models import MetricComparison, Modality, SearchQuery, SortKey, Status
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import PageRequest
from registry.errors import BadCursorError
from registry.services.unit_of_work import UnitOfWork
from registry.storage.catalog import changes, search, wording
from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_model, add_version, metric


@pytest.fixture
def uow(open_uow: Factory) -> Iterator[UnitOfWork]:
    """A small library: five models, one of them without a version."""
    with open_uow(actor="ana", write=True) as uow:
        add_version(
            uow, "vision/digits", measured=[metric(0.80)], stage="production", description="Reads 100% of digits",
            tags={"team": "cv"}, at=NOW,
        )  # fmt: skip
        add_version(uow, "vision/digits", measured=[metric(0.95)], at=NOW + timedelta(minutes=1))
        add_version(
            uow, "vision/letters", measured=[metric(0.90), metric(0.99, role="validation")], licence="MIT",
            origin="https://example.org", at=NOW + timedelta(minutes=2), tags={"note": "Großbuchstaben"},
        )  # fmt: skip
        add_version(
            uow, "text/mails", task="text-classification", modality=Modality.TEXT, tags={"lang": "de"},
            measured=[metric(0.70), metric(0.99, data="a later test set"), metric(0.6, name="f1")],
            at=NOW + timedelta(minutes=3),
        )  # fmt: skip
        add_version(uow, "text/news", task="text-classification", modality=Modality.TEXT, at=NOW + timedelta(minutes=4))
        add_model(uow, "vision/planned", owner="bo", at=NOW + timedelta(minutes=5))
        yield uow


def found(uow: UnitOfWork, **query: Any) -> set[str]:
    return {str(item.name) for item in uow.catalog.search(SearchQuery(**query)).items}


def better(text: str) -> tuple[MetricComparison, ...]:
    return (MetricComparison.parse(text),)


def test_without_conditions_everything_is_found_last_changed_first(uow: UnitOfWork) -> None:
    page = uow.catalog.search(SearchQuery())
    assert [str(item.name) for item in page.items] == [
        "vision/planned",
        "text/news",
        "text/mails",
        "vision/letters",
        "vision/digits",
    ]
    assert page.items[0].version is None
    newest = page.items[-1].version
    assert newest is not None
    assert (newest.ref.number, newest.metrics) == (2, {"accuracy": 0.95})


def test_each_filter_holds(uow: UnitOfWork) -> None:
    assert found(uow, task="text-classification") == {"text/mails", "text/news"}
    assert found(uow, modality=Modality.IMAGE) == {"vision/digits", "vision/letters", "vision/planned"}
    assert found(uow, licence="MIT") == {"vision/letters"}
    assert found(uow, origin="https://example.org") == {"vision/letters"}
    assert found(uow, owner="bo") == {"vision/planned"}
    assert found(uow, stage="production") == {"vision/digits"}
    assert found(uow, status=Status.ACTIVE) == {"vision/digits", "vision/letters", "text/mails", "text/news"}
    assert found(uow, tags=("team",)) == {"vision/digits"}
    assert found(uow, tags=("lang=de",)) == {"text/mails"}
    assert found(uow, tags=("lang=en",)) == set()
    assert found(uow, tags=("note",)) == {"vision/letters"}


def test_all_conditions_hold_for_one_version(uow: UnitOfWork) -> None:
    assert found(uow, stage="production", metrics=better("metrics.accuracy < 0.9")) == {"vision/digits"}
    assert found(uow, stage="production", metrics=better("metrics.accuracy > 0.9")) == set()
    (item,) = uow.catalog.search(SearchQuery(stage="production")).items
    assert item.version is not None
    assert item.version.ref.number == 1
    assert item.versions == 2


@pytest.mark.parametrize(
    ("comparison", "models"),
    [
        ("metrics.accuracy > 0.9", {"vision/digits"}),
        ("metrics.accuracy >= 0.9", {"vision/digits", "vision/letters"}),
        ("metrics.accuracy < 0.8", {"text/mails"}),
        ("metrics.accuracy <= 0.8", {"text/mails", "vision/digits"}),
        ("metrics.accuracy == 0.7", {"text/mails"}),
        ("metrics.accuracy != 0.7", {"vision/digits", "vision/letters"}),
        ("metrics.f1 > 0", {"text/mails"}),
        ("metrics.none > 0", set()),
    ],
)
def test_a_metric_means_the_first_on_the_test_role(uow: UnitOfWork, comparison: str, models: set[str]) -> None:
    assert found(uow, metrics=better(comparison)) == models


def test_every_word_of_the_text_must_match_somewhere(uow: UnitOfWork) -> None:
    assert found(uow, text="digits") == {"vision/digits"}
    assert found(uow, text="VISION reads") == {"vision/digits"}
    assert found(uow, text="cv vision") == {"vision/digits"}
    assert found(uow, text="digits letters") == set()
    assert found(uow, text="grossBUCHSTABEN") == {"vision/letters"}


def test_punctuation_separates_the_words_of_a_search_and_is_not_searched_itself(uow: UnitOfWork) -> None:
    assert found(uow, text="100%") == {"vision/digits"}
    assert found(uow, text="vision/digits") == {"vision/digits"}
    assert found(uow, text="digits/vision") == set(), "words joined by punctuation stand in this order"
    assert found(uow, text="digits -") == {"vision/digits"}
    for text in ("%", "_", "/", "\\", "'", '"', "*", ":*", "-"):
        assert found(uow, text=text) == set()
    assert found(uow, text="'digits\" OR (*) <-> & !") == set()


def test_a_word_is_found_by_its_beginning(uow: UnitOfWork) -> None:
    assert found(uow, text="dig") == {"vision/digits"}
    assert found(uow, text="igits") == set()
    assert found(uow, text="großb") == {"vision/letters"}


def test_deleted_versions_and_models_are_not_found(uow: UnitOfWork) -> None:
    newest = uow.catalog.search(SearchQuery(text="digits")).items[0].version
    assert newest is not None
    uow.catalog.delete_version(newest.ref, at=NOW)
    assert found(uow, metrics=better("metrics.accuracy > 0.9")) == set()
    uow.catalog.delete_model(Name.parse("text/mails"), at=NOW)
    assert "text/mails" not in found(uow)


def test_facets_count_models_for_each_value(uow: UnitOfWork) -> None:
    facets = {facet.field: dict(facet.counts) for facet in uow.catalog.facets(SearchQuery())}
    assert facets["task"] == {"image-classification": 3, "text-classification": 2}
    assert facets["modality"] == {"image": 3, "text": 2}
    assert facets["stage"] == {"registered": 4, "production": 1}
    assert facets["status"] == {"active": 4}
    assert facets["licence"] == {"Apache-2.0": 3, "MIT": 1}
    assert facets["owner"] == {"ana": 4, "bo": 1}
    assert facets["tag"] == {"lang": 1, "note": 1, "team": 1}


@pytest.mark.parametrize(
    "query",
    [
        SearchQuery(stage="registered"),
        SearchQuery(status=Status.ACTIVE),
        SearchQuery(status=Status.ARCHIVED),
        SearchQuery(licence="Apache-2.0", owner="ana"),
        SearchQuery(task="image-classification", stage="registered", status=Status.ACTIVE),
        SearchQuery(modality=Modality.TEXT, origin="internal"),
        SearchQuery(owner="nobody"),
    ],
    ids=str,
)
def test_facets_are_the_same_from_packed_rows_from_old_blocks_and_from_rows_alone(
    uow: UnitOfWork, monkeypatch: pytest.MonkeyPatch, query: SearchQuery
) -> None:
    by_rows = uow.catalog.facets(query), uow.catalog.facets(query, ["vision"])
    uow.catalog.rebuild_listings()
    monkeypatch.setattr(search, "FEW", -1)  # matches are never few: blocks are read
    assert (uow.catalog.facets(query), uow.catalog.facets(query, ["vision"])) == by_rows
    add_version(uow, "text/news", licence="MIT", stage="production", tags={"run": "7"}, at=NOW + timedelta(minutes=6))
    uow.catalog.set_status(VersionRef(AssetKind.MODELS, Name.parse("text/news"), 1), Status.ARCHIVED, "", at=NOW)
    uow.catalog.delete_version(VersionRef(AssetKind.MODELS, Name.parse("vision/digits"), 1), at=NOW)
    uow.catalog.delete_model(Name.parse("text/mails"), at=NOW)
    changed = uow.catalog.facets(query), uow.catalog.facets(query, ["vision"])
    assert uow.catalog.listing_faults() == {}
    monkeypatch.setattr(changes, "FEW", 0)
    assert uow.catalog.pack_facets()
    assert not uow.catalog.pack_facets(), "all is packed"
    assert (uow.catalog.facets(query), uow.catalog.facets(query, ["vision"])) == changed
    monkeypatch.undo()
    assert (uow.catalog.facets(query), uow.catalog.facets(query, ["vision"])) == changed
    assert changed != by_rows or query.owner == "nobody"


def test_a_facet_ignores_its_own_filter_and_obeys_the_others(uow: UnitOfWork) -> None:
    query = SearchQuery(task="text-classification", licence="Apache-2.0")
    facets = {facet.field: dict(facet.counts) for facet in uow.catalog.facets(query)}
    assert facets["task"] == {"image-classification": 1, "text-classification": 2}
    assert facets["modality"] == {"text": 2}
    assert facets["licence"] == {"Apache-2.0": 2}


def names_in_order(uow: UnitOfWork, query: SearchQuery) -> list[str]:
    return [str(item.name) for item in uow.catalog.search(query).items]


def test_a_metric_sorts_and_models_without_it_come_last(uow: UnitOfWork) -> None:
    best_first = SearchQuery(sort=SortKey.METRIC, sort_metric="accuracy")
    assert names_in_order(uow, best_first)[:3] == ["vision/digits", "vision/letters", "text/mails"]
    worst_first = replace(best_first, descending=False)
    assert names_in_order(uow, worst_first)[:3] == ["text/mails", "vision/letters", "vision/digits"]


def test_names_sort_by_their_bytes(uow: UnitOfWork) -> None:
    for name in ("a/b", "a/b-c", "a/b_c2", "a/b1"):
        add_model(uow, name)
    assert names_in_order(uow, SearchQuery(sort=SortKey.NAME, descending=False))[:4] == [
        "a/b",
        "a/b-c",
        "a/b1",
        "a/b_c2",
    ]


def all_pages(uow: UnitOfWork, query: SearchQuery, limit: int) -> list[str]:
    names: list[str] = []
    cursor: str | None = None
    while True:
        page = uow.catalog.search(replace(query, page=PageRequest(limit, cursor)))
        assert len(page.items) <= limit
        names += [str(item.name) for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return names


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sort=st.sampled_from(SortKey), descending=st.booleans(), limit=st.integers(1, 7))
def test_the_pages_together_are_the_whole_list(uow: UnitOfWork, sort: SortKey, descending: bool, limit: int) -> None:
    query = SearchQuery(sort=sort, sort_metric="accuracy" if sort is SortKey.METRIC else None, descending=descending)
    assert all_pages(uow, query, limit) == names_in_order(uow, query)


def test_pages_stay_right_while_rows_come_and_go(uow: UnitOfWork) -> None:
    query = SearchQuery(sort=SortKey.NAME, descending=False, page=PageRequest(2))
    first = uow.catalog.search(query)
    assert [str(item.name) for item in first.items] == ["text/mails", "text/news"]
    add_model(uow, "text/aaa")
    uow.catalog.delete_model(Name.parse("text/news"), at=NOW)
    second = uow.catalog.search(replace(query, page=PageRequest(2, first.next_cursor)))
    assert [str(item.name) for item in second.items] == ["vision/digits", "vision/letters"]


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def test_a_cursor_of_another_query_is_refused(uow: UnitOfWork) -> None:
    cursor = uow.catalog.search(SearchQuery(page=PageRequest(1))).next_cursor
    assert cursor is not None
    mark = json.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
    bad = ["", "%%%", "é", "e30", forged(), forged(mark), forged(mark, "2026"), forged(mark, NOW.isoformat(), "1")]
    bad += [
        forged(mark, "2026-11-23T09:30:00", 1),
        forged(mark, NOW.isoformat(), 2**70),
        forged("other", NOW.isoformat(), 1),
    ]
    for text in bad:
        with pytest.raises(BadCursorError):
            uow.catalog.search(SearchQuery(page=PageRequest(1, text)))
    with pytest.raises(BadCursorError):
        uow.catalog.search(SearchQuery(text="digits", page=PageRequest(1, cursor)))


def test_a_page_takes_as_many_queries_however_long_it_is(database: Database, uow: UnitOfWork) -> None:
    counted: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        counted.append(statement)

    sqlalchemy_event.listen(database.engine, "before_cursor_execute", count)
    uow.catalog.search(SearchQuery(page=PageRequest(1)))
    short = len(counted)
    uow.catalog.search(SearchQuery(page=PageRequest(50)))
    assert len(counted) - short == short <= 8


def test_words_are_found_in_architecture_task_and_the_newest_card(uow: UnitOfWork) -> None:
    ref = add_version(uow, "text/other", task="feature-extraction", architecture="transformers:BertModel")
    uow.catalog.add_card(ref, "# Sentence EMBEDDINGS\n", by="ana", at=NOW)
    assert found(uow, text="bert") == {"text/other"}
    assert found(uow, text="embeddings") == {"text/other"}
    assert found(uow, text="feature-extraction bert") == {"text/other"}
    uow.catalog.add_card(ref, "# Rewritten\n", by="ana", at=NOW)
    assert found(uow, text="embeddings") == set()


def test_known_values_are_those_of_live_models(uow: UnitOfWork) -> None:
    assert uow.catalog.known("task") == ["image-classification", "text-classification"]
    assert uow.catalog.known("stage") == ["production", "registered"]
    assert uow.catalog.known("metric") == ["accuracy", "f1"]
    assert uow.catalog.known("owner") == ["ana", "bo"]


@pytest.mark.parametrize("sort", [SortKey.NAME, SortKey.UPDATED])
@pytest.mark.parametrize(
    "forged",
    [
        None,
        True,
        {},
        [],
        "",
        "\x00",
        "\ud800",
        10**400,
        -(2**63),
        1e999,
        "2026-11-23",
        "2026-11-23T04:05:06",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_a_cursor_that_was_written_by_somebody_else_is_refused_or_leads_to_a_page(
    uow: UnitOfWork, sort: SortKey, forged: object
) -> None:
    query = SearchQuery(sort=sort, page=PageRequest(1))
    cursor = uow.catalog.search(query).next_cursor
    assert cursor is not None
    mark, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for place in range(len(values)):
        changed = [*values[:place], forged, *values[place + 1 :]]
        written = base64.urlsafe_b64encode(json.dumps([mark, *changed]).encode()).decode()
        with suppress(BadCursorError):
            uow.catalog.search(replace(query, page=PageRequest(1, written)))


@pytest.mark.parametrize(
    ("few", "fewer", "stages"),
    [
        (3000, 1500, ((1, 10),)),
        (3000, 0, ((1, 10),)),
        (0, 0, ((1, 10),)),
        (0, 0, ((1, 0), (2, 10))),
        (0, 0, ()),
    ],
)
def test_words_are_found_however_many_models_have_them(
    uow: UnitOfWork, monkeypatch: pytest.MonkeyPatch, few: int, fewer: int, stages: tuple[tuple[int, int], ...]
) -> None:
    """Models are walked, then looked up by their words, or passed over by them: the answer is the same."""
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "FEWER", fewer)
    monkeypatch.setattr(search, "PASSED_OVER", 1)
    monkeypatch.setattr(search, "STAGES", stages)
    monkeypatch.setattr(search, "_AT_ONCE", (1, 2))
    for sort in (SortKey.UPDATED, SortKey.NAME):
        query = SearchQuery(text="vision", sort=sort)
        assert sorted(all_pages(uow, query, 1)) == ["vision/digits", "vision/letters", "vision/planned"]
        assert all_pages(uow, query, 1) == names_in_order(uow, query)
        assert all_pages(uow, replace(query, text="vision mails"), 2) == []
        assert all_pages(uow, replace(query, text="digits", stage="production"), 2) == ["vision/digits"]


def test_a_model_with_more_words_than_are_kept_is_found_by_each_of_them(
    uow: UnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wording, "MOST_WORDS", 5)
    uow.catalog.set_tags(Name.parse("vision/digits"), {"a": "one two three", "b": "four five six"}, at=NOW)
    assert found(uow, text="digits five") == {"vision/digits"}
    assert found(uow, text="seven") == set()
    uow.catalog.set_tags(Name.parse("vision/digits"), {"a": "seven"}, at=NOW)
    assert found(uow, text="seven") == {"vision/digits"}
    assert uow.catalog.listing_faults() == {}
    uow.catalog.delete_model(Name.parse("vision/digits"), at=NOW)
    assert found(uow, text="seven") == set()
    assert uow.catalog.listing_faults() == {}


def test_words_that_no_model_has_are_known_by_those_that_are_spelt_alike(uow: UnitOfWork) -> None:
    spelt = {
        word: list(uow.catalog.spellings(word)) for word in ("digits", "dig", "digitz", "idgits", "visoin", "qqq", "")
    }
    assert spelt == {
        "digits": [["digits"]],
        "dig": [["dig"]],
        "digitz": [["digits"]],
        "idgits": [["digits"]],
        "visoin": [["vision"]],
        "qqq": [[]],
        "": [],
    }
    assert list(uow.catalog.spellings("letterz/reads")) == [["letters"], ["reads"]]
