"""What is guessed about a table before anybody has said which columns it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.cli.guided.columns import sample_of
from registry.presenting.starting import delimiter_of, guessed

ROWS = ("7;parcel, lost;post", "8;charged twice, it seems;money", "9;late parcel;post")


@pytest.mark.parametrize(("name", "header"), [("a.csv", "no;message;team"), ("b.csv", "sep=;\r\nno;message;team")])
def test_texts_are_the_longest_column_and_labels_the_one_with_the_fewest_kinds(
    tmp_path: Path, name: str, header: str
) -> None:
    file = tmp_path / name
    file.write_text("\ufeff" + "\r\n".join([header, *ROWS, "half"]), encoding="utf-8")
    heads, rows = sample_of(file)
    assert heads == ["no", "message", "team"]
    assert len(rows) == len(ROWS)
    assert guessed(heads, rows) == ("message", "team")


def test_columns_of_the_usual_names_are_taken_and_one_that_says_the_same_everywhere_is_no_label() -> None:
    assert guessed(["note", "text", "label"], [["much longer than it", "a", "1"]]) == ("text", "label")
    rows = [["a long text", "en", "good"], ["another text", "en", "bad"]]
    assert guessed(["body", "language", "mood"], rows) == ("body", "mood")
    assert guessed(["body"], [["a"]]) == ("body", "")


@pytest.mark.parametrize(
    ("header", "suffix", "sign"),
    [("a,b", ".csv", ","), ('"a,b,c";d', ".csv", ";"), ("a,b\tc", ".tsv", "\t"), ("a", ".csv", ",")],
)
def test_columns_are_divided_by_what_the_header_has_most(header: str, suffix: str, sign: str) -> None:
    assert delimiter_of(header, suffix) == sign
