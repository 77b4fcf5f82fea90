"""CSV in the dialects that spreadsheets and libraries write, and the causes of what cannot be read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from registry.errors import BadDataError
from tests.adapters.dvc.worlds import draw, read

ROWS = [("good film, loved it", "pos"), ("awful", "neg")]


def rows_of(content: str | bytes, folder: Path, name: str = "t.csv") -> list[tuple[str | None, str | None]]:
    return [(row.text, row.label) for row in read(draw(folder, {name: content}) / name, folder / "scratch").rows]


@pytest.mark.parametrize(
    "content",
    [
        ',text,label\n0,"good film, loved it",pos\n1,awful,neg\n',
        'text,label,\n"good film, loved it",pos,\nawful,neg,\n',
        'id,id,text,label\n0,0,"good film, loved it",pos\n1,1,awful,neg\n',
        'text,label\n"good film, loved it",pos,\nawful,neg,,\n',
        'text;label\n"good film, loved it";pos\nawful;neg\n',
        "text\tlabel\ngood film, loved it\tpos\nawful\tneg\n",
        "text|label\ngood film, loved it|pos\nawful|neg\n",
        'sep=,\ntext,label\n"good film, loved it",pos\nawful,neg\n',
        'sep=;\r\ntext;label\r\n"good film, loved it";pos\r\nawful;neg\r\n',
        'text, label\n"good film, loved it", "pos"\n"awful", "neg"\n',
        'text,label\n"good film, loved it",pos\n   \nawful,neg\n',
        '"text"\t"label"\n"good film, loved it"\t"pos"\n"awful"\t"neg"\n',
    ],
)
def test_a_dialect_gives_the_same_rows(content: str, tmp_path: Path) -> None:
    assert rows_of(content, tmp_path) == ROWS


def test_another_delimiter_than_the_name_says_is_noted(tmp_path: Path) -> None:
    file = draw(tmp_path, {"t.csv": "text;label\na;x\nb;y\n"}) / "t.csv"
    assert read(file, tmp_path / "scratch").notes == ("'t.csv' has semicolons between its columns",)


def test_rows_of_a_tsv_are_lines(tmp_path: Path) -> None:
    table = 'text\tlabel\n"Well, that was awful\tneg\ndull\tneg\nshe said stop"\tpos\n'
    assert rows_of(table, tmp_path, "t.tsv") == [
        ('"Well, that was awful', "neg"),
        ("dull", "neg"),
        ('she said stop"', "pos"),
    ]


def test_quotation_marks_round_a_cell_of_a_tsv_are_kept_and_noted(tmp_path: Path) -> None:
    file = draw(tmp_path, {"t.tsv": 'text\tlabel\n"whole"\tneg\nplain\tpos\n'}) / "t.tsv"
    listing = read(file, tmp_path / "scratch")
    assert listing.rows[0].text == '"whole"'
    assert listing.notes == ("1 lines of 't.tsv' have a cell in quotation marks: with tabs they are part of it",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"text,label\n" + b"a plain row,pos\n" * 2000 + b"sch\xf6n,neg\n",
            r"Line 2002 of .* \(byte 0xf6 at position 4\)",
        ),
        ("text,label\na,x\n".encode("utf-16"), "'t.csv' is text in UTF-16. Save it as UTF-8"),
        (gzip.compress(b"text,label\na,x\n", mtime=0), "'t.csv' is compressed with gzip"),
        (b"", "'t.csv' is empty"),
        (b'text,label\na,x\n"b,y\nc,x\n', "Line 3 of 't.csv' is not CSV"),
        (b'text,label\n"a\nb",x\n"c\nd",\n', "Line 4 of 't.csv' has no label"),
        (b"sep=#\ntext#label\na#x\n", "'t.csv' has '#' between its columns"),
        (b"text\tlabel\na\tx\tz\n", "Line 2 of 't.csv' has 3 cells, .* cells hold neither tabs"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=message):
        rows_of(content, tmp_path)


def test_a_spreadsheet_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=r"'t\.xlsx' is a spreadsheet. Save it as CSV"):
        rows_of(b"PK\x03\x04", tmp_path, "t.xlsx")
