"""Test rows that stood in training data are found by their content, wherever in the ancestry that was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.catalog.models import Status
from registry.domain.data.datasets import SplitPlan
from registry.domain.data.rows import read_index
from registry.domain.names import Name, Reference, VersionRef
from registry.domain.people.people import Actor
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.lineage import Leakage, NearCopies
from registry.errors import BadRecipeError, PermissionDeniedError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.governance.ancestry import train_overlap
from registry.services.lineage import leaking, near_leaking
from registry.services.lineage.verbs import Lineage
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.reviews import open_with_reviews

RECIPE = "schema: forebear/recipe/v1\noutput: text/{output}\nmethod: {method}\nsource: models:/{source}\ndata: {data}\n"


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    """Twenty reviews, and the same file registered again with another seed."""
    plugins = FakePlugins(fake_adapter=FakeAdapter(), fake_engine=FakeEngine())
    context = open_with_reviews(open_uow, clock, tmp_path, plugins)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    again = AddDataset(
        Name("data", "again"), str(tmp_path / "data" / "reviews.csv"), licence="cc0-1.0", split=SplitPlan(seed=1)
    )
    Datasets(context).add(again)
    return context


def made(context: Context, data: str, *, output: str = "child", source: str = "library/bert") -> Leakage:
    recipe = RECIPE.format(output=output, method="feature_extraction", source=source, data=data)
    step = Transfers(context).submit(recipe)
    assert Transfers(context).step(step.summary.id).summary.error is None
    return Lineage(context).leakage(Reference.parse(f"models:/text/{output}"))


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


BOATS = [f"the {word} little boat went over the wide sea and came home again" for word in ("red", "blue", "green")]


@pytest.fixture
def near(context: Context, tmp_path: Path) -> Context:
    """Test rows that were changed a little, one that is the very same, and one of its own."""
    tested = [f"{BOATS[0].upper()}!", f"{BOATS[1]} <b>now</b>\x1b[0m", BOATS[2], "nobody knows what the weather brings"]
    for name, split, texts in (("trained", "train", BOATS), ("tested", "test", tested)):
        file = tmp_path / "data" / f"{name}.csv"
        file.write_text("text,label\n" + "".join(f"{text},{'ab'[n % 2]}\n" for n, text in enumerate(texts)))
        plan = SplitPlan(shares={split: 1.0})
        Datasets(context).add(AddDataset(Name("data", name), str(file), licence="cc0-1.0", split=plan))
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
