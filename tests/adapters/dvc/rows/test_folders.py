"""Folders of splits are never read as classes, nor classes as splits."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError
from tests.adapters.dvc.worlds import draw, paint, paint_classes, read


def paint_splits(root: Path, *splits: str) -> Path:
    for number, split in enumerate(splits):
        for shade in range(3):
            paint(root / split / "cat" / f"{shade}.png", 10 * number + shade)
            paint(root / split / "dog" / f"{shade}.png", 100 + 10 * number + shade)
    return root


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("training_set", "test_set"), {"train", "test"}),
        (("train", "eval"), {"train", "test"}),
        (("train", "test", "holdout"), {"train", "test", "holdout"}),
        (("train2017", "val2017"), {"train", "validation"}),
    ],
)
def test_folders_named_after_splits_are_kept(folders: tuple[str, ...], splits: set[str], tmp_path: Path) -> None:
    listing = read(paint_splits(tmp_path / "data", *folders), tmp_path / "scratch")
    assert {row.split for row in listing.rows} == splits
    assert {row.label for row in listing.rows} == {"cat", "dog"}


def test_a_folder_beside_those_of_splits_is_refused_by_name(tmp_path: Path) -> None:
    data = paint_splits(tmp_path / "data", "train", "test", "extra")
    with pytest.raises(BadDataError, match="'test', 'train' are named after a split, but 'extra' is not"):
        read(data, tmp_path / "scratch")
    with pytest.raises(BadDataError, match="but 'extra' is not"):
        read(data, tmp_path / "scratch", labels=LabelKind.NONE)


def test_pictures_right_below_folders_of_splits_have_no_class(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"train": 2, "test": 2})
    with pytest.raises(BadDataError, match=r"'test/0\.png' lies in no class folder. .* in each split"):
        read(data, tmp_path / "scratch")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"train": 3, "bus": 3, "car": 3})
    assert {row.label for row in read(data, tmp_path / "scratch").rows} == {"train", "bus", "car"}


def test_what_operating_systems_leave_behind_is_no_row(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 3, "dog": 3})
    draw(data, {"cat/Thumbs.db": b"x", "dog/desktop.ini": "x", "__MACOSX/cat/._0.png": b"x", "cat/.DS_Store": b"x"})
    listing = read(data, tmp_path / "scratch")
    assert len(listing.rows) == 6
    assert len(listing.files) == 10


def test_a_class_in_two_unicode_forms_is_one_class(tmp_path: Path) -> None:
    data = paint_splits(tmp_path / "data", "train", "test")
    (data / "train/cat").rename(data / "train/caf\u00e9")
    (data / "test/cat").rename(data / "test/cafe\u0301")
    assert {row.label for row in read(data, tmp_path / "scratch").rows} == {"caf\u00e9", "dog"}


def test_classes_that_differ_in_case_only_are_noted(tmp_path: Path) -> None:
    table = draw(tmp_path, {"t.csv": "text,label\na,Pos\nb,pos\nc,neg\nd,neg\n"}) / "t.csv"
    assert read(table, tmp_path / "scratch").notes == ("The classes 'Pos' and 'pos' differ in case only",)


def test_folders_of_splits_are_kept(tmp_path: Path) -> None:
    paint_classes(tmp_path / "data/train", {"cat": 3, "dog": 2})
    paint_classes(tmp_path / "data/val", {"cat": 1, "dog": 1})
    listing = read(tmp_path / "data", tmp_path / "scratch")
    assert {row.split for row in listing.rows} == {"train", "validation"}
    assert listing.split.column == "folder"
    assert listing.notes == ("2 contents stand in more than one of the splits that the dataset brought",)


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    (data / "owl").mkdir()
    with pytest.raises(BadDataError, match="The class 'owl' is empty"):
        read(data, tmp_path / "scratch")


def test_a_class_that_is_empty_in_one_split_is_named(tmp_path: Path) -> None:
    paint_classes(tmp_path / "data/train", {"cat": 2, "dog": 2})
    paint_classes(tmp_path / "data/test", {"cat": 2})
    (tmp_path / "data/test/dog").mkdir()
    with pytest.raises(BadDataError, match="The class 'test/dog' is empty"):
        read(tmp_path / "data", tmp_path / "scratch")


def test_a_class_that_is_a_link_is_not_lost_in_silence(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    (data / "owl").symlink_to(data / "cat")
    with pytest.raises(BadDataError, match="'owl' is a link to a folder"):
        read(data, tmp_path / "scratch")


def test_a_file_of_another_kind_in_a_class_folder_is_named(tmp_path: Path) -> None:
    data = draw(paint_classes(tmp_path / "data", {"cat": 2, "dog": 2}), {"dog/notes.md": "x"})
    with pytest.raises(BadDataError, match=r"'dog/notes\.md' is in a class folder"):
        read(data, tmp_path / "scratch")


def test_a_picture_outside_every_class_is_named(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    paint(data / "lost.png", 3)
    with pytest.raises(BadDataError, match=r"'lost\.png' lies in no class folder"):
        read(data, tmp_path / "scratch")
