"""The classical model of a comparison: it reads raw texts and pictures, and answers as adapters do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.sklearn.learner import SklearnClassical
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind, Row
from registry.errors import BadDataError, InvalidError
from registry.ports.classical import ClassicalAnswers
from registry.ports.transfers import DataInput
from tests.adapters.loop.worlds import CLASSES, image_data, text_data


def learnt(data: DataInput) -> tuple[ClassicalAnswers, list[Row]]:
    test = replace(data, split="test")
    found = SklearnClassical().answer(replace(data, split="train"), test)
    return found, sorted(test.chosen, key=lambda row: row.key)


@pytest.mark.parametrize(("make", "features"), [(text_data, "TF-IDF"), (image_data, "pixels")])
def test_texts_and_pictures_are_learnt_from_raw_rows_and_the_same_twice(
    make: type, features: str, tmp_path: Path
) -> None:
    data: DataInput = make(tmp_path)
    found, rows = learnt(data)
    assert np.mean([answer == row.label for answer, row in zip(found.answers, rows, strict=True)]) > 0.6
    assert found.facts["model"] == f"logistic regression on {features}"
    assert found.facts["train_rows"] == len(replace(data, split="train").chosen)
    assert learnt(data)[0] == found


def relabelled(data: DataInput, kind: LabelKind, label: dict[str, str]) -> DataInput:
    return replace(data, labels=kind, rows=tuple(replace(row, label=label[str(row.label)]) for row in data.rows))


def test_numbers_and_several_classes_are_stored_in_their_own_form(tmp_path: Path) -> None:
    data, (one, two, three) = text_data(tmp_path), CLASSES
    numbers, rows = learnt(relabelled(data, LabelKind.NUMBER, {one: "-1", two: "0", three: "1"}))
    truth = [float(str(row.label)) for row in rows]
    assert np.corrcoef(np.array(numbers.answers, dtype=float), truth)[0, 1] > 0.5
    assert numbers.facts["model"] == "ridge regression on TF-IDF"
    many, rows = learnt(relabelled(data, LabelKind.MANY, {one: "x|y", two: "y", three: ""}))
    assert all(isinstance(answer, list) and set(answer) <= {"x", "y"} for answer in many.answers)
    classes = [[part for part in str(row.label).split("|") if part] for row in rows]
    assert np.mean([answer == true for answer, true in zip(many.answers, classes, strict=True)]) > 0.5


def test_a_tagged_word_is_described_by_itself_its_form_and_its_neighbours(tmp_path: Path) -> None:
    data = text_data(tmp_path)
    rows = tuple(replace(row, label=" ".join(["O"] * len(str(row.text).split()))) for row in data.rows)
    name, found = SklearnClassical().features(replace(data, rows=rows, labels=LabelKind.TAGS))
    assert name == "words and their neighbours"
    assert len(found) == sum(len(str(row.text).split()) for row in rows if row.split == data.split)
    assert found.any(axis=1).all()


def test_labels_that_a_method_cannot_learn_are_refused(tmp_path: Path) -> None:
    data = text_data(tmp_path)
    with pytest.raises(InvalidError, match="No classical model here learns labels of the kind tags"):
        learnt(replace(data, labels=LabelKind.TAGS))
    with pytest.raises(InvalidError, match="No classical model here reads audio data"):
        learnt(replace(data, modality=Modality.AUDIO))
    with pytest.raises(BadDataError, match="is not a picture"):
        learnt(replace(data, modality=Modality.IMAGE))
