"""Rows of stored data are read once, and those of data from before there was an index when it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from registry.domain.catalog.marks import NewMark
from registry.domain.data.datasets import SplitPlan
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data import stored_rows
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.data.letters import ORIGINAL, lines, marks, table
from tests.registry.services.lineage.leaks import add, opened


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """Twenty reviews, marked as personal data."""
    context = opened(open_uow, clock, tmp_path)
    Catalog(context).mark(ORIGINAL, NewMark("personal-data:names", "letters of customers"))
    return context


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
