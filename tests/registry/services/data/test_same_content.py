"""Data that is registered again keeps the marks it had, however it is named, split, ordered or added to."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.domain.catalog.marks import NewMark
from registry.domain.data.datasets import SplitPlan
from registry.domain.governance.reviews.findings import Finding
from registry.domain.names import Reference
from registry.domain.people.people import Person
from registry.errors import ConflictError, PermissionDeniedError
from registry.services.audit.verbs import Audit
from registry.services.catalog import marks as catalog_marks
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data import marked_content, registering, same_content, stored_rows
from registry.services.governance.reviews.verbs import Reviews
from registry.services.lineage.verbs import Lineage
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.lineage.leaks import add, made, opened

ORIGINAL = Reference.parse("datasets:/data/reviews/1")


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """Twenty reviews, marked as personal data."""
    context = opened(open_uow, clock, tmp_path)
    Catalog(context).mark(ORIGINAL, NewMark("personal-data:names", "letters of customers"))
    return context


def lines(tmp_path: Path) -> list[str]:
    """Of the table, without its head."""
    return (tmp_path / "data" / "reviews.csv").read_text().splitlines()[1:]


def table(tmp_path: Path, name: str, rows: list[str]) -> Path:
    head = (tmp_path / "data" / "reviews.csv").read_text().splitlines()[0]
    file = tmp_path / "data" / f"{name}.csv"
    file.write_text("\n".join([head, *rows]) + "\n")
    return file


def marks(context: Context, name: str) -> dict[str, str]:
    """By mark, why it is there."""
    found = Lineage(context).marks(Reference.parse(name))
    return {one.mark: one.reason for one in found.marks}


def findings(context: Context, name: str) -> list[Finding]:
    return list(Reviews(context).findings(reference=Reference.parse(f"datasets:/data/{name}/1")).items)


def test_the_same_file_under_another_name_and_split_otherwise_has_the_marks_with_both_sides(
    context: Context, tmp_path: Path
) -> None:
    add(context, "clean", tmp_path / "data" / "reviews.csv", SplitPlan(seed=1))
    said = "Its file is one of datasets:/data/reviews/1"
    assert marks(context, "datasets:/data/clean") == {"personal-data:names": said}
    made(context, "{train: {dataset: datasets:/data/clean}}")
    assert marks(context, "models:/text/child") == {"personal-data:names": said}
    report = Audit(context).verify(state=True)
    assert (report.intact, report.differences) == (True, ())


@pytest.mark.parametrize("way", ["another order and one row more", "half of the rows among new ones", "as JSON lines"])
def test_the_same_rows_in_another_file_have_the_marks(context: Context, tmp_path: Path, way: str) -> None:
    rows = lines(tmp_path)
    more = [f"a new sentence with the number {n},{rows[n % 2].rpartition(',')[2]}" for n in range(60)]
    shuffled = random.Random(0).sample(rows, len(rows))
    if way == "another order and one row more":
        file = table(tmp_path, "clean", [*shuffled, more[0]])
    elif way == "half of the rows among new ones":
        file = table(tmp_path, "clean", [*shuffled[: len(rows) // 2], *more])
    else:
        file = tmp_path / "data" / "clean.jsonl"
        named = (dict(zip(("text", "label"), row.rsplit(",", 1), strict=True)) for row in shuffled)
        file.write_text("".join(json.dumps(one) + "\n" for one in named))
    add(context, "clean", file, SplitPlan(seed=3))
    (reason,) = marks(context, "datasets:/data/clean").values()
    assert "different rows are among the 20 of datasets:/data/reviews/1" in reason
    assert not findings(context, "clean")


def test_one_row_in_twenty_is_told_by_a_finding_and_no_row_by_nothing(context: Context, tmp_path: Path) -> None:
    rows = lines(tmp_path)
    more = [f"a new sentence with the number {n},{rows[n % 2].rpartition(',')[2]}" for n in range(60)]
    with context.write() as uow:
        uow.people.add(Person("ana", "Ana", ("admin",), context.clock.now()))
        uow.commit_unaudited()
    add(context, "one", table(tmp_path, "one", [rows[0], *more]), SplitPlan())
    assert marks(context, "datasets:/data/one") == {}
    (found,) = findings(context, "one")
    assert found.text == (
        "1 of its 61 different rows are among the 20 of datasets:/data/reviews/1. "
        "That data has the mark personal-data:names"
    )
    add(context, "none", table(tmp_path, "none", more[1:]), SplitPlan())
    assert (marks(context, "datasets:/data/none"), findings(context, "none")) == ({}, [])


def test_the_next_version_of_the_same_data_keeps_the_marks_too(context: Context, tmp_path: Path) -> None:
    add(context, "reviews", table(tmp_path, "more", [*lines(tmp_path), lines(tmp_path)[0] + "x"]), SplitPlan())
    assert list(marks(context, "datasets:/data/reviews/2")) == ["personal-data:names"]


def test_who_registered_it_again_does_not_take_the_mark_away(context: Context, tmp_path: Path) -> None:
    add(context, "clean", tmp_path / "data" / "reviews.csv", SplitPlan(seed=1))
    away = NewMark("personal-data:names", "it is other data", present=False)
    with pytest.raises(PermissionDeniedError, match="somebody else has to take away"):
        Catalog(context).mark(Reference.parse("datasets:/data/clean/1"), away)


def test_a_mark_that_is_set_while_the_rows_are_read_is_not_missed(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = same_content.compared

    def marked_meanwhile(*given: object) -> object:
        found = plain(*given)  # type: ignore[arg-type]
        Catalog(context).mark(ORIGINAL, NewMark("export:EAR99", "classified"))
        return found

    monkeypatch.setattr(registering, "compared", marked_meanwhile)
    with pytest.raises(ConflictError, match="changed while"):
        add(context, "clean", tmp_path / "data" / "reviews.csv", SplitPlan(seed=1))
    monkeypatch.undo()
    add(context, "clean", tmp_path / "data" / "reviews.csv", SplitPlan(seed=1))
    assert set(marks(context, "datasets:/data/clean")) == {"personal-data:names", "export:EAR99"}


# --- data that was registered before the mark ---------------------------------------------------------------------


@pytest.mark.parametrize("way", ["the same file", "the same rows in another order", "half of the rows"])
def test_data_that_was_registered_before_its_mark_gets_it_as_data_after_does(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, way: str
) -> None:
    context = opened(open_uow, clock, tmp_path)
    rows = lines(tmp_path)
    if way == "the same file":
        file = tmp_path / "data" / "reviews.csv"
    elif way == "half of the rows":
        file = table(tmp_path, "clean", rows[:10])
    else:
        file = table(tmp_path, "clean", rows[::-1])
    add(context, "clean", file, SplitPlan(seed=1))
    add(context, "other", table(tmp_path, "other", ["nothing of that,pos", "nor of this,neg"] * 3), SplitPlan())
    Catalog(context).mark(ORIGINAL, NewMark("personal-data:names", "letters of customers"))
    (reason,) = marks(context, "datasets:/data/clean").values()
    both = {"the same file": "Its file is one", "half of the rows": "10 of its 10 different rows are among the 20"}
    assert reason == f"{both.get(way, '20 of its 20 different rows are among the 20')} of datasets:/data/reviews/1"
    assert marks(context, "datasets:/data/other") == {}
    report = Audit(context).verify(state=True)
    assert (report.intact, report.differences) == (True, ())


def test_one_row_in_twenty_registered_before_the_mark_is_told_by_a_finding(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    context = opened(open_uow, clock, tmp_path)
    rows = lines(tmp_path)
    more = [f"a new sentence with the number {n},{rows[n % 2].rpartition(',')[2]}" for n in range(60)]
    with context.write() as uow:
        uow.people.add(Person("ana", "Ana", ("admin",), context.clock.now()))
        uow.commit_unaudited()
    add(context, "one", table(tmp_path, "one", [rows[0], *more]), SplitPlan())
    Catalog(context).mark(ORIGINAL, NewMark("personal-data:names", "letters of customers"))
    assert marks(context, "datasets:/data/one") == {}
    (found,) = findings(context, "one")
    assert found.text == (
        "1 of its 61 different rows are among the 20 of datasets:/data/reviews/1. "
        "That data has the mark personal-data:names"
    )


def test_a_mark_goes_on_from_data_that_it_came_to(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    """As it would have, had each been registered after the one before it had its mark."""
    context = opened(open_uow, clock, tmp_path)
    rows = lines(tmp_path)
    more = [f"a new sentence with the number {n},{rows[n % 2].rpartition(',')[2]}" for n in range(60)]
    add(context, "next", table(tmp_path, "next", [*rows[:10], *more[:20]]), SplitPlan())
    add(context, "after", table(tmp_path, "after", more[:40]), SplitPlan())
    Catalog(context).mark(ORIGINAL, NewMark("personal-data:names", "letters of customers"))
    (reason,) = marks(context, "datasets:/data/after").values()
    assert reason == "20 of its 40 different rows are among the 30 of datasets:/data/next/1"
    Catalog(context).mark(ORIGINAL, NewMark("risk:high", "as above"))
    assert set(marks(context, "datasets:/data/after")) == {"personal-data:names", "risk:high"}


def test_the_rows_of_marked_data_are_read_once_and_not_at_each_registration(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[object]()
    plain = stored_rows.stored_keys

    def watched(*given: object) -> object:
        seen.append(given)
        return plain(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(stored_rows, "stored_keys", watched)
    rows = lines(tmp_path)
    for number, expected in enumerate([0, 1, 2]):
        add(context, f"more-{number}", table(tmp_path, f"more-{number}", rows[number:]), SplitPlan())
        assert list(marks(context, f"datasets:/data/more-{number}")) == ["personal-data:names"]
        assert len(seen) == expected, "each that came to have the mark is read once by the next registration"


def test_data_of_a_registry_from_before_the_index_is_read_when_it_is_asked_for(
    context: Context, tmp_path: Path
) -> None:
    rows = lines(tmp_path)
    add(context, "old", table(tmp_path, "old", ["quite another row,pos", *rows[:3]]), SplitPlan())
    with context.write() as uow:
        connection = uow._open()  # type: ignore[attr-defined] # as the migration leaves it
        connection.execute(text("DELETE FROM data_row"))
        connection.execute(text("UPDATE data_rows SET different = NULL, whole = false, due = 1"))
        connection.execute(text("UPDATE data_rows SET due = 2 WHERE node_id IN (SELECT node_id FROM node_mark)"))
        uow.commit_unaudited()
    add(context, "new", table(tmp_path, "new", rows[5:]), SplitPlan())
    assert list(marks(context, "datasets:/data/new")) == ["personal-data:names"]
    Catalog(context).mark(ORIGINAL, NewMark("risk:high", "as above"))
    for name in ("old", "new"):
        assert set(marks(context, f"datasets:/data/{name}")) == {"personal-data:names", "risk:high"}


def test_data_that_is_registered_while_others_are_compared_is_not_missed(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = opened(open_uow, clock, tmp_path)
    plain = marked_content.alike

    def registered_meanwhile(*given: object) -> object:
        found = plain(*given)  # type: ignore[arg-type]
        add(context, "clean", tmp_path / "data" / "reviews.csv", SplitPlan(seed=1))
        return found

    monkeypatch.setattr(catalog_marks, "alike", registered_meanwhile)
    with pytest.raises(ConflictError, match="registered while"):
        Catalog(context).mark(ORIGINAL, NewMark("personal-data:names", "letters of customers"))
    monkeypatch.undo()
    Catalog(context).mark(ORIGINAL, NewMark("personal-data:names", "letters of customers"))
    assert list(marks(context, "datasets:/data/clean")) == ["personal-data:names"]
