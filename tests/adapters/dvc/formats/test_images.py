"""Images in folders of classes, or listed by an index that names its files as people and programs write paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, SplitPlan
from registry.errors import BadDataError, TooLargeError
from tests.adapters.dvc.worlds import draw, paint, paint_classes, read

HALVES = SplitPlan({"train": 0.5, "test": 0.5})


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


def test_an_image_folder_has_a_row_for_each_picture(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 4, "dog": 4})
    draw(data, {"README.md": "about", "cat/.DS_Store": "x"})
    listing = read(data, tmp_path / "scratch", split=HALVES)
    assert (listing.format, listing.modality) == (DataFormat.IMAGE_FOLDER, Modality.IMAGE)
    assert [row.path for row in listing.rows] == sorted(str(row.path) for row in listing.rows)
    assert [row.key for row in listing.rows] == list(range(8))
    first = listing.rows[0]
    assert first.digest == Digest.of((data / "cat/0.png").read_bytes())
    assert {"README.md", "cat/.DS_Store"} < {entry.path for entry in listing.files}
    assert sorted((row.split, row.label) for row in listing.rows) == sorted(
        [("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "dog")] * 2
    )


def test_a_csv_beside_the_images_gives_their_labels_and_splits(tmp_path: Path) -> None:
    for shade in range(3):
        paint(tmp_path / f"data/pictures/{shade}.png", shade)
    draw(
        tmp_path / "data",
        {"labels.csv": "label,path,split\ncat,pictures/1.png,train\ndog,pictures/0.png,test\n"},
    )
    listing = read(tmp_path / "data", tmp_path / "scratch")
    assert [(row.path, row.label, row.split) for row in listing.rows] == [
        ("pictures/1.png", "cat", "train"),
        ("pictures/0.png", "dog", "test"),
    ]
    assert listing.notes == ("1 images are in no row of labels.csv",)
    assert listing.split.column == "split"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gone.png,cat", r"Line 3 of 'labels\.csv' names 'gone\.png', which is not there"),
        ("../../etc/passwd,cat", "which is not there"),
        ("0.png,dog", r"Line 3 .* names '0\.png' again, after line 2"),
        ("1.png,", "Line 3 .* has no label"),
        ("1.png", "Line 3 .* has 1 cells, but there are 2 columns"),
    ],
)
def test_a_wrong_line_of_the_csv_is_named(line: str, message: str, tmp_path: Path) -> None:
    paint(tmp_path / "data/0.png", 0)
    paint(tmp_path / "data/1.png", 1)
    draw(tmp_path / "data", {"labels.csv": f"path,label\n0.png,cat\n{line}\n"})
    with pytest.raises(BadDataError, match=message):
        read(tmp_path / "data", tmp_path / "scratch")


def test_two_tables_that_list_images_are_refused(tmp_path: Path) -> None:
    paint(tmp_path / "data/0.png", 0)
    draw(tmp_path / "data", {"a.csv": "path,label\n", "b.csv": "file_name,label\n"})
    with pytest.raises(BadDataError, match=r"'a\.csv' and 'b\.csv' both list images"):
        read(tmp_path / "data", tmp_path / "scratch")


def test_a_truncated_picture_is_named(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    paint(data / "dog/x.jpg", 9, (64, 64))
    whole = (data / "dog/x.jpg").read_bytes()
    (data / "dog/x.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadDataError, match=r"The image 'dog/x\.jpg' cannot be read"):
        read(data, tmp_path / "scratch")


def test_what_only_calls_itself_a_picture_is_named(tmp_path: Path) -> None:
    data = draw(paint_classes(tmp_path / "data", {"cat": 2, "dog": 2}), {"cat/fake.png": "%!PS-Adobe-3.0 EPSF-3.0\n"})
    with pytest.raises(BadDataError, match=r"'cat/fake\.png' cannot be read: cannot identify image file 'fake\.png'"):
        read(data, tmp_path / "scratch")


def test_a_picture_that_would_fill_the_memory_is_not_decoded(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    Image.new("1", (8193, 8192)).save(data / "cat/bomb.png")
    with pytest.raises(TooLargeError, match=r"'cat/bomb.png' has 8,193 x 8,192 pixels, more than 67,108,864 in all"):
        read(data, tmp_path / "scratch")
