"""Which format a dataset has is found by its content, and several formats are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.data.datasets import DataFormat, SplitPlan
from registry.errors import BadDataError
from tests.adapters.dvc.worlds import draw, paint_classes, read

TABLE = "text,label\ngood film,pos\nbad film,neg\nfine film,pos\npoor film,neg\n"


@pytest.mark.parametrize("source", ["pictures", "texts"])
def test_a_folder_has_no_column_of_splits(source: str, tmp_path: Path) -> None:
    paint_classes(tmp_path / "pictures", {"cat": 2, "dog": 2})
    draw(tmp_path / "texts", {"a/1.txt": "x", "b/1.txt": "y"})
    with pytest.raises(BadDataError, match="has no column 'fold'"):
        read(tmp_path / source, tmp_path / "scratch", split=SplitPlan(column="fold"))


def test_a_named_format_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    with pytest.raises(BadDataError, match="There is no parquet file in it"):
        read(data, tmp_path / "scratch", format=DataFormat.PARQUET)


@pytest.mark.parametrize("other", ["cat/a.txt", "table.jsonl", "table.csv"])
def test_mixed_formats_are_refused_with_one_file_of_each(other: str, tmp_path: Path) -> None:
    data = draw(paint_classes(tmp_path / "data", {"cat": 2, "dog": 2}), {other: TABLE})
    with pytest.raises(BadDataError, match="The folder holds several formats: .*png.*" + other):
        read(data, tmp_path / "scratch")


def test_a_folder_with_nothing_readable_says_what_would_be(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="image-folder, text-folder, csv"):
        read(draw(tmp_path / "data", {"a.bin": "x"}), tmp_path / "scratch")


def test_a_format_can_be_named_instead_of_found(tmp_path: Path) -> None:
    source = draw(tmp_path, {"odd.txt": TABLE}) / "odd.txt"
    assert read(source, tmp_path / "scratch", format=DataFormat.CSV).format is DataFormat.CSV
    with pytest.raises(BadDataError, match=r"Line 1 of 'odd\.txt' is not JSON"):
        read(source, tmp_path / "scratch", format=DataFormat.JSONL)
