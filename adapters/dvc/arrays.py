"""Arrays: an `.npz` with `x` (N x ...), `y` (N) and perhaps `split` (N). Nothing pickled is ever loaded."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.dvc.drafts import FOLDER, Draft, are_splits, clean_label, clean_split
from adapters.dvc.tables import find_column
from adapters.dvc.tracking import Tracked
from lineage import Digest
from registry.domain.catalog import Modality
from registry.errors import BadDataError

_MAX_BYTES = 16 * 1024**3
"""Unpacked; a zip of a few kilobytes can claim far more than memory holds."""


def read_arrays(
    tracked: Tracked, names: Sequence[str], *, split: str | None
) -> tuple[list[Draft], str | None, Modality]:
    """The rows of all archives in order of path, what brought their splits, and the modality.

    `x` of N x F is tabular; N x H x W and N x H x W x C (or N x C x H x W) are images. Raises: BadDataError.
    """
    stems = [PurePosixPath(name).stem for name in names]
    by_file = split in {None, FOLDER} and len(names) > 1 and are_splits(stems)
    drafts: list[Draft] = []
    shapes: set[tuple[int, ...]] = set()
    brought: set[str | None] = set()
    for name, stem in zip(names, stems, strict=True):
        arrays = _load(tracked.root / name, name)
        x, y = _array(arrays, "x", name), _array(arrays, "y", name)
        column = None if by_file else _split_array(arrays, split, name)
        _check(x, y, name)
        shapes.add(x.shape[1:])
        brought.add(FOLDER if by_file else column)
        splits = [stem] * len(x) if by_file else arrays[column].tolist() if column else None
        if splits is not None and len(splits) != len(x):
            raise BadDataError(f"{name!r} has {len(x)} rows of x but {len(splits)} of {column!r}")
        for index, label in enumerate(y.tolist()):
            where = f"row {index} of {name!r}"
            drafts.append(
                Draft(
                    digest=row_digest(x[index]),
                    label=clean_label(label, where),
                    split=clean_split(splits[index], where) if splits is not None else None,
                    path=name,
                    index=index,
                )
            )
    if len(shapes) > 1 or len(brought) > 1:
        raise BadDataError("the archives differ in the shape of x, or only some of them bring splits")
    return drafts, brought.pop(), Modality.TABULAR if len(shapes.pop()) == 1 else Modality.IMAGE


def _array(arrays: Mapping[str, NDArray[Any]], key: str, name: str) -> NDArray[Any]:
    if key not in arrays:
        raise BadDataError(
            f"{name!r} has no array {key!r}; it has {', '.join(map(repr, arrays)) or 'none'}",
            remedy="Write it with numpy.savez(x=…, y=…)",
        )
    return arrays[key]


def _split_array(arrays: Mapping[str, NDArray[Any]], split: str | None, name: str) -> str | None:
    if split is not None:
        return find_column(arrays, split, name, option="split-column")
    return "split" if "split" in arrays else None


def _load(path: Path, name: str) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > _MAX_BYTES:
            raise BadDataError(f"{name!r} unpacks to {unpacked:,} bytes", remedy="Divide it into several archives")
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, MemoryError) as error:
        raise BadDataError(
            f"{name!r} is no archive of plain arrays: {error}", remedy="Write it with numpy.savez(x=…, y=…)"
        ) from error


def _check(x: NDArray[Any], y: NDArray[Any], name: str) -> None:
    if x.ndim not in {2, 3, 4} or x.dtype.kind not in "uif":
        raise BadDataError(
            f"x of {name!r} is {x.dtype} of shape {x.shape}", remedy="Give numbers of 2 (table) or 3 to 4 (image) axes"
        )
    if y.shape != x.shape[:1]:
        raise BadDataError(f"{name!r} has {len(x)} rows of x, but y has the shape {y.shape}")
    if x.dtype.kind == "f" and len(x):
        bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1)
        if bad.any():
            raise BadDataError(f"row {int(bad.argmax())} of {name!r} has a value that is no finite number")


def row_digest(row: NDArray[Any]) -> Digest:
    """SHA-256 over dtype, shape and the bytes in C order: `<f4 28x28` and a newline come first."""
    content = hashlib.sha256(f"{row.dtype.str} {'x'.join(map(str, row.shape))}\n".encode())
    content.update(np.ascontiguousarray(row).tobytes())
    return Digest(content.hexdigest())
