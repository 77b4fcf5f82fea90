"""The examples of pictures are shown small, as the confined process that reads data decoded them."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from registry.domain.names import Name, Reference
from registry.domain.verbs.data import AddDataset
from registry.errors import DatasetChangedError
from registry.services.data import thumbnails
from registry.services.data.verbs import Datasets
from tests.adapters.dvc.worlds import paint_classes
from tests.fakes.blobs import MemoryBlobs

PETS = Reference.parse("datasets:/data/pets/1")


def add(datasets: Datasets, source: Path) -> None:
    datasets.add(AddDataset(Name("data", "pets"), str(source), licence="mit"))


def shades(datasets: Datasets) -> list[tuple[str, int]]:
    """The label of each example, and the grey in its picture."""
    shown = []
    for one in datasets.look(PETS, pictures=True).examples:
        with Image.open(BytesIO(b64decode(one.thumbnail))) as picture:
            assert (picture.format, picture.size) == ("PNG", (192, 192))
            (grey,) = np.unique(np.asarray(picture)).tolist()
        shown.append((str(one.label), grey))
    return sorted(shown)


def test_picture_files_and_pictures_of_an_array_are_shown_each_with_its_label(
    datasets: Datasets, tmp_path: Path
) -> None:
    add(datasets, paint_classes(tmp_path / "in", {"cat": 2, "dog": 2}))
    assert shades(datasets) == [("cat", 0), ("cat", 1), ("dog", 20), ("dog", 21)]
    assert {one.thumbnail for one in datasets.look(PETS).examples} == {""}


def test_pictures_of_an_array_are_shown_each_with_its_label(datasets: Datasets, tmp_path: Path) -> None:
    x = np.stack([np.full((4, 4), shade, np.uint8) for shade in (0, 1, 20, 21)])
    np.savez(tmp_path / "pets.npz", x=x, y=np.array([0, 0, 1, 1]))
    add(datasets, tmp_path / "pets.npz")
    assert shades(datasets) == [("0", 0), ("0", 1), ("1", 20), ("1", 21)]


def test_where_pictures_cannot_be_shown_the_look_says_why(
    datasets: Datasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(datasets, paint_classes(tmp_path / "in", {"cat": 2, "dog": 2}))
    monkeypatch.setattr(thumbnails, "MOST", 100)
    look = datasets.look(PETS, pictures=True)
    assert look.not_shown.startswith("The examples are in files of ")
    assert replace(look, not_shown="") == datasets.look(PETS)


def test_stored_bytes_that_were_changed_are_not_shown(datasets: Datasets, tmp_path: Path, blobs: MemoryBlobs) -> None:
    add(datasets, paint_classes(tmp_path / "in", {"cat": 2, "dog": 2}))
    one = next(entry for entry in datasets.version(PETS).files if entry.path == "cat/0.png")
    blobs.kept[one.sha256] = b"other"
    with pytest.raises(DatasetChangedError, match=r"'cat/0\.png'"):
        datasets.look(PETS, pictures=True)
