"""Test rows that stood in training data are found by their content, wherever in the ancestry that was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.data.datasets import SplitPlan
from registry.domain.data.rows import read_index
from registry.domain.names import Name, Reference, VersionRef
from registry.errors import BadRecipeError
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.governance.ancestry import train_overlap
from registry.services.lineage import leaking
from registry.services.lineage.verbs import Lineage
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.lineage.leaks import add, made, opened


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """Twenty reviews, and the same file registered again with another seed."""
    context = opened(open_uow, clock, tmp_path)
    add(context, "again", tmp_path / "data" / "reviews.csv", SplitPlan(seed=1))
    return context


def rows(context: Context, name: str, split: str) -> dict[str, int]:
    """Key by digest, by reading everything."""

    detail = Datasets(context).version(Reference.parse(f"datasets:/data/{name}"))
    with context.blobs.open(detail.index) as stream:
        return {row.digest.hex: row.key for row in read_index(stream.read()) if row.split == split}


def fact(context: Context, output: str) -> int | None:
    with context.read() as uow:
        ref = uow.catalog.resolve(Reference.parse(f"models:/text/{output}"))
        assert ref is not None
        detail = uow.catalog.version(ref)
        assert detail is not None
        return train_overlap(uow.steps.manifest(detail.step))


def test_splits_of_one_dataset_share_no_row(context: Context) -> None:
    said = made(context, "{train: {dataset: datasets:/data/reviews}}")
    assert (said.seen, said.overlaps, said.unread, said.complete) == (0, (), (), True)
    assert said.test_rows == len(rows(context, "reviews", "test")) > 0
    assert fact(context, "child") == 0


def test_the_same_file_registered_again_with_another_seed_is_caught(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = "{train: {dataset: datasets:/data/reviews}, test: {dataset: datasets:/data/again}}"
    said = made(context, data)
    tested, trained = rows(context, "again", "test"), rows(context, "reviews", "train")
    both = tested.keys() & trained.keys()
    assert 0 < said.seen == len(both) <= said.test_rows == len(tested)
    (one,) = said.overlaps
    assert (one.train.label, one.train_split, one.test.label) == ("data/reviews/1", "train", "data/again/1")
    assert {(pair.test, pair.train) for pair in one.examples} <= {(tested[digest], trained[digest]) for digest in both}
    assert fact(context, "child") == said.seen
    monkeypatch.setattr(leaking, "HELD", 1)  # row by row, as a set that does not fit into memory
    assert replace(Lineage(context).leakage(Reference.parse("models:/text/child")), overlaps=()) == replace(
        said, overlaps=()
    )


def test_what_an_ancestor_was_trained_on_counts_too_and_its_step_is_named(context: Context) -> None:
    made(context, "{train: {dataset: datasets:/data/again}}", output="parent")
    said = made(context, "{train: {dataset: datasets:/data/reviews}}", source="text/parent")
    expected = rows(context, "reviews", "test").keys() & rows(context, "again", "train").keys()
    assert said.seen == len(expected) > 0
    with context.read() as uow:
        parent = uow.catalog.version(VersionRef(Reference.parse("models:/a/b").kind, Name("text", "parent"), 1))
    assert parent is not None
    assert [(one.train.label, one.step) for one in said.overlaps] == [("data/again/1", parent.step)]


def test_how_many_steps_were_measured_on_the_test_rows_is_counted(context: Context) -> None:
    data = "{train: {dataset: datasets:/data/reviews}}"
    assert [made(context, data, output=name).looks for name in ("one", "two")] == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        "{train: {dataset: datasets:/data/reviews}, test: {dataset: datasets:/data/reviews/1, split: train}}",
        "{train: {dataset: datasets:/data/reviews, split: test}, test: {dataset: datasets:/data/reviews/1}}",
    ],
)
def test_training_on_the_test_split_is_refused_however_it_is_named(context: Context, data: str) -> None:
    with pytest.raises(BadRecipeError, match="has the same rows as train"):
        made(context, data)


def test_without_test_data_a_policy_has_no_answer(context: Context) -> None:
    assert train_overlap({"facts": {"leakage": {"test_rows": 0, "seen": 0, "known": True}}}) is None
    assert train_overlap({"facts": {"leakage": {"test_rows": 9, "seen": 0, "known": False}}}) is None
    assert train_overlap({"facts": {"leakage": {"test_rows": 9, "seen": 2, "known": False}}}) == 2
    assert train_overlap({"facts": {}}) is None
    assert train_overlap(None) is None
