"""Data that is registered again keeps the marks it had, however it is named, split, ordered or added to."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from registry.domain.catalog.marks import NewMark
from registry.domain.data.datasets import SplitPlan
from registry.domain.names import Reference
from registry.domain.people.people import Person
from registry.errors import ConflictError, PermissionDeniedError
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data import registering, same_content
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.data.letters import ORIGINAL, findings, lines, marks, table
from tests.registry.services.lineage.leaks import add, made, opened


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """Twenty reviews, marked as personal data."""
    context = opened(open_uow, clock, tmp_path)
    Catalog(context).mark(ORIGINAL, NewMark("personal-data:names", "letters of customers"))
    return context


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


def test_marked_data_whose_bytes_are_gone_is_still_known_in_another_order(context: Context, tmp_path: Path) -> None:
    for digest in list(context.blobs.list()):
        context.blobs.delete(digest)
    file = table(tmp_path, "clean", random.Random(0).sample(lines(tmp_path), 20))
    add(context, "clean", file, SplitPlan(seed=3))
    assert marks(context, "datasets:/data/clean") == {
        "personal-data:names": "20 of its 20 different rows are among the 20 of datasets:/data/reviews/1"
    }


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
