"""JSON Lines and JSON arrays are the same table, with the columns of all rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.errors import BadDataError
from registry.ports.data import DataListing
from tests.adapters.dvc.worlds import draw, paint_classes, read

ITEMS = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}, {"text": "c", "label": "x"}]


def listed(content: str, folder: Path, name: str = "t.json") -> DataListing:
    return read(draw(folder, {name: content}) / name, folder / "scratch")


def test_an_array_has_the_rows_of_the_same_lines(tmp_path: Path) -> None:
    lines = listed("".join(json.dumps(item) + "\n" for item in ITEMS), tmp_path, "t.jsonl").rows
    assert listed(json.dumps(ITEMS), tmp_path).rows == lines
    assert listed(json.dumps(ITEMS, indent=1), tmp_path).rows == lines


def test_columns_are_those_of_all_rows(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=r"Item 1 of 't\.json' has no split"):
        listed(json.dumps([ITEMS[0], {**ITEMS[1], "split": "test"}]), tmp_path)
    with pytest.raises(BadDataError, match=r"Item 1 of 't\.json' has no 'label'"):
        listed(json.dumps([{"text": "a"}, *ITEMS]), tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", r"Item 1 of 't\.json' is not a JSON object"),
        ('[{"text": ', r"'t\.json' is not JSON"),
        ('{"text": "a", "text": "b", "label": "x"}', "Line 1 .* is not JSON: the key 'text' is given twice"),
    ],
)
def test_a_wrong_array_is_named(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=message):
        listed(content, tmp_path)


def test_tables_in_json_are_found_in_a_folder_unless_they_describe_other_files(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"train.json": json.dumps(ITEMS), "test.json": json.dumps(ITEMS[:2])})
    assert [row.split for row in read(data, tmp_path / "scratch").rows] == ["test"] * 2 + ["train"] * 3
    pictures = draw(paint_classes(tmp_path / "pictures", {"cat": 2, "dog": 2}), {"info.json": "{}"})
    assert len(read(pictures, tmp_path / "scratch").rows) == 4
    lines = draw(tmp_path / "lines", {"d.jsonl": json.dumps(ITEMS[0]) + "\n" + json.dumps(ITEMS[1]), "info.json": "{}"})
    assert len(read(lines, tmp_path / "scratch").rows) == 2
