"""Arrays of an .npz: rows by index, and what training could not read is refused."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, SplitPlan
from registry.errors import BadDataError, TooLargeError
from tests.adapters.dvc.worlds import read

HALVES = SplitPlan({"train": 0.5, "test": 0.5})


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
    with pytest.raises(TooLargeError, match=r"unpacks to 4,294,967,280 bytes or more; files of \d+ bytes"):
        read(tmp_path / "big.npz", tmp_path / "scratch")


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
        ({"x": np.zeros(2), "y": np.array([0, 1])}, "'x' of 't.npz' is float64 of shape"),
        ({"x": np.array([["a"], ["b"]]), "y": np.array([0, 1])}, "'x' of 't.npz' is <U1"),
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
def test_wrong_arrays_are_refused(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(BadDataError, match=message):
        read(tmp_path / "t.npz", tmp_path / "scratch")


@pytest.mark.parametrize(
    "x", [np.zeros((4, 8, 8, 4), np.uint8), np.zeros((4, 8, 8, 5), np.uint8), np.full((4, 8, 8), -1.0)]
)
def test_arrays_that_training_cannot_read_are_refused_at_registration(x: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=x, y=np.array([0, 1, 0, 1]))
    with pytest.raises(BadDataError, match=r"'x' of 't\.npz' has"):
        read(tmp_path / "t.npz", tmp_path / "scratch")


def test_archives_that_differ_in_their_largest_value_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, white in (("train", 4000), ("test", 3000)):
        np.savez(tmp_path / f"data/{name}.npz", x=np.full((2, 2, 2), white), y=np.array([0, 1]))
    with pytest.raises(BadDataError, match="differ in the largest value of x, which is read as white"):
        read(tmp_path / "data", tmp_path / "scratch")


def test_an_array_says_which_group_each_row_belongs_to(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.eye(4), y=np.array([0, 1, 0, 1]), patient=np.array([7, 7, 8, 8]))
    listing = read(tmp_path / "a.npz", tmp_path / "scratch", split=HALVES, group="patient")
    assert [row.group for row in listing.rows] == ["7", "7", "8", "8"]
    np.savez(tmp_path / "b.npz", x=np.eye(4), y=np.array([0, 1, 0, 1]), patient=np.array([7, 7, 8]))
    with pytest.raises(BadDataError, match="has 4 rows of x but 3 of 'patient'"):
        read(tmp_path / "b.npz", tmp_path / "scratch", group="patient")
