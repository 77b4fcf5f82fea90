"""Lists by comparisons, on both databases: what is found, in which order, and how many statements that takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from registry.domain.catalog.models import SearchQuery, Status
from registry.domain.catalog.picking import Comparison, ListedModel, ListedVersion, Of, Picked, Sort
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.errors import BadCursorError
from registry.services.unit_of_work import UnitOfWork
from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_model, add_version

ADDRESSES = "http://here/files"


@pytest.fixture
def uow(open_uow: Factory) -> Iterator[UnitOfWork]:
    """Four models; one has three versions in two stages, and one has none."""
    with open_uow(actor="ana", write=True) as uow:
        first = add_version(uow, "vision/digits", at=NOW, tags={"run": "r1", "x": "A_b%"})
        for minute, stage in enumerate(("production", "registered"), start=1):
            add_version(uow, "vision/digits", stage=stage, at=NOW + timedelta(minutes=minute), tags={"run": "r2"})
        add_version(uow, "vision/digits-2", at=NOW + timedelta(minutes=3))
        add_version(uow, "text/mails", at=NOW + timedelta(minutes=4))
        add_model(uow, "vision/planned", at=NOW + timedelta(minutes=5), tags={"team": "cv"})
        uow.catalog.set_tags(Name("vision", "digits"), {"team": "Cv", "note": "a[b]*?"}, at=NOW)
        uow.catalog.add_card(first, "# One", by="ana", at=NOW)
        uow.catalog.add_card(first, "# Two", by="ana", at=NOW)
        uow.catalog.set_alias("best", first, protected=False, by="ana", at=NOW)
        yield uow


def models(uow: UnitOfWork, *comparisons: Comparison, order: tuple[tuple[Sort, bool], ...] = ()) -> list[str]:
    return [str(one.summary.name) for one in uow.catalog.list_models(Picked(comparisons, order)).items]


def versions(uow: UnitOfWork, *comparisons: Comparison, order: tuple[tuple[Sort, bool], ...] = ()) -> list[str]:
    page = uow.catalog.list_versions(Picked(comparisons, order, addresses=ADDRESSES))
    return [one.summary.ref.label for one in page.items]


def ref(text: str) -> VersionRef:
    name, _, number = text.rpartition("/")
    return VersionRef(AssetKind.MODELS, Name.parse(name), int(number))


def name(operator: str, value: str | tuple[str, ...]) -> Comparison:
    return Comparison(Of.NAME, operator, value)


def tag(key: str, operator: str, value: str, absent: str | None = None) -> Comparison:
    return Comparison(Of.TAG, operator, value, key, absent)


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (name("=", "vision/digits"), ["vision/digits"]),
        (name("!=", "vision/digits"), ["text/mails", "vision/digits-2", "vision/planned"]),
        (name("IN", ("vision/digits", "no/such")), ["vision/digits"]),
        (name("NOT IN", ("vision/digits", "text/mails")), ["vision/digits-2", "vision/planned"]),
        (name("LIKE", "vision/d%"), ["vision/digits", "vision/digits-2"]),
        (name("LIKE", "vision/digit_"), ["vision/digits"]),
        (name("LIKE", "%digits"), ["vision/digits"]),
        (name("LIKE", "VISION%"), []),
        (name("LIKE", ""), []),
        (name("ILIKE", "VISION/D%"), ["vision/digits", "vision/digits-2"]),
        (tag("team", "=", "cv"), ["vision/planned"]),
        (tag("team", "!=", "cv"), ["vision/digits"]),
        (tag("team", "LIKE", "c%"), ["vision/planned"]),
        (tag("team", "ILIKE", "c%"), ["vision/digits", "vision/planned"]),
        (tag("note", "LIKE", "a[b]*_"), ["vision/digits"]),
        (tag("note", "LIKE", "ab*_"), []),
        (Comparison(Of.NUMBER, "=", 1), []),
    ],
)
def test_models_are_picked_by_name_and_tag(uow: UnitOfWork, comparison: Comparison, expected: list[str]) -> None:
    assert models(uow, comparison) == expected


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (name("=", "vision/digits"), ["vision/digits/3", "vision/digits/2", "vision/digits/1"]),
        (name("LIKE", "vision/digits_2"), ["vision/digits-2/1"]),
        (Comparison(Of.NUMBER, ">=", 2), ["vision/digits/3", "vision/digits/2"]),
        (Comparison(Of.NUMBER, "!=", 1), ["vision/digits/3", "vision/digits/2"]),
        (tag("run", "=", "r1"), ["vision/digits/1"]),
        (
            tag("run", "!=", "r1", absent=""),
            ["text/mails/1", "vision/digits-2/1", "vision/digits/3", "vision/digits/2"],
        ),
        (tag("run", "=", "", absent=""), ["text/mails/1", "vision/digits-2/1"]),
        (tag("run", "LIKE", "%", absent=""), 5),
        (tag("run", "ILIKE", "R%", absent=""), ["vision/digits/3", "vision/digits/2", "vision/digits/1"]),
        (tag("x", "LIKE", "A__%"), ["vision/digits/1"]),
        (tag("x", "LIKE", "a%"), []),
        (Comparison(Of.ADDRESS, "LIKE", "%/vision.digits/2"), ["vision/digits/2"]),
        (Comparison(Of.ADDRESS, "=", f"{ADDRESSES}/text.mails/1"), ["text/mails/1"]),
    ],
)
def test_versions_are_picked_by_name_number_tag_and_address(
    uow: UnitOfWork, comparison: Comparison, expected: list[str] | int
) -> None:
    found = versions(uow, comparison)
    assert (len(found) if isinstance(expected, int) else found) == expected


def test_all_comparisons_hold_and_the_order_may_have_several_keys(uow: UnitOfWork) -> None:
    both = (name("LIKE", "vision/%"), tag("team", "ILIKE", "cv"))
    assert models(uow, *both, order=((Sort.CREATED, True),)) == ["vision/planned", "vision/digits"]
    assert models(uow, order=((Sort.UPDATED, False), (Sort.NAME, True)))[-1] == "vision/planned"
    by_number = versions(uow, order=((Sort.NUMBER, False), (Sort.NAME, True)))
    assert by_number == ["vision/digits-2/1", "vision/digits/1", "text/mails/1", "vision/digits/2", "vision/digits/3"]


def test_a_version_is_updated_by_its_card_its_stage_and_its_status_and_by_no_tag(uow: UnitOfWork) -> None:
    first, second, mails = (ref(one) for one in ("vision/digits/1", "vision/digits/2", "text/mails/1"))
    uow.catalog.set_status(first, Status.DEPRECATED, "old", at=NOW + timedelta(hours=3))
    uow.catalog.set_stage(mails, "production", at=NOW + timedelta(hours=2))
    uow.catalog.add_card(second, "# Three", by="ana", at=NOW + timedelta(hours=1))
    uow.catalog.set_tags(ref("vision/digits/3"), {"a": "b"}, at=NOW + timedelta(hours=4))
    newest = ["vision/digits/1", "text/mails/1", "vision/digits/2", "vision/digits-2/1", "vision/digits/3"]
    assert versions(uow, order=((Sort.UPDATED, True),)) == newest
    assert versions(uow, order=((Sort.UPDATED, False),)) == newest[::-1]
    detail = uow.catalog.version(second)
    assert detail is not None
    assert detail.updated_at == NOW + timedelta(hours=1)


def test_a_card_that_the_registry_wrote_is_nobodys_words(uow: UnitOfWork) -> None:
    mails = ref("text/mails/1")
    uow.catalog.add_card(mails, "# Made", by="ana", at=NOW, generated=True)
    listed = uow.catalog.list_versions(Picked((name("=", "text/mails"),))).items
    detail = uow.catalog.version(mails)
    assert detail is not None
    assert detail.card is not None
    assert (listed[0].card, detail.card.text, detail.card.generated) == ("", "# Made", True)
    assert [one.generated for one in uow.catalog.cards(mails)] == [True]
    uow.catalog.add_card(mails, "# Said", by="ana", at=NOW)
    assert uow.catalog.list_versions(Picked((name("=", "text/mails"),))).items[0].card == "# Said"


def test_the_value_of_a_tag_may_be_longer_than_an_index_takes(uow: UnitOfWork) -> None:
    digits, first = Name("vision", "digits"), ref("vision/digits/1")
    long = "".join(f"\N{GRINNING FACE}{one}" for one in range(1200))[:5000]
    other = long[:4999] + "!"
    for at, value in ((digits, other), (digits, long), (first, long)):
        found = uow.catalog.set_tags(at, {"long": value, "short": "a"}, at=NOW)
        assert found is not None
        assert (found["long"], found["short"]) == (value, "a")
    model, version = uow.catalog.model(digits), uow.catalog.version(first)
    assert model is not None
    assert version is not None
    assert model.summary.tags["long"] == version.tags["long"] == version.model.tags["long"] == long
    assert models(uow, tag("long", "=", long)) == models(uow, tag("long", "LIKE", f"%{long[-9:]}")) == [str(digits)]
    assert versions(uow, tag("long", "=", long)) == ["vision/digits/1"]
    assert models(uow, tag("long", "=", other)) == models(uow, tag("long", "=", long[:512])) == []
    (picked,) = uow.catalog.search(SearchQuery(tags=(f"long={long}",))).items
    assert picked.tags["long"] == long
    assert uow.catalog.search(SearchQuery(tags=(f"long={other}",))).items == []


def test_a_listed_model_has_its_aliases_and_the_newest_version_of_each_stage(uow: UnitOfWork) -> None:
    (digits,) = uow.catalog.list_models(Picked((name("=", "vision/digits"),))).items
    assert [(one.alias, one.ref.number) for one in digits.aliases] == [("best", 1)]
    assert [(one.summary.ref.number, one.summary.stage) for one in digits.newest] == [
        (3, "registered"),
        (2, "production"),
    ]
    (planned,) = uow.catalog.list_models(Picked((name("=", "vision/planned"),))).items
    assert (planned.summary.version, planned.newest) == (None, ())
    first = uow.catalog.list_versions(Picked((tag("run", "=", "r1"),))).items[0]
    assert (first.card, first.tags["x"], first.summary.aliases) == ("# Two", "A_b%", ("best",))
    assert first.step.startswith("step-")


def test_pages_hold_together_and_a_cursor_is_of_its_own_list(uow: UnitOfWork) -> None:
    def through(limit: int) -> list[VersionRef]:
        found: list[VersionRef] = []
        cursor = None
        while True:
            page = uow.catalog.list_versions(Picked(page=PageRequest(limit, cursor)))
            found += [one.summary.ref for one in page.items]
            if (cursor := page.next_cursor) is None:
                return found

    assert through(1) == through(2) == through(100)
    cursor = uow.catalog.list_versions(Picked(page=PageRequest(1))).next_cursor
    with pytest.raises(BadCursorError):
        uow.catalog.list_models(Picked(page=PageRequest(1, cursor)))


def test_a_deleted_version_and_a_deleted_model_are_not_listed(uow: UnitOfWork) -> None:
    uow.catalog.delete_version(VersionRef(AssetKind.MODELS, Name("vision", "digits"), 3), at=NOW)
    uow.catalog.delete_model(Name("text", "mails"), at=NOW)
    assert versions(uow) == ["vision/digits-2/1", "vision/digits/2", "vision/digits/1"]
    assert "text/mails" not in models(uow)


def test_a_page_takes_as_many_statements_for_many_rows_as_for_few(database: Database, uow: UnitOfWork) -> None:
    def asked(picked: Picked) -> tuple[int, int]:
        statements: list[str] = []

        def note(_c: object, _u: object, statement: str, *_rest: object) -> None:
            statements.append(statement)

        event.listen(database.engine, "before_cursor_execute", note)
        try:
            pages: tuple[Page[ListedModel], Page[ListedVersion]] = (
                uow.catalog.list_models(picked),
                uow.catalog.list_versions(picked),
            )
        finally:
            event.remove(database.engine, "before_cursor_execute", note)
        return len(statements), sum(len(one.items) for one in pages)

    few, _ = asked(Picked((name("LIKE", "vision/%"),), page=PageRequest(500)))
    for number in range(30):
        add_version(uow, f"vision/more-{number}", at=NOW)
    many, rows = asked(Picked((name("LIKE", "vision/%"),), page=PageRequest(500)))
    assert rows > 60
    assert many == few


IN_ORDER = (
    Picked(),
    Picked(order=((Sort.UPDATED, True),)),
    Picked((name("LIKE", "%digits%"),), order=((Sort.UPDATED, False),)),
    Picked(order=((Sort.NAME, False),)),
)
SORTED = (Picked((name("=", "vision/digits"),)), Picked((name("LIKE", "vision/%"),)), Picked(team="vision"))


def test_versions_are_read_in_the_order_of_the_page_unless_few_have_the_name(
    database: Database, uow: UnitOfWork
) -> None:
    if database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps statistics, and decides by them")

    def is_sorted(picked: Picked) -> bool:
        asked: list[tuple[Any, str, Any]] = []

        def note(connection: Any, _cursor: object, statement: str, given: Any, *_rest: object) -> None:
            asked.append((connection, statement, given))

        event.listen(database.engine, "before_cursor_execute", note)
        try:
            uow.catalog.list_versions(picked)
        finally:
            event.remove(database.engine, "before_cursor_execute", note)
        connection, statement, given = asked[0]
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
        return "USE TEMP B-TREE FOR ORDER BY" in plan

    assert [is_sorted(picked) for picked in IN_ORDER] == [False] * 4
    assert [is_sorted(picked) for picked in SORTED] == [True] * 3
