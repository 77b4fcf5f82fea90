"""Folders of texts have a row for each file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, SplitPlan
from registry.errors import BadDataError
from tests.adapters.dvc.worlds import draw, read

HALVES = SplitPlan({"train": 0.5, "test": 0.5})


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
