"""Every format gives rows in a stable order, and says plainly what is wrong with it."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from adapters.inputs.pictures import MAX_PIXELS, open_picture
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, SplitPlan
from registry.errors import BadDataError, InvalidError, NotFoundError
from tests.adapters.dvc.worlds import draw, paint, paint_classes, read

HALVES = SplitPlan({"train": 0.5, "test": 0.5})
TABLE = "text,label\ngood film,pos\nbad film,neg\nfine film,pos\npoor film,neg\n"


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


def test_folders_of_splits_are_kept(tmp_path: Path) -> None:
    paint_classes(tmp_path / "data/train", {"cat": 3, "dog": 2})
    paint_classes(tmp_path / "data/val", {"cat": 1, "dog": 1})
    listing = read(tmp_path / "data", tmp_path / "scratch")
    assert {row.split for row in listing.rows} == {"train", "validation"}
    assert listing.split.column == "folder"
    assert listing.notes == ("2 contents stand in more than one of the splits that the dataset brought",)


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


def test_two_tables_that_list_images_are_one_too_many(tmp_path: Path) -> None:
    paint(tmp_path / "data/0.png", 0)
    draw(tmp_path / "data", {"a.csv": "path,label\n", "b.csv": "file_name,label\n"})
    with pytest.raises(BadDataError, match=r"'a\.csv' and 'b\.csv' both list images"):
        read(tmp_path / "data", tmp_path / "scratch")


@pytest.mark.parametrize("source", ["pictures", "texts"])
def test_a_folder_has_no_column_of_splits(source: str, tmp_path: Path) -> None:
    paint_classes(tmp_path / "pictures", {"cat": 2, "dog": 2})
    draw(tmp_path / "texts", {"a/1.txt": "x", "b/1.txt": "y"})
    with pytest.raises(BadDataError, match="has no column 'fold'"):
        read(tmp_path / source, tmp_path / "scratch", split=SplitPlan(column="fold"))


def test_archives_of_a_folder_agree_about_shapes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, side in (("train", 2), ("test", 3)):
        np.savez(tmp_path / f"data/{name}.npz", x=np.zeros((2, side, side)), y=np.array([0, 1]))
    with pytest.raises(BadDataError, match="The archives differ in the shape of x"):
        read(tmp_path / "data", tmp_path / "scratch")


def test_archives_named_after_splits_are_splits(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("train", "test"):
        np.savez(tmp_path / f"data/{name}.npz", x=np.eye(2), y=np.array([0, 1]))
    listing = read(tmp_path / "data", tmp_path / "scratch")
    assert [(row.path, row.index, row.split) for row in listing.rows] == [
        ("test.npz", 0, "test"),
        ("test.npz", 1, "test"),
        ("train.npz", 0, "train"),
        ("train.npz", 1, "train"),
    ]
    assert listing.notes


def test_an_archive_that_claims_more_than_memory_holds_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "big.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"x{number}.npy", b"")
    big = bytearray((tmp_path / "big.npz").read_bytes())
    at = -1
    for _ in range(5):
        at = big.index(b"PK\x01\x02", at + 1)
        big[at + 24 : at + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    (tmp_path / "big.npz").write_bytes(big)
    with pytest.raises(BadDataError, match="unpacks to 21,474,836,400 bytes"):
        read(tmp_path / "big.npz", tmp_path / "scratch")


def test_a_named_format_that_is_not_there_is_told(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    with pytest.raises(BadDataError, match="There is no parquet file in it"):
        read(data, tmp_path / "scratch", format=DataFormat.PARQUET)


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


def test_one_class_only_is_no_dataset(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2})
    with pytest.raises(BadDataError, match="Every row has the label 'cat'"):
        read(data, tmp_path / "scratch")


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
    side = int(MAX_PIXELS**0.5) + 1
    Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    with pytest.raises(BadDataError, match="pixels"):
        open_picture(tmp_path / "bomb.png", "bomb.png")


def test_a_stray_file_in_a_class_is_named(tmp_path: Path) -> None:
    data = draw(paint_classes(tmp_path / "data", {"cat": 2, "dog": 2}), {"dog/notes.md": "x"})
    with pytest.raises(BadDataError, match=r"'dog/notes\.md' is in a class folder"):
        read(data, tmp_path / "scratch")


def test_a_picture_outside_every_class_is_named(tmp_path: Path) -> None:
    data = paint_classes(tmp_path / "data", {"cat": 2, "dog": 2})
    paint(data / "lost.png", 3)
    with pytest.raises(BadDataError, match=r"'lost\.png' lies in no class folder"):
        read(data, tmp_path / "scratch")


@pytest.mark.parametrize("other", ["cat/a.txt", "table.jsonl", "table.csv"])
def test_mixed_formats_are_refused_with_one_file_of_each(other: str, tmp_path: Path) -> None:
    data = draw(paint_classes(tmp_path / "data", {"cat": 2, "dog": 2}), {other: TABLE})
    with pytest.raises(BadDataError, match="The folder holds several formats: .*png.*" + other):
        read(data, tmp_path / "scratch")


def test_a_folder_with_nothing_readable_says_what_would_be(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match="image-folder, text-folder, csv"):
        read(draw(tmp_path / "data", {"a.bin": "x"}), tmp_path / "scratch")


def test_a_text_folder_has_a_row_for_each_file(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"pos/1.txt": "gut", "pos/2.txt": "schön", "neg/1.txt": "übel", "neg/2.txt": "arg"})
    listing = read(data, tmp_path / "scratch", split=HALVES)
    assert (listing.format, listing.modality) == (DataFormat.TEXT_FOLDER, Modality.TEXT)
    assert [(row.text, row.label) for row in listing.rows] == [
        ("übel", "neg"), ("arg", "neg"), ("gut", "pos"), ("schön", "pos")
    ]  # fmt: skip
    assert listing.rows[0].digest == Digest.of("übel".encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"gut\n\xe4", "Line 2 of {} is not UTF-8"),
        (b"\xff\xfe", "{} is text in UTF-16"),
        (b"  \n", "{} has no text"),
    ],
)
def test_a_text_that_cannot_be_used_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    data = draw(tmp_path / "data", {"pos/1.txt": "gut", "neg/1.txt": content})
    with pytest.raises(BadDataError, match=message.format("'neg/1.txt'")):
        read(data, tmp_path / "scratch")


def test_a_format_can_be_named_instead_of_found(tmp_path: Path) -> None:
    source = draw(tmp_path, {"odd.txt": TABLE}) / "odd.txt"
    assert read(source, tmp_path / "scratch", format=DataFormat.CSV).format is DataFormat.CSV
    with pytest.raises(BadDataError, match=r"Line 1 of 'odd\.txt' is not JSON"):
        read(source, tmp_path / "scratch", format=DataFormat.JSONL)


def test_arrays_have_a_row_for_each_index(tmp_path: Path) -> None:
    x = np.arange(6 * 2 * 2, dtype=np.uint8).reshape(6, 2, 2)
    np.savez(tmp_path / "digits.npz", x=x, y=np.array([0, 1, 0, 1, 0, 1]))
    listing = read(tmp_path / "digits.npz", tmp_path / "scratch", split=HALVES)
    assert (listing.format, listing.modality) == (DataFormat.NPZ, Modality.IMAGE)
    assert [(row.path, row.index, row.label) for row in listing.rows][:2] == [
        ("digits.npz", 0, "0"),
        ("digits.npz", 1, "1"),
    ]
    assert listing.rows[1].digest.hex == hashlib.sha256(b"|u1 2x2\n" + bytes([4, 5, 6, 7])).hexdigest()


def test_arrays_of_two_axes_are_tabular_and_may_bring_splits(tmp_path: Path) -> None:
    splits = np.array(["train", "test", "train", "test"])
    np.savez(tmp_path / "t.npz", x=np.eye(4, dtype=np.float32), y=np.array(["a", "b", "b", "a"]), split=splits)
    listing = read(tmp_path / "t.npz", tmp_path / "scratch")
    assert listing.modality is Modality.TABULAR
    assert [row.split for row in listing.rows] == ["train", "test", "train", "test"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.eye(2)}, "has no array 'y'; it has 'x'"),
        ({"x": np.eye(2), "y": np.array([0, 1, 2])}, "2 rows of x, but y has the shape"),
        ({"x": np.zeros(2), "y": np.array([0, 1])}, "x of 't.npz' is float64 of shape"),
        ({"x": np.array([["a"], ["b"]]), "y": np.array([0, 1])}, "x of 't.npz' is <U1"),
        (
            {"x": np.array([[0.0], [np.nan]]), "y": np.array([0, 1])},
            "Row 1 of 't.npz' has a value that is not a finite",
        ),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "has no rows"),
        ({"x": np.eye(2), "y": np.array([0.0, np.nan])}, "Row 1 of 't.npz' has no label"),
        ({"x": np.eye(2), "y": np.array([0, 1]), "split": np.array(["train"])}, "2 rows of x but 1 of 'split'"),
        ({"x": np.array([[None], [1]], dtype=object), "y": np.array([0, 1])}, "not an archive of plain arrays"),
    ],
)
def test_wrong_arrays_are_told(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(BadDataError, match=message):
        read(tmp_path / "t.npz", tmp_path / "scratch")


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        read(tmp_path / "nowhere", tmp_path / "scratch")


def test_only_a_pointer_of_dvc_has_revisions(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="--rev"):
        read(draw(tmp_path, {"t.csv": TABLE}) / "t.csv", tmp_path / "scratch", rev="main")


@pytest.mark.parametrize(
    "x", [np.zeros((4, 8, 8, 4), np.uint8), np.zeros((4, 8, 8, 5), np.uint8), np.full((4, 8, 8), -1.0)]
)
def test_arrays_that_training_cannot_read_are_refused_at_registration(x: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=x, y=np.array([0, 1, 0, 1]))
    with pytest.raises(BadDataError, match=r"x of 't\.npz' has"):
        read(tmp_path / "t.npz", tmp_path / "scratch")


def test_archives_with_another_white_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, white in (("train", 4000), ("test", 3000)):
        np.savez(tmp_path / f"data/{name}.npz", x=np.full((2, 2, 2), white), y=np.array([0, 1]))
    with pytest.raises(BadDataError, match="differ in the largest value of x, which is read as white"):
        read(tmp_path / "data", tmp_path / "scratch")
