"""Features as training reads them: the rows of a tabular dataset, out of `.npz` or Parquet, as one array of floats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.domain.data.datasets import DataFormat, Row
from registry.errors import BadDataError, MissingExtraError
from registry.ports.transfers import DataInput

COLUMN = "x"
"""The array, or the column of lists, that holds them."""


def read_vectors(rows: Sequence[Row], data: DataInput) -> NDArray[np.float32]:
    """The features of `rows` in their order: N x D, float32.

    Raises: BadDataError naming the row or file that holds no such features, MissingExtraError.
    """
    read = _of_parquet if data.format is DataFormat.PARQUET else _of_npz
    files: dict[str, NDArray[Any]] = {}
    found = []
    for row in rows:
        if row.path is None or row.index is None:
            raise BadDataError(f"Row {row.key} of {data.label} holds no features", remedy="Use a tabular dataset")
        if row.path not in files:
            files[row.path] = _checked(read(data.root / row.path, data.label), row.path, data.label)
        if not 0 <= row.index < len(files[row.path]):
            raise BadDataError(f"Row {row.key} of {data.label} points past the end of {row.path}")
        found.append(files[row.path][row.index])
    if len({len(one) for one in found}) > 1:
        raise BadDataError(f"The files of {data.label} differ in the number of features")
    return np.stack(found).astype(np.float32) if found else np.zeros((0, 0), np.float32)


def _checked(found: NDArray[Any], path: str, label: str) -> NDArray[Any]:
    if found.ndim != 2 or found.dtype.kind not in "uif":
        raise BadDataError(
            f"'x' in {path} of {label} has shape {found.shape} and type {found.dtype}, not N x D numbers",
            remedy="Use a tabular dataset",
        )
    return found


def _of_npz(path: Path, label: str) -> NDArray[Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file[COLUMN])
    except (OSError, ValueError, KeyError) as error:
        raise BadDataError(f"{path.name} of {label} has no readable array {COLUMN}: {error}") from error


def _of_parquet(path: Path, label: str) -> NDArray[Any]:
    try:
        import pyarrow  # noqa: PLC0415 -- only features in Parquet need it, and a GPU machine may be without
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            f"{path.name} of {label} is Parquet, and pyarrow is not installed", remedy="Run: pip install pyarrow"
        ) from error
    try:
        column = parquet.read_table(path, columns=[COLUMN]).column(COLUMN).combine_chunks()
        values = column.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(values).reshape(len(column), -1)
    except (OSError, ValueError, KeyError, AttributeError, pyarrow.ArrowException) as error:
        raise BadDataError(f"{path.name} of {label} has no readable column {COLUMN}: {error}") from error
