"""Data that was registered before its mark gets it, or a finding, as data that is registered after does."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.catalog.marks import NewMark
from registry.domain.data.datasets import SplitPlan
from registry.domain.people.people import Person
from registry.errors import ConflictError
from registry.services.audit.verbs import Audit
from registry.services.catalog import marks as catalog_marks
from registry.services.catalog.verbs import Catalog
from registry.services.data import marked_content
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.data.letters import ORIGINAL, findings, lines, marks, table
from tests.registry.services.lineage.leaks import add, opened


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
