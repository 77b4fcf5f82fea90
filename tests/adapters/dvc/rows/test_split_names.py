"""One rule says which split a name means, for files, folders, shards and values of a column."""

from __future__ import annotations

import pytest

from adapters.dvc.rows.split_names import clean_split, read_as, split_files, splits_of
from registry.errors import BadDataError


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("training_set", "train"),
        ("TrainData", None),
        ("train_1", "train"),
        ("train (2)", "train"),
        ("val2017", "validation"),
        ("valid", "validation"),
        ("dev-set", "validation"),
        ("eval", "test"),
        ("test-00000-of-00001", "test"),
        ("train-00000-of-00001-a09b74b3ef9c3b56", "train"),
        ("holdout", "holdout"),
        ("hold-out", "holdout"),
        ("train_test", None),
        ("retrain", None),
        ("contest", None),
        ("test_tube", None),
        ("cat", None),
        ("2017", None),
    ],
)
def test_a_name_means_at_most_one_split(name: str, split: str | None) -> None:
    assert splits_of([name]).get(name) == split


def test_names_may_share_a_word_where_they_tell_two_splits_apart() -> None:
    names = ["imdb-train_1", "imdb-train_2", "imdb-test"]
    assert splits_of(names) == {"imdb-train_1": "train", "imdb-train_2": "train", "imdb-test": "test"}
    assert splits_of(["imdb-train", "sst-train"]) == {}
    assert splits_of(["test_tube", "test_rig"]) == {}


@pytest.mark.parametrize(
    "names",
    [
        ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet"],
        ["train/0000.parquet", "train/0001.parquet", "test/0000.parquet"],
        ["default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"],
        ["train_1.csv", "train_2.csv", "test.csv"],
        ["en/train.csv", "fr/train.csv", "en/test.csv"],
        ["imdb-train-1.csv", "imdb-train-2.csv", "imdb-test.csv"],
    ],
)
def test_files_and_folders_and_shards_are_read_by_the_same_rule(names: list[str]) -> None:
    assert split_files(names) == dict(zip(names, ["train", "train", "test"], strict=True))


def test_files_of_which_only_some_are_splits_are_refused_by_name() -> None:
    with pytest.raises(
        BadDataError, match=r"'test\.csv', 'train\.csv' are named after a split, but 'more\.csv' is not"
    ):
        split_files(["train.csv", "test.csv", "more.csv"])
    with pytest.raises(BadDataError, match=r"'train/test\.csv' names two splits: test, train"):
        split_files(["train/test.csv", "train/train.csv"])


def test_names_without_splits_and_a_file_alone_bring_none() -> None:
    assert split_files(["a.csv", "b.csv"]) == {}
    assert split_files(["train.csv"]) == {}


def test_a_word_that_some_use_for_validation_is_noted() -> None:
    assert read_as({"eval": "test", "train": "train"}) == ["'eval' was read as the split 'test'"]


@pytest.mark.parametrize(("value", "split"), [("Val", "validation"), ("training", "train"), ("fold-3", "fold-3")])
def test_a_column_may_name_splits_of_its_own(value: str, split: str) -> None:
    assert clean_split(value, "line 2") == split
