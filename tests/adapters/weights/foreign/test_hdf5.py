"""HDF5: numbers by path, and nothing that leads out of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from adapters.weights.foreign.hdf5 import read_arrays
from registry.errors import BadArtifactError, UnsafeArtifactError


def test_arrays_are_named_by_their_path(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["block1/layers/conv2d/vars/0"] = np.arange(6, dtype="f4").reshape(2, 3)
        file["top"] = np.float64(2)
        file.create_group("empty")
    found = read_arrays(tmp_path / "w.h5")
    assert found["block1/layers/conv2d/vars/0"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["top"].shape == ()


@pytest.mark.parametrize("kind", ["soft", "external", "storage", "text"])
def test_what_leads_out_of_the_file_or_holds_no_numbers_is_refused(kind: str, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_bytes(b"x" * 64)
    other: Any = {"soft": h5py.SoftLink("/a"), "external": h5py.ExternalLink("other.h5", "/a"), "text": "words"}.get(
        kind
    )
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a"] = np.ones(3)
        if kind == "storage":
            file.create_dataset("b", (64,), "u1", external=[(str(tmp_path / "secret.txt"), 0, 64)])
        else:
            file["b"] = other
    with pytest.raises(
        UnsafeArtifactError, match=r"^'b' in the weights (is a link|lies outside the file|holds object, not numbers)"
    ):
        read_arrays(tmp_path / "w.h5")


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("a", data=np.zeros(4_000_000, "u1"), compression="gzip")
    with pytest.raises(BadArtifactError, match="16 times its size"):
        read_arrays(tmp_path / "w.h5")


def test_a_torn_file_is_damaged(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a"] = np.ones(1000)
    whole = (tmp_path / "w.h5").read_bytes()
    for length in (8, 100, len(whole) // 2):
        (tmp_path / "w.h5").write_bytes(whole[:length])
        with pytest.raises(BadArtifactError, match="not a valid HDF5 file"):
            read_arrays(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "w"):
        pass
    with pytest.raises(BadArtifactError, match="holds no arrays"):
        read_arrays(tmp_path / "w.h5")
