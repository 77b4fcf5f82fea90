"""Labels of every kind: read from every format that can hold them, checked row by row, and told by row when wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from adapters.dvc.formats.arrays import row_digest
from adapters.dvc.rows.labels import clean_many, clean_number, read_label
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, SplitPlan
from registry.domain.data.labels import classes_of, number_of
from registry.errors import BadDataError
from tests.adapters.dvc.worlds import draw, paint, paint_classes, read

ALL = SplitPlan({"train": 1.0})
MANY, NUMBER, TAGS, NONE, CLASS = (
    LabelKind.MANY, LabelKind.NUMBER, LabelKind.TAGS, LabelKind.NONE, LabelKind.CLASS
)  # fmt: skip


def lines(*records: Mapping[str, Any]) -> str:
    """JSON Lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def records(**columns: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows of these columns."""
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def table(folder: Path, **columns: Any) -> Path:
    """A Parquet file of these columns."""
    folder.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), folder / "t.parquet")
    return folder / "t.parquet"


def archive(folder: Path, **arrays: Any) -> Path:
    """An .npz of these arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "t.npz", **arrays)
    return folder / "t.npz"


# --- numbers -------------------------------------------------------------------------------------------------------


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_as_the_double_that_it_was(number: float) -> None:
    assert number_of(clean_number(number, "row 1")) == number
    assert clean_number(repr(number), "row 1") == clean_number(number, "row 1")


@pytest.mark.parametrize(
    ("value", "written"), [(" 2.50 ", "2.5"), ("3", "3"), (3.0, "3"), ("-.5e1", "-5"), (-0.0, "0"), ("1e300", "1e+300")]
)
def test_the_same_number_is_written_the_same_way(value: object, written: str) -> None:
    assert clean_number(value, "row 1") == written


@pytest.mark.parametrize("value", ["3,5", "5 EUR", "inf", "NaN", "1e999", "1_000", "0x10", True, [1.0], 10**400])
def test_what_is_no_finite_decimal_is_named(value: object) -> None:
    with pytest.raises(BadDataError, match=r"The label of line 7 is '.*', which is not a finite number"):
        clean_number(value, "line 7")


@pytest.mark.parametrize("value", [None, "", "  ", math.nan])
def test_a_missing_label_that_should_be_a_number_is_refused(value: object) -> None:
    with pytest.raises(BadDataError, match="Line 7 has no label"):
        clean_number(value, "line 7")


def test_ratings_are_read_from_every_table(tmp_path: Path) -> None:
    texts, numbers = ["a", "b", "c"], [1.5, -2, 0.25]
    csv = "text,label\na,1.50\nb,-2\nc,.25\n"
    draw(tmp_path, {"t.csv": csv, "t.jsonl": lines(*records(text=texts, label=numbers))})
    table(tmp_path, text=texts, label=numbers)
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        listing = read(tmp_path / name, tmp_path / "scratch", split=ALL, labels=NUMBER)
        assert [row.label for row in listing.rows] == ["1.5", "-2", "0.25"], name


def test_arrays_may_be_labelled_with_floats(tmp_path: Path) -> None:
    source = archive(tmp_path, x=np.eye(3), y=np.array([0.5, 2.0, -1.25]))
    listing = read(source, tmp_path / "scratch", split=ALL, labels=NUMBER)
    assert [row.label for row in listing.rows] == ["0.5", "2", "-1.25"]
    with pytest.raises(BadDataError, match=r"'0\.5', which names no class.*--labels number"):
        read(source, tmp_path / "scratch")


def test_pictures_get_their_numbers_from_a_table_beside_them(tmp_path: Path) -> None:
    for shade in range(2):
        paint(tmp_path / f"data/{shade}.png", shade)
    draw(tmp_path / "data", {"ages.csv": "path,age\n0.png,31.5\n1.png,7\n"})
    listing = read(tmp_path / "data", tmp_path / "scratch", split=ALL, labels=NUMBER, label="age")
    assert [(row.path, row.label) for row in listing.rows] == [("0.png", "31.5"), ("1.png", "7")]


def test_one_number_for_all_is_no_regression(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="Every row has the number '2'"):
        read(draw(tmp_path, {"t.csv": "text,label\na,2\nb,2.0\n"}) / "t.csv", tmp_path / "scratch", labels=NUMBER)


# --- many classes --------------------------------------------------------------------------------------------------

NAMES = st.lists(st.text("abcäß 12", min_size=1).filter(lambda name: name == name.strip()), unique=True)


@given(NAMES, st.randoms(use_true_random=False))
def test_classes_come_back_as_a_set_in_whatever_order_they_were(names: list[str], chance: Any) -> None:
    chance.shuffle(names)
    label = clean_many(names, "row 1")
    assert classes_of(label, MANY) == tuple(sorted(names))
    assert clean_many("|".join(f" {name} " for name in names), "row 1") == label


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a|b|a", "Line 7 names the class 'a' twice"),
        (["a", "a"], "Line 7 names the class 'a' twice"),
        ("a||b", "Line 7 names an empty class"),
        ("a|", "Line 7 names an empty class"),
        (["a", None], "Line 7 names an empty class"),
        (["a|b"], r"Line 7 names the class 'a\|b', which holds \|"),
        ([["a"]], "which names no class"),
        (None, r"Line 7 has no label.*write \[\], for none"),
        ("a|" + "x" * 300, "longer than 256 characters"),
    ],
)
def test_wrong_classes_are_refused(value: object, message: str) -> None:
    with pytest.raises(BadDataError, match=message):
        clean_many(value, "line 7")


def test_many_classes_are_read_from_every_table(tmp_path: Path) -> None:
    texts, classes = ["a", "b", "c"], [["war", "love"], [], ["sea"]]
    draw(tmp_path, {"t.csv": "text,label\na,war| love\nb,\nc,sea\n"})
    draw(tmp_path, {"t.jsonl": lines(*records(text=texts, label=classes))})
    table(tmp_path, text=texts, label=classes)
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        listing = read(tmp_path / name, tmp_path / "scratch", split=ALL, labels=MANY)
        assert [row.label for row in listing.rows] == ["love|war", "", "sea"], name


def test_a_matrix_of_zeros_and_ones_marks_the_classes_of_each_row(tmp_path: Path) -> None:
    y = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    named = archive(tmp_path / "a", x=np.eye(3), y=y, classes=np.array(["war", "sea", "love"]))
    listing = read(named, tmp_path / "scratch", split=ALL, labels=MANY)
    assert [row.label for row in listing.rows] == ["love|war", "", "sea"]
    counted = archive(tmp_path / "b", x=np.eye(3), y=y.astype(bool))
    listing = read(counted, tmp_path / "scratch", split=ALL, labels=MANY)
    assert [row.label for row in listing.rows] == ["0|2", "", "1"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.array([[1, 0], [2, 0]])}, "Row 1 of y in 't.npz' has a value that is neither 0 nor 1"),
        ({"y": np.eye(2), "classes": np.array(["a"])}, "has 2 columns of y, but 1 different classes"),
        ({"y": np.eye(2), "classes": np.array(["a", "a"])}, "has 2 columns of y, but 1 different classes"),
        ({"y": np.eye(3)}, r"has 2 rows of x, but y has the shape \(3, 3\)"),
        ({"y": np.array([[1, 1], [1, 1]])}, r"Every row has the classes '0\|1'"),
        ({}, "has no array 'y'.*--labels none"),
    ],
)
def test_a_wrong_matrix_of_classes_is_refused(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=message):
        read(archive(tmp_path, x=np.eye(2), **arrays), tmp_path / "scratch", labels=MANY)


# --- tags ----------------------------------------------------------------------------------------------------------


def test_words_and_tags_are_texts_or_lists(tmp_path: Path) -> None:
    words, tags = [["Ana", "left"], ["Rome", "fell"]], [["PER", "O"], ["LOC", "O"]]
    draw(tmp_path, {"t.csv": "text,label\nAna left,PER O\nRome   fell, LOC O\n"})
    draw(tmp_path, {"t.jsonl": lines(*records(tokens=words, tags=tags))})
    table(tmp_path, tokens=words, tags=tags)
    assert [row.label for row in read(tmp_path / "t.csv", tmp_path / "scratch", labels=TAGS).rows] == ["PER O", "LOC O"]
    for name in ("t.jsonl", "t.parquet"):
        listing = read(tmp_path / name, tmp_path / "scratch", labels=TAGS, text="tokens", label="tags")
        assert [(row.text, row.label) for row in listing.rows] == [("Ana left", "PER O"), ("Rome fell", "LOC O")], name


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "Ana left", "label": "PER"}, "Line 2 of 't.jsonl' has 1 tags for 2 words"),
        (
            {"text": ["Ana left"], "label": ["PER"]},
            "Word 1 of line 2 of 't.jsonl' is 'Ana left', which is not a single",
        ),
        ({"text": "Ana left", "label": ["PER", ""]}, "Tag 2 of line 2 of 't.jsonl' is '', which is not a single word"),
        ({"text": "Ana left", "label": ["PER", None]}, "Tag 2 of line 2 of 't.jsonl' is 'None'"),
        ({"text": "Ana left", "label": None}, "Line 2 of 't.jsonl' has no tags"),
        ({"text": [], "label": []}, "Line 2 of 't.jsonl' has no text"),
    ],
)
def test_wrong_tags_are_refused(record: dict[str, Any], message: str, tmp_path: Path) -> None:
    source = draw(tmp_path, {"t.jsonl": lines({"text": "He ran", "label": "O O"}, record)}) / "t.jsonl"
    with pytest.raises(BadDataError, match=message):
        read(source, tmp_path / "scratch", labels=TAGS)


def test_one_tag_for_every_word_is_refused(tmp_path: Path) -> None:
    source = draw(tmp_path, {"t.csv": "text,label\nhe ran,O O\nshe,O\n"}) / "t.csv"
    with pytest.raises(BadDataError, match="Every word has the tag 'O'"):
        read(source, tmp_path / "scratch", labels=TAGS)


def test_numbers_may_be_the_names_of_tags() -> None:
    assert read_label([3, 0], "row 1", TAGS, text="Ana left") == "3 0"
    with pytest.raises(BadDataError, match="Tag 1 of row 1 is 'True'"):
        read_label([True, 0], "row 1", TAGS, text="Ana left")


@pytest.mark.parametrize("source", ["pictures", "t.npz", "t.parquet"])
def test_what_has_no_words_has_no_tags(source: str, tmp_path: Path) -> None:
    paint_classes(tmp_path / "pictures", {"cat": 2, "dog": 2})
    archive(tmp_path, x=np.eye(2), y=np.array([0, 1]))
    table(tmp_path, x=[[1.0], [2.0]], label=["a", "b"])
    with pytest.raises(BadDataError, match="Tags belong to the words of a text"):
        read(tmp_path / source, tmp_path / "scratch", labels=TAGS)


# --- none ----------------------------------------------------------------------------------------------------------


def test_a_flat_folder_of_pictures_has_no_labels(tmp_path: Path) -> None:
    for shade in range(4):
        paint(tmp_path / f"data/{shade}.png", shade)
    draw(tmp_path / "data", {"README.md": "about"})
    listing = read(tmp_path / "data", tmp_path / "scratch", labels=NONE)
    assert [(row.path, row.label) for row in listing.rows] == [(f"{shade}.png", None) for shade in range(4)]
    assert (listing.format, listing.modality, listing.notes) == (DataFormat.IMAGE_FOLDER, Modality.IMAGE, ())
    with pytest.raises(BadDataError, match=r"'0\.png' lies in no class folder.*write --labels none"):
        read(tmp_path / "data", tmp_path / "scratch")


def test_folders_of_splits_are_kept_without_classes(tmp_path: Path) -> None:
    paint(tmp_path / "data/train/a/0.png", 0)
    paint(tmp_path / "data/train/1.png", 1)
    paint(tmp_path / "data/val/2.png", 2)
    listing = read(tmp_path / "data", tmp_path / "scratch", labels=NONE)
    assert [(row.path, row.split) for row in listing.rows] == [
        ("train/1.png", "train"),
        ("train/a/0.png", "train"),
        ("val/2.png", "validation"),
    ]
    assert listing.split.column == "folder"
    assert listing.notes == ("folders were not read as classes, as requested",)


def test_class_folders_are_left_out_with_a_note(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    listing = read(data, tmp_path / "scratch", labels=NONE)
    assert {row.label for row in listing.rows} == {None}
    assert listing.notes == ("folders were not read as classes, as requested",)
    draw(data, {"cat/notes.md": "x"})
    with pytest.raises(BadDataError, match=r"'cat/notes\.md' is in a class folder"):
        read(data, tmp_path / "scratch", labels=NONE)


def test_a_linked_folder_of_unlabelled_data_is_not_dropped_in_silence(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2})
    (data / "owl").symlink_to(data / "cat")
    with pytest.raises(BadDataError, match="'owl' is a link to a folder"):
        read(data, tmp_path / "scratch", labels=NONE)


def test_a_flat_folder_of_texts_has_no_labels(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"1.txt": "one", "2.txt": "two"})
    listing = read(data, tmp_path / "scratch", labels=NONE)
    assert [(row.text, row.label) for row in listing.rows] == [("one", None), ("two", None)]
    assert listing.format is DataFormat.TEXT_FOLDER
    with pytest.raises(BadDataError, match="There are no images, texts or tables"):
        read(data, tmp_path / "scratch")


def test_a_readme_beside_a_table_is_no_corpus(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"README.txt": "about", "t.csv": "text\none\ntwo\n"})
    listing = read(data, tmp_path / "scratch", labels=NONE)
    assert [row.text for row in listing.rows] == ["one", "two"]


def test_a_table_without_labels_needs_no_column_of_them(tmp_path: Path) -> None:
    source = draw(tmp_path, {"t.csv": "text\none\ntwo\n"}) / "t.csv"
    listing = read(source, tmp_path / "scratch", labels=NONE)
    assert [(row.text, row.label) for row in listing.rows] == [("one", None), ("two", None)]
    with pytest.raises(BadDataError, match=r"has no column 'label'.*Name it with --label, or write --labels none"):
        read(source, tmp_path / "scratch")


def test_labels_that_are_not_used_are_noted(tmp_path: Path) -> None:
    draw(tmp_path, {"t.csv": "text,label\none,a\ntwo,b\n"})
    archive(tmp_path, x=np.eye(2), y=np.array([0, 1]))
    paint(tmp_path / "data/0.png", 0)
    draw(tmp_path / "data", {"labels.csv": "path,label\n0.png,cat\n"})
    table(tmp_path, x=[[1.0], [2.0]], label=["a", "b"])
    for name, column in (("t.csv", "label"), ("t.npz", "y"), ("data", "label"), ("t.parquet", "label")):
        listing = read(tmp_path / name, tmp_path / "scratch", labels=NONE)
        assert {row.label for row in listing.rows} == {None}, name
        assert len(listing.notes) == 1
        assert f"the labels in {column!r} of" in listing.notes[0]


def test_arrays_need_no_labels(tmp_path: Path) -> None:
    listing = read(archive(tmp_path, x=np.eye(3)), tmp_path / "scratch", labels=NONE)
    assert [(row.index, row.label) for row in listing.rows] == [(0, None), (1, None), (2, None)]


@pytest.mark.parametrize("kind", [MANY, NUMBER])
def test_a_folder_names_one_class_for_each(kind: LabelKind, tmp_path: Path) -> None:
    paint_classes(tmp_path / "pictures", {"1": 2, "2": 2})
    draw(tmp_path / "texts", {"1/a.txt": "x", "2/a.txt": "y"})
    for source, remedy in (("pictures", "Add a CSV of path and label"), ("texts", "Give a table with a column")):
        with pytest.raises(BadDataError, match=f"names one class for each, but --labels is {kind}.*{remedy}"):
            read(tmp_path / source, tmp_path / "scratch", labels=kind)


# --- features ------------------------------------------------------------------------------------------------------


def test_features_in_parquet_are_rows_of_a_table(tmp_path: Path) -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2) / 4
    source = table(tmp_path, x=list(x), label=["a", "b", "a"], split=["train", "test", "train"])
    listing = read(source, tmp_path / "scratch")
    assert (listing.format, listing.modality) == (DataFormat.PARQUET, Modality.TABULAR)
    assert [(row.path, row.index, row.label, row.split) for row in listing.rows] == [
        ("t.parquet", 0, "a", "train"),
        ("t.parquet", 1, "b", "test"),
        ("t.parquet", 2, "a", "train"),
    ]
    assert [row.digest for row in listing.rows] == [row_digest(row) for row in x], "as the same rows in an .npz have"


def test_features_of_several_files_are_numbered_in_each(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b")):
        (tmp_path / "data").mkdir(exist_ok=True)
        source = table(tmp_path, x=[[1.0, 2.0], [3.0, float(number)]], label=["p", "q"])
        source.rename(tmp_path / f"data/{name}.parquet")
    listing = read(tmp_path / "data", tmp_path / "scratch")
    assert [(row.path, row.index) for row in listing.rows] == [
        ("a.parquet", 0), ("a.parquet", 1), ("b.parquet", 0), ("b.parquet", 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [[1.0, 2.0], [3.0]], "label": ["a", "b"]}, "Row 1 of 't.parquet' has 1 numbers in 'x', unlike the rows"),
        ({"x": [[1.0], None], "label": ["a", "b"]}, "Row 1 of 't.parquet' has no numbers in 'x'"),
        ({"x": [[1.0], [None]], "label": ["a", "b"]}, "Row 1 of 't.parquet' has a value that is not a finite number"),
        (
            {"x": [[1.0], [math.inf]], "label": ["a", "b"]},
            "Row 1 of 't.parquet' has a value that is not a finite number",
        ),
        ({"x": [[1.0], [2.0]]}, "has no column 'label'.*--labels none"),
        ({"x": [[1.0], [2.0]], "label": ["a", None]}, "Row 1 of 't.parquet' has no label"),
        ({"x": ["a", "b"], "label": ["a", "b"]}, "has no column 'text'"),
    ],
)
def test_wrong_features_are_refused(columns: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=message):
        read(table(tmp_path, **columns), tmp_path / "scratch")
