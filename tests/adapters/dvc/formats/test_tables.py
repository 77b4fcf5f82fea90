"""Tables of every kind give the same rows, and what is wrong with one is told by line and column."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from registry.domain.data.datasets import DataFormat, SplitPlan
from registry.errors import BadDataError
from tests.adapters.dvc.worlds import draw, read

HALVES = SplitPlan({"train": 0.5, "test": 0.5})
TABLE = "text,label\ngood film,pos\nbad film,neg\nfine film,pos\npoor film,neg\n"


def as_jsonl(table: str) -> bytes:
    header, *lines = (line.split(",") for line in table.splitlines())
    return "".join(json.dumps(dict(zip(header, line, strict=True))) + "\n" for line in lines).encode()


def as_parquet(table: str) -> bytes:
    header, *lines = (line.split(",") for line in table.splitlines())
    sink = pyarrow.BufferOutputStream()
    columns = {name: [line[i] for line in lines] for i, name in enumerate(header)}
    parquet.write_table(pyarrow.table(columns), sink)
    return bytes(sink.getvalue().to_pybytes())


def test_tables_of_a_folder_agree_about_splits(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"a.csv": TABLE, "b.csv": "text,label,split\na,x,train\n"})
    with pytest.raises(BadDataError, match="Some files have a column of splits and others have none"):
        read(data, tmp_path / "scratch")


def test_a_file_of_bytes_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="is not a table"):
        read(draw(tmp_path, {"t.csv": b"\x00\x01"}) / "t.csv", tmp_path / "scratch")


def test_a_table_in_another_encoding_is_refused_and_the_encoding_named(tmp_path: Path) -> None:
    for name in ("t.csv", "t.jsonl"):
        content = (TABLE.encode() if name == "t.csv" else as_jsonl(TABLE)) + "schön,pos\n".encode("latin-1")
        with pytest.raises(BadDataError, match="is not UTF-8"):
            read(draw(tmp_path, {name: content}) / name, tmp_path / "scratch")


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("t.csv", TABLE.encode(), DataFormat.CSV),
        ("t.tsv", TABLE.replace(",", "\t").encode(), DataFormat.CSV),
        ("excel.csv", b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode(), DataFormat.CSV),
        ("t.jsonl", as_jsonl(TABLE), DataFormat.JSONL),
        ("t.parquet", as_parquet(TABLE), DataFormat.PARQUET),
        ("misnamed.csv", as_parquet(TABLE), DataFormat.PARQUET),
        ("misnamed.parquet", as_jsonl(TABLE), DataFormat.JSONL),
    ],
)
def test_a_table_is_known_by_its_content(name: str, content: bytes, format: DataFormat, tmp_path: Path) -> None:
    listing = read(draw(tmp_path, {name: content}) / name, tmp_path / "scratch", split=HALVES)
    assert listing.format is format
    assert [(row.text, row.label) for row in listing.rows] == [
        ("good film", "pos"), ("bad film", "neg"), ("fine film", "pos"), ("poor film", "neg")
    ]  # fmt: skip
    assert [entry.path for entry in listing.files] == [name]


def test_the_same_rows_get_the_same_splits_in_every_format(tmp_path: Path) -> None:
    draw(tmp_path, {"a.csv": TABLE, "b.parquet": as_parquet(TABLE)})
    one, two = (read(tmp_path / name, tmp_path / "scratch").rows for name in ("a.csv", "b.parquet"))
    assert one == two


def test_tables_named_after_splits_are_splits(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"train.csv": TABLE, "test.csv": "text,label\nso so,pos\n"})
    listing = read(data, tmp_path / "scratch")
    assert [row.split for row in listing.rows] == ["test", *["train"] * 4]
    assert listing.split.column == "folder"


def test_a_column_of_splits_is_kept_unless_another_is_named(tmp_path: Path) -> None:
    table = "text,label,split,fold\na,x,train,dev\nb,y,Test,train\n"
    source = draw(tmp_path, {"t.csv": table}) / "t.csv"
    assert [row.split for row in read(source, tmp_path / "scratch").rows] == ["train", "test"]
    folds = read(source, tmp_path / "scratch", split=SplitPlan(column="fold"))
    assert [row.split for row in folds.rows] == ["validation", "train"]
    assert folds.split.column == "fold"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("text,Labels\na,b\n", r"has no column 'label'; it has 'text', 'Labels'\. Did you mean 'Labels'\?"),
        ("body,label\na,b\n", r"has no column 'text'; it has 'body', 'label'\. Name it with --text"),
        ("text,label\na,x\n,y\n", "Line 3 .* has no text"),
        ("text,label\na,x\nb, \n", "Line 3 .* has no label"),
        ('text,label\n"a\nlong",x\nb,\n', "Line 4 of 't.csv' has no label"),
        ("text,label\na,x\nb,y,z\n", "Line 3 .* has 3 cells, but there are 2 columns"),
        ("text,label,split\na,x,train\nb,y,\n", "Line 3 .* has no split"),
        ("text,label,split\na,x,train\nb,y,../up\n", r"'\.\./up' of line 3 of 't.csv' is not the name of a split"),
        ("text,label\na,x\nb,x\n", "Every row has the label 'x'"),
        ("text,label\n", "has no rows"),
        ("", "'t.csv' is empty: it has no header line"),
        ("text,text\na,b\n", "'t.csv' has 2 columns called 'text'"),
        ('text,label\n"a,x\n', "Line . of 't.csv' is not CSV"),
        ("text,label\na," + "x" * 300 + "\n", "longer than 256 characters"),
    ],
)
def test_a_wrong_csv_is_refused_with_line_and_column(table: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=message):
        read(draw(tmp_path, {"t.csv": table}) / "t.csv", tmp_path / "scratch")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"text": "a", "label": "x"}\n{"text": "b"}\n', "Line 2 of 't.jsonl' has no 'label'"),
        ('{"text": "a", "label": "x"}\n[1]\n', "Line 2 of 't.jsonl' is not a JSON object"),
        ('{"text": "a", "label": "x"}\n\n{"text": \n', "Line 3 of 't.jsonl' is not JSON"),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": null}\n', "Line 2 of 't.jsonl' has no label"),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": 0.5}\n', "which names no class"),
        ('{"text": "a", "label": "x"}\n{"text": "b", "label": ["y"]}\n', "which names no class"),
        ('{"text": "a", "label": "x"}\n{"text": 7, "label": "y"}\n', "Line 2 of 't.jsonl' has no text"),
        ('{"text": "\\ud800", "label": "x"}\n', "The text of line 1 of 't.jsonl' is not valid Unicode"),
        ('{"text": "a", "label": ' + "[" * 100_000 + "\n", "Line 1 of 't.jsonl' is not JSON"),
    ],
)
def test_a_wrong_line_of_json_is_named(lines: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=message):
        read(draw(tmp_path, {"t.jsonl": lines}) / "t.jsonl", tmp_path / "scratch")


def test_whole_numbers_and_booleans_are_labels(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"text": str(n), "label": label}) + "\n" for n, label in enumerate([1, 2.0, True, "z"]))
    listing = read(draw(tmp_path, {"t.jsonl": lines}) / "t.jsonl", tmp_path / "scratch")
    assert [row.label for row in listing.rows] == ["1", "2", "true", "z"]


def test_a_broken_parquet_is_named(tmp_path: Path) -> None:
    whole = as_parquet(TABLE)
    with pytest.raises(BadDataError, match=r"'t\.parquet' cannot be read as Parquet"):
        read(draw(tmp_path, {"t.parquet": whole[:40]}) / "t.parquet", tmp_path / "scratch")


def test_a_column_that_parquet_has_twice_is_refused(tmp_path: Path) -> None:
    sink = pyarrow.BufferOutputStream()
    columns = [pyarrow.array(["a", "b"]), pyarrow.array(["x", "y"]), pyarrow.array(["z", "w"])]
    parquet.write_table(pyarrow.Table.from_arrays(columns, names=["text", "label", "label"]), sink)
    file = draw(tmp_path, {"t.parquet": bytes(sink.getvalue().to_pybytes())}) / "t.parquet"
    with pytest.raises(BadDataError, match=r"'t\.parquet' has 2 columns called 'label'"):
        read(file, tmp_path / "scratch")


def test_a_column_of_splits_that_file_names_outvote_is_noted(tmp_path: Path) -> None:
    table = "text,label,split\na,x,dev\nb,y,dev\n"
    listing = read(draw(tmp_path / "data", {"train.csv": table, "test.csv": table}), tmp_path / "scratch")
    assert {row.split for row in listing.rows} == {"train", "test"}
    assert "the column 'split' of 'test.csv' was not read, since file names say the splits" in listing.notes


BOOKS = "text,label,book\n" + "".join(f"page {n},{'pos' if n % 2 else 'neg'},{n // 4}\n" for n in range(40))


@pytest.mark.parametrize(("name", "written"), [("t.csv", str.encode), ("t.jsonl", as_jsonl), ("t.parquet", as_parquet)])
def test_a_column_of_groups_is_read_and_a_group_stays_in_one_split(
    tmp_path: Path, name: str, written: Callable[[str], bytes]
) -> None:
    listing = read(draw(tmp_path, {name: written(BOOKS)}) / name, tmp_path / "scratch", split=HALVES, group="book")
    assert [row.group for row in listing.rows] == [str(n // 4) for n in range(40)]
    assert len({(row.group, row.split) for row in listing.rows}) == 10


def test_a_row_without_a_group_is_refused_with_its_line(tmp_path: Path) -> None:
    data = draw(tmp_path, {"t.csv": BOOKS + "page 40,pos,\n"}) / "t.csv"
    with pytest.raises(BadDataError, match=r"Line 42 of 't\.csv' has no group"):
        read(data, tmp_path / "scratch", group="book")


def test_a_column_of_groups_that_is_not_there_is_refused_with_the_near_name(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="has no column 'boook'") as refused:
        read(draw(tmp_path, {"t.csv": BOOKS}) / "t.csv", tmp_path / "scratch", group="boook")
    assert "Did you mean 'book'? Name it with --group-column" in str(refused.value.remedy)


def test_a_column_called_group_that_nobody_asked_for_is_noted(tmp_path: Path) -> None:
    listing = read(draw(tmp_path, {"t.csv": BOOKS.replace("book", "group", 1)}) / "t.csv", tmp_path / "scratch")
    assert any("name it with --group-column" in note for note in listing.notes)
    assert {row.group for row in listing.rows} == {None}
