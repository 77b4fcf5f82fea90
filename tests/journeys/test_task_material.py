"""The material for tasks beyond one class a row is real, says what it is, and registers as what it is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from examples.demo import task_material
from examples.demo.task_material import TAGS, multi_digit_npz, ratings_csv, tagged_jsonl
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.data.labels import classes_of, number_of
from registry.domain.data.splits import summarise
from tests.adapters.dvc.worlds import read


def test_two_digits_side_by_side_have_the_classes_of_both(tmp_path: Path) -> None:
    source = multi_digit_npz(tmp_path, pairs=60)
    with np.load(source) as arrays:
        assert arrays["x"].shape == (60, 28, 56)
        assert arrays["y"].sum(axis=1).max() == 2
    listing = read(source, tmp_path / "scratch", labels=LabelKind.MANY)
    assert listing.modality is Modality.IMAGE
    assert {name for row in listing.rows for name in classes_of(row.label, LabelKind.MANY)} == set("0123456789")
    assert len({row.digest for row in listing.rows}) == 60


def test_sentences_in_lower_case_keep_how_each_word_was_written(tmp_path: Path) -> None:
    source = tagged_jsonl(tmp_path, sentences=200)
    listing = read(source, tmp_path / "scratch", labels=LabelKind.TAGS, text="tokens", label="tags")
    assert len(listing.rows) == 200
    assert all(row.text == (row.text or "").lower() for row in listing.rows)
    counts = dict.fromkeys(TAGS, 0)
    for split in summarise(listing.rows, LabelKind.TAGS):
        for name, count in split.classes.items():
            counts[name] += count
    assert counts["lower"] > counts["title"] > counts["upper"] > 0
    first = json.loads(source.read_text(encoding="utf-8").splitlines()[0])
    assert first["tags"][0] == "title", "a sentence begins with a capital"


@pytest.mark.parametrize(
    ("word", "tag"),
    [("EU", "upper"), ("U2", "title"), ('"The', "title"), ("2005", "lower"), ("a", "lower"), ("BBC's", "title")],
)
def test_the_tag_of_a_word_says_how_it_was_capitalised(word: str, tag: str) -> None:
    assert task_material._case(word) == tag


@pytest.mark.slow  # downloads a source distribution where `make setup` has not
def test_ratings_of_film_reviews_are_numbers(tmp_path: Path) -> None:
    source = ratings_csv(tmp_path)
    with source.open(newline="", encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 10_603
    listing = read(source, tmp_path / "scratch", labels=LabelKind.NUMBER, label="rating")
    numbers = [number_of(row.label) for row in listing.rows]
    assert (min(numbers), max(numbers)) == (-3.875, 3.94117647059)
    means = [split.numbers.mean for split in summarise(listing.rows, LabelKind.NUMBER) if split.numbers is not None]
    assert max(means) - min(means) < 0.05, "every split holds small and large ones alike"
    few = ratings_csv(tmp_path, rows=40)
    assert len(few.read_text(encoding="utf-8").splitlines()) == 41
