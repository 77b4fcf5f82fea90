"""An index names its files as people and programs write paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.errors import BadDataError
from tests.adapters.dvc.worlds import draw, paint, read


@pytest.mark.parametrize(
    ("file", "written"),
    [
        ("img/0.png", "./img/0.png"),
        ("img/0.png", r"img\0.png"),
        ("img/0.png", "img//0.png"),
        ("caf\u00e9.png", "cafe\u0301.png"),
        ("cafe\u0301.png", "caf\u00e9.png"),
    ],
)
def test_a_path_is_found_however_it_is_written(file: str, written: str, tmp_path: Path) -> None:
    paint(tmp_path / "data" / file, 1)
    paint(tmp_path / "data/other.png", 2)
    draw(tmp_path / "data", {"labels.csv": f"path,label\n{written},cat\nother.png,dog\n"})
    assert [row.path for row in read(tmp_path / "data", tmp_path / "scratch").rows] == [file, "other.png"]


def test_a_path_that_two_files_have_in_different_forms_is_refused(tmp_path: Path) -> None:
    for name in ("a\u0323\u0302.png", "a\u0302\u0323.png"):  # both are U+1EAD in NFC
        paint(tmp_path / "data" / name, 1)
    draw(tmp_path / "data", {"labels.csv": "path,label\n\u1ead.png,cat\n"})
    with pytest.raises(BadDataError, match="2 files have that name in different Unicode forms"):
        read(tmp_path / "data", tmp_path / "scratch")
