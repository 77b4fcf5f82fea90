"""Features are read alike from both formats, in the order of the rows that are asked for."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from adapters.inputs.vectors import read_vectors
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, Row
from registry.errors import BadDataError, MissingExtraError
from registry.ports.transfers import DataInput
from tests.adapters.dvc.worlds import read
from tests.builders import digest

X = np.arange(12, dtype=np.float32).reshape(4, 3) / 8


@pytest.fixture(params=[DataFormat.NPZ, DataFormat.PARQUET])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> DataInput:
    """Four rows of three features, registered from a file of each format."""
    kind: DataFormat = request.param
    folder = tmp_path / "data"
    folder.mkdir()
    if kind is DataFormat.NPZ:
        np.savez(folder / "f.npz", x=X, y=np.array([0, 1, 0, 1]))
    else:
        parquet.write_table(pyarrow.table({"x": list(X), "label": ["0", "1", "0", "1"]}), folder / "f.parquet")
    listing = read(folder, tmp_path / "scratch")
    return DataInput(folder, digest("f"), "data/f/1", listing.format, Modality.TABULAR, listing.rows, "train")


def test_vectors_come_in_the_order_of_the_rows_that_were_asked_for(data: DataInput) -> None:
    found = read_vectors([data.rows[2], data.rows[0]], data)
    assert found.dtype == np.float32
    assert np.array_equal(found, X[[2, 0]])
    assert read_vectors([], data).shape[0] == 0


def test_a_row_that_is_not_there_is_named(data: DataInput) -> None:
    with pytest.raises(BadDataError, match="Row 0 of data/f/1 points past the end"):
        read_vectors([replace(data.rows[0], index=9)], data)
    with pytest.raises(BadDataError, match="Row 0 of data/f/1 holds no features"):
        read_vectors([Row(0, digest("x"), "train", "0", text="x")], data)


def test_what_is_no_table_of_numbers_is_refused(data: DataInput) -> None:
    name = str(data.rows[0].path)
    (data.root / name).write_bytes(b"nonsense")
    with pytest.raises(BadDataError, match=rf"{name} of data/f/1 has no readable (array|column) x"):
        read_vectors(data.rows, data)


def test_pictures_are_no_features(data: DataInput) -> None:
    np.savez(data.root / "p.npz", x=np.zeros((4, 2, 2)))
    pictures = replace(data, format=DataFormat.NPZ)
    with pytest.raises(BadDataError, match=r"'x' in p\.npz of data/f/1 has shape \(4, 2, 2\)"):
        read_vectors([replace(data.rows[0], path="p.npz")], pictures)


def test_parquet_without_pyarrow_says_what_to_install(data: DataInput, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    if data.format is DataFormat.NPZ:
        assert len(read_vectors(data.rows, data)) == 4
        return
    with pytest.raises(MissingExtraError, match="pip install pyarrow"):
        read_vectors(data.rows, data)
