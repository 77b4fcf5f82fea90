"""Tables as people really save them: what is meant is read, and what cannot be read is named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from registry.domain.data.datasets import DataFormat
from registry.errors import BadDataError
from registry.ports.data import DataListing
from tests.adapters.dvc.worlds import draw, read

ROWS = [(f"text {n}", ("neg", "pos")[n % 2]) for n in range(10)]


def table(delimiter: str = ",", header: str = "text,label", row: str = "{0},{1}") -> str:
    lines = [header, *(row.format(text, label) for text, label in ROWS)]
    return "\n".join(lines).replace(",", delimiter) + "\n"


def one(folder: Path, name: str, content: str | bytes) -> DataListing:
    return read(draw(folder, {name: content}) / name, folder / "scratch")


def pairs(listing: DataListing) -> list[tuple[str | None, str | None]]:
    return [(row.text, row.label) for row in listing.rows]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("index.csv", table(header=",text,label", row="7,{0},{1}")),
        ("trailing.csv", table(header="text,label,", row="{0},{1},")),
        ("rows-trail.csv", table(row="{0},{1},")),
        ("unused-twice.csv", table(header="id,id,text,label", row="1,2,{0},{1}")),
        ("semicolons.csv", table(";")),
        ("tabs.csv", table("\t")),
        ("bars.csv", table("|")),
        ("excel.csv", "sep=;\n" + table(";")),
        ("spaced.csv", table(row='{0}, "{1}"')),
        ("blank-line.csv", table().replace("text 5", "  \ntext 5")),
        ("array.json", json.dumps([{"text": text, "label": label} for text, label in ROWS])),
        ("pretty.json", json.dumps([{"text": text, "label": label} for text, label in ROWS], indent=2)),
    ],
)
def test_the_ten_rows_of_a_table_are_read_however_it_was_saved(name: str, content: str, tmp_path: Path) -> None:
    assert pairs(one(tmp_path, name, content)) == ROWS


def test_what_parts_the_cells_is_noted_where_it_is_not_the_usual(tmp_path: Path) -> None:
    assert "the cells of 'd.csv' are parted by semicolons" in one(tmp_path, "d.csv", table(";")).notes


def test_the_lines_of_a_tsv_are_its_rows_whatever_quotation_marks_are_in_them(tmp_path: Path) -> None:
    lines = ["text\tlabel", 'open "quote\tneg', '"begun\tpos', 'ended"\tneg', "plain\tpos", '"whole"\tneg']
    listing = one(tmp_path, "d.tsv", "\n".join(lines) + "\n")
    assert [row.text for row in listing.rows] == ['open "quote', '"begun', 'ended"', "plain", '"whole"']
    assert "1 lines of 'd.tsv' have quotation marks round a cell: in a TSV they are part of it" in listing.notes


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", table().encode("utf-16"), "'d.csv' is in UTF-16"),
        ("d.csv.gz", gzip.compress(table().encode()), "'d.csv.gz' is compressed by gzip"),
        ("d.csv", table().encode() + b"caf\xe9,pos\n", "'d.csv' is not UTF-8: line 12, byte"),
        ("d.csv", table(header="text,label,label", row="{0},{1},{1}"), "'d.csv' has two columns 'label'"),
        ("d.csv", table().replace("text 4", '"text 4'), "the record that begins on line 6 of 'd.csv' is not CSV"),
        ("d.csv", "", "'d.csv' is empty"),
        ("d.jsonl", '{"text": "a"}\n{"text": "b", "label": "x"}\n', "line 1 of 'd.jsonl' has no 'label'"),
        ("d.json", '["a"]', "item 1 of 'd.json' is not a JSON object"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, content: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadDataError) as refused:
        one(tmp_path, name, content)
    assert message in str(refused.value)


def test_the_line_of_a_byte_that_is_not_utf_8_is_right_far_into_a_file(tmp_path: Path) -> None:
    content = b"text,label\n" + b"word,pos\n" * 200_000 + b"caf\xe9,neg\n"
    with pytest.raises(BadDataError, match=rf"line 200002, byte {len(content) - 6}"):
        one(tmp_path, "d.csv", content)


def test_a_split_that_only_some_lines_of_json_bring_is_asked_for(tmp_path: Path) -> None:
    lines = [{"text": text, "label": label} for text, label in ROWS]
    lines[3] |= {"split": "test"}
    with pytest.raises(BadDataError, match=r"line 1 of 'd\.jsonl' has no split"):
        one(tmp_path, "d.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def test_a_column_of_parquet_that_stands_twice_is_refused_when_it_is_wanted(tmp_path: Path) -> None:
    columns = [pyarrow.array([text for text, _ in ROWS]), *[pyarrow.array([label for _, label in ROWS])] * 2]
    parquet.write_table(pyarrow.Table.from_arrays(columns, names=["text", "label", "label"]), tmp_path / "d.parquet")
    with pytest.raises(BadDataError, match="has two columns 'label'"):
        read(tmp_path / "d.parquet", tmp_path / "scratch")


def test_one_label_in_two_forms_of_unicode_is_one_class(tmp_path: Path) -> None:
    content = "text,label\na,caf\u00e9\nb,cafe\u0301\nc,bar\nd,bar\n"
    assert {row.label for row in one(tmp_path, "d.csv", content).rows} == {"caf\u00e9", "bar"}


def test_classes_that_differ_in_case_alone_are_noted(tmp_path: Path) -> None:
    notes = one(tmp_path, "d.csv", "text,label\na,Pos\nb,pos\nc,neg\nd,neg\n").notes
    assert "the classes 'Pos', 'pos' differ in upper and lower case alone" in notes


# --- splits --------------------------------------------------------------------------------------------------------

LABELLED = {"train": table(), "test": table().replace("text", "more").replace("more,label", "text,label", 1)}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train.csv", "test.csv"),
        ("train-00000-of-00001.csv", "test-00000-of-00001.csv"),
        ("train/part.csv", "test/part.csv"),
        ("train_1.csv", "test_1.csv"),
        ("imdb-train.csv", "imdb-test.csv"),
        ("training_set.csv", "test_set.csv"),
        ("en/Train/0.csv", "en/Test/0.csv"),
    ],
)
def test_names_of_files_and_folders_that_mean_splits_are_splits(train: str, test: str, tmp_path: Path) -> None:
    listing = read(draw(tmp_path / "d", {train: LABELLED["train"], test: LABELLED["test"]}), tmp_path / "scratch")
    splits = {row.split for row in listing.rows if str(row.text).startswith("text")}
    assert splits == {"train"}
    assert {row.split for row in listing.rows} == {"train", "test"}
    assert listing.split.column == "folder"


@pytest.mark.parametrize("other", ["more.csv", "train_test.csv", "protest.csv"])
def test_files_of_which_only_some_are_named_after_splits_are_refused(other: str, tmp_path: Path) -> None:
    data = draw(tmp_path / "d", {"train.csv": LABELLED["train"], other: LABELLED["test"]})
    with pytest.raises(BadDataError, match=rf"'train\.csv' is named after a split, and '{other}' is not"):
        read(data, tmp_path / "scratch")


def test_one_table_brings_no_split_whatever_it_is_called(tmp_path: Path) -> None:
    assert one(tmp_path, "train.csv", table()).split.column is None


def classes(*splits: str) -> dict[str, str]:
    return {f"{split}/{label}/{n}.txt": f"{split} {label} {n}" for split in splits for label in "ab" for n in "12"}


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        (("training_set", "test_set"), {"train", "test"}),
        (("train", "eval"), {"train", "validation"}),
        (("train", "test", "holdout"), {"train", "test", "holdout"}),
    ],
)
def test_folders_of_splits_are_never_classes(folders: tuple[str, ...], found: set[str], tmp_path: Path) -> None:
    listing = read(draw(tmp_path / "d", classes(*folders)), tmp_path / "scratch")
    assert {row.split for row in listing.rows} == found
    assert {row.label for row in listing.rows} == {"a", "b"}
    assert listing.format is DataFormat.TEXT_FOLDER


@pytest.mark.parametrize("beside", [{"unlabelled/1.txt": "x"}, classes("extra")])
def test_a_folder_beside_splits_that_is_none_is_named(beside: dict[str, str], tmp_path: Path) -> None:
    data = draw(tmp_path / "d", classes("train", "test") | beside)
    with pytest.raises(BadDataError, match=r"'test' is a split with class folders in it, and '\w+' beside it is not"):
        read(data, tmp_path / "scratch")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    data = draw(tmp_path / "d", {f"{label}/{n}.txt": f"{label} {n}" for label in ("train", "car") for n in "123"})
    assert {row.label for row in read(data, tmp_path / "scratch").rows} == {"train", "car"}
