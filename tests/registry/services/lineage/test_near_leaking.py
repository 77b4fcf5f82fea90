"""Test rows that are nearly copies of training rows are found, wherever in the ancestry those are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.catalog.models import Status
from registry.domain.data.datasets import SplitPlan
from registry.domain.data.leakage import NearCopies
from registry.domain.names import Reference
from registry.domain.people.people import Actor
from registry.errors import PermissionDeniedError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.lineage import near_leaking
from registry.services.lineage.verbs import Lineage
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.lineage.leaks import add, made, opened

BOATS = [f"the {word} little boat went over the wide sea and came home again" for word in ("red", "blue", "green")]


@pytest.fixture
def near(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """Test rows that were changed a little, one that is the very same, and one of its own."""
    context = opened(open_uow, clock, tmp_path)
    tested = [f"{BOATS[0].upper()}!", f"{BOATS[1]} <b>now</b>\x1b[0m", BOATS[2], "nobody knows what the weather brings"]
    for name, split, texts in (("trained", "train", BOATS), ("tested", "test", tested)):
        file = tmp_path / "data" / f"{name}.csv"
        file.write_text("text,label\n" + "".join(f"{text},{'ab'[n % 2]}\n" for n, text in enumerate(texts)))
        add(context, name, file, SplitPlan(shares={split: 1.0}))
    return context


def nearly(context: Context) -> NearCopies:
    found = Lineage(context).leakage(Reference.parse("models:/text/child"), near=True).near
    assert found is not None
    return found


def test_test_rows_that_were_only_changed_a_little_are_found_and_shown_to_who_may_edit(
    near: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = made(near, "{train: {dataset: datasets:/data/trained}, test: {dataset: datasets:/data/tested}}")
    assert (plain.seen, plain.test_rows, plain.near) == (1, 4, None)
    said = nearly(near)
    assert (said.rows, said.compared, said.notes) == (2, 4, ())
    (one,) = said.overlaps
    assert (one.train.label, one.train_split, one.rows) == ("data/trained/1", "train", 2)
    shown = {pair.test_shown: pair.train_shown for pair in one.examples}
    assert shown == {f"{BOATS[0].upper()}!": BOATS[0], f"{BOATS[1]} <b>now</b>\\x1b[0m": BOATS[1]}
    with pytest.raises(PermissionDeniedError):
        nearly(replace(near, actor=Actor("vic", frozenset({"viewer"}))))
    monkeypatch.setattr(near_leaking, "TESTED", 2)
    assert nearly(near).compared == 2
    assert nearly(near).notes == ("Of the 4 rows of data/tested/1 test, 2 were compared for near-copies",)


def test_near_copies_in_what_an_ancestor_was_trained_on_are_found_until_that_is_taken_back(near: Context) -> None:
    data = "{train: {dataset: datasets:/data/trained}, test: {dataset: datasets:/data/tested}}"
    made(near, data, output="parent")
    data = "{train: {dataset: datasets:/data/reviews}, test: {dataset: datasets:/data/tested}}"
    made(near, data, source="text/parent")
    assert [one.train.label for one in nearly(near).overlaps] == ["data/trained/1"]
    Catalog(near).set_status(Reference.parse("datasets:/data/trained/1"), Status.RECALLED, "Private letters")
    said = nearly(near)
    assert said.overlaps == ()
    assert "data/trained/1" in said.notes[0]
