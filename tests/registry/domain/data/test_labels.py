"""What labels say, and how that is label_summary in a few words."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, DatasetVersionSummary, LabelKind, NumberSummary, SplitSummary
from registry.domain.data.labels import classes_of, label_summary, number_of, usual_task
from registry.errors import BadDataError
from tests.builders import NOW, dataset_ref, digest


def version(kind: LabelKind, *splits: SplitSummary) -> DatasetVersionSummary:
    classes = tuple(sorted({name for split in splits for name in split.classes}))
    return DatasetVersionSummary(
        dataset_ref("data/x/1"), digest("x"), DataFormat.CSV, 9, classes, splits, 1, "MIT", NOW, "ana", kind
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (LabelKind.CLASS, "2 classes"),
        (LabelKind.MANY, "any of 2 classes"),
        (LabelKind.TAGS, "a tag a word, of 2 classes"),
    ],
)
def test_classes_are_counted_over_all_splits(kind: LabelKind, words: str) -> None:
    assert (
        label_summary(version(kind, SplitSummary("test", 1, {"a": 1}), SplitSummary("train", 2, {"a": 1, "b": 1})))
        == words
    )


def test_numbers_are_summarised_by_their_range_and_no_labels_as_none() -> None:
    splits = (
        SplitSummary("test", 1, {}, NumberSummary(0.5, 0.5, 0.5)),
        SplitSummary("train", 2, {}, NumberSummary(-3.9, 0.1, 3.123456)),
    )
    assert label_summary(version(LabelKind.NUMBER, *splits)) == "numbers from -3.9 to 3.123"
    assert label_summary(version(LabelKind.NONE, SplitSummary("train", 2, {}))) == "no labels"


def test_a_label_is_read_as_its_kind() -> None:
    assert classes_of("a|b", LabelKind.CLASS) == ("a|b",)
    assert classes_of("a|b", LabelKind.MANY) == ("a", "b")
    assert classes_of("", LabelKind.MANY) == ()
    assert classes_of("O PER", LabelKind.TAGS) == ("O", "PER")
    assert classes_of("1.5", LabelKind.NUMBER) == classes_of(None, LabelKind.NONE) == ()
    assert number_of("-1.5") == -1.5


@pytest.mark.parametrize("label", [None, "", "cat"])
def test_what_is_no_number_is_not_read_as_one(label: str | None) -> None:
    with pytest.raises(BadDataError, match="is not a number"):
        number_of(label)


@pytest.mark.parametrize(
    ("modality", "kind", "task"),
    [
        (Modality.IMAGE, LabelKind.CLASS, "image-classification"),
        (Modality.TEXT, LabelKind.MANY, "text-classification"),
        (Modality.TABULAR, LabelKind.NUMBER, "tabular-regression"),
        (Modality.TEXT, LabelKind.TAGS, "token-classification"),
        (Modality.IMAGE, LabelKind.NONE, "unlabelled"),
    ],
)
def test_the_kind_of_labels_determines_the_task(modality: Modality, kind: LabelKind, task: str) -> None:
    assert usual_task(modality, kind) == task
