"""Arrays: an `.npz` with `x` (N x ...), labels `y` and perhaps `split` (N). Nothing pickled is ever loaded.

`y` has one label for each row. Where a row has many classes, `y` may be N x C zeros and ones instead, and `classes` (C)
then names its columns.
"""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from adapters.dvc.formats.columns import clean_group, find_column, group_column
from adapters.dvc.formats.tables import named_splits
from adapters.dvc.rows.drafts import FOLDER, Columns, Draft, Drafts, Found
from adapters.dvc.rows.labels import NO_LABELS, TAGGED, clean_class, read_label
from adapters.dvc.rows.split_names import clean_split, read_as
from adapters.dvc.tracking import Tracked
from adapters.inputs.pictures import read_array
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError

_UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError)
"""What zipfile and NumPy raise for a file that is not an archive of plain arrays."""


def read_arrays(tracked: Tracked, names: Sequence[str], columns: Columns) -> Found:
    """The rows of all archives in order of path, what brought their splits, and the modality.

    `x` of N x F is tabular; N x H x W and N x H x W x C (or N x C x H x W) are images. Raises: BadDataError.
    """
    if columns.labels is LabelKind.TAGS:
        raise BadDataError("Tags belong to the words of a text, and arrays hold none", remedy=f"Give {TAGGED}")
    files = named_splits(names, columns)
    drafts = Drafts(columns, tracked.record.size)
    notes = read_as(files)
    shapes: set[tuple[int, ...]] = set()
    largest: set[float] = set()
    brought: set[str | None] = set()
    unpacked = 0
    for name in names:
        unpacked += _unpacked(tracked.root / name, name, columns, tracked.record.size, before=unpacked)
    for name in names:
        arrays = _load(tracked.root / name, name)
        x = _array(arrays, "x", name)
        column = None if files else _split_array(arrays, columns.split, name)
        _check(x, name)
        shapes.add(x.shape[1:])
        if x.ndim > 2 and x.dtype != np.uint8 and len(x):
            largest.add(float(x.max()))
        brought.add(FOLDER if files else column)
        if columns.labels is LabelKind.NONE and "y" in arrays:
            notes.append(f"the labels in 'y' of {name!r} were left out, as requested")
        for draft in _rows(arrays, x, name, column, files.get(name), columns):
            drafts.add(draft)
    if len(shapes) > 1 or len(brought) > 1:
        raise BadDataError("The archives differ in the shape of x, or only some of them bring splits")
    if len(largest) > 1:
        raise BadDataError(
            "The archives differ in the largest value of x, which is read as white", remedy="Store bytes (uint8)"
        )
    modality = Modality.TABULAR if len(shapes.pop()) == 1 else Modality.IMAGE
    return Found(drafts.found, brought.pop(), modality, tuple(notes))


def _rows(
    arrays: Mapping[str, NDArray[Any]],
    x: NDArray[Any],
    name: str,
    column: str | None,
    split: str | None,
    columns: Columns,
) -> Iterator[Draft]:
    """The rows of one archive; their splits are those of the array `column`, or all are in `split`."""
    splits = arrays[column].tolist() if column else None
    group = group_column(arrays, columns.group, name)
    groups = None if group is None else arrays[group].tolist()
    if groups is not None and len(groups) != len(x):
        raise BadDataError(f"{name!r} has {len(x)} rows of x but {len(groups)} of {group!r}")
    if splits is not None and len(splits) != len(x):
        raise BadDataError(f"{name!r} has {len(x)} rows of x but {len(splits)} of {column!r}")
    for index, label in enumerate(_labels(arrays, columns, len(x), name)):
        where = f"row {index} of {name!r}"
        yield Draft(
            digest=row_digest(x[index]),
            label=read_label(label, where, columns.labels),
            split=clean_split(splits[index], where) if splits is not None else split,
            path=name,
            index=index,
            group=clean_group(groups[index], where) if groups is not None else None,
        )


def _labels(arrays: Mapping[str, NDArray[Any]], columns: Columns, rows: int, name: str) -> Sequence[object]:
    """One label for each row; of a matrix of zeros and ones, the classes that it marks. Raises: BadDataError."""
    if columns.labels is LabelKind.NONE:
        return [None] * rows
    y = _array(arrays, "y", name, otherwise=f", or {NO_LABELS}")
    if columns.labels is LabelKind.MANY and y.ndim == 2 and len(y) == rows:
        columns.limits.check_classes(y.shape[1])
        return _marked(y, _class_names(arrays, y.shape[1], name), name)
    if y.shape != (rows,):
        raise BadDataError(f"{name!r} has {rows} rows of x, but y has the shape {y.shape}")
    return list(y.tolist())


def _class_names(arrays: Mapping[str, NDArray[Any]], count: int, name: str) -> list[str]:
    """The names of the columns of y: the array `classes`, else their numbers. Raises: BadDataError."""
    if "classes" not in arrays:
        return [str(number) for number in range(count)]
    names = [clean_class(value, f"'classes' of {name!r}") for value in arrays["classes"].ravel().tolist()]
    if len(names) != count or len(set(names)) < count:
        raise BadDataError(
            f"{name!r} has {count} columns of y, but {len(set(names))} different classes",
            remedy="Name each column of y once",
        )
    return names


def _marked(y: NDArray[Any], names: Sequence[str], name: str) -> list[list[str]]:
    wrong = ~((y == 0) | (y == 1)).all(axis=1)
    if wrong.any():
        raise BadDataError(
            f"Row {int(wrong.argmax())} of y in {name!r} has a value that is neither 0 nor 1",
            remedy="Mark each class of a row with 1 and the others with 0",
        )
    return [[names[column] for column in np.flatnonzero(row).tolist()] for row in y]


def _array(arrays: Mapping[str, NDArray[Any]], key: str, name: str, *, otherwise: str = "") -> NDArray[Any]:
    if key not in arrays:
        raise BadDataError(
            f"{name!r} has no array {key!r}; it has {', '.join(map(repr, arrays)) or 'none'}",
            remedy=f"Write it with numpy.savez(x=…, y=…){otherwise}",
        )
    return arrays[key]


def _split_array(arrays: Mapping[str, NDArray[Any]], split: str | None, name: str) -> str | None:
    if split is not None:
        return find_column(arrays, split, name, option="split-column")
    return "split" if "split" in arrays else None


def _load(path: Path, name: str) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except _UNREADABLE as error:
        raise _not_arrays(name, error) from error


def _unpacked(path: Path, name: str, columns: Columns, size: int, *, before: int) -> int:
    """Bytes that the arrays of one archive have in memory, by their headers. Raises: BadDataError, TooLargeError.

    `size` is that of all files, and `before` what the archives before this one have.
    """
    unpacked = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                columns.limits.check_unpacked(before + unpacked + member.file_size, size)
                held = member.file_size
                if member.filename.endswith(".npy"):
                    with archive.open(member) as stream:
                        shape, kind = _header(stream)
                    columns.limits.check_rows(shape[0] if shape else 0)
                    held = max(held, math.prod(shape) * kind.itemsize)
                columns.limits.check_unpacked(before + (unpacked := unpacked + held), size)
                if held > member.file_size:
                    raise BadDataError(
                        f"{member.filename[:80]!r} in {name!r} says that it has {held:,} bytes, but holds "
                        f"{member.file_size:,}",
                        remedy="Get the file again",
                    )
    except _UNREADABLE as error:
        raise _not_arrays(name, error) from error
    return unpacked


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of the array in an .npy file, by NEP 1. Raises: ValueError."""
    if np.lib.format.read_magic(stream) == (1, 0):
        shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    else:  # 2.0, and 3.0, which allows UTF-8
        shape, _, kind = np.lib.format.read_array_header_2_0(stream)
    return shape, kind


def _not_arrays(name: str, error: Exception) -> BadDataError:
    return BadDataError(
        f"{name!r} is not an archive of plain arrays: {error}", remedy="Write it with numpy.savez(x=…, y=…)"
    )


def _check(x: NDArray[Any], name: str) -> None:
    """Raises: BadDataError for numbers or pictures that training could not read."""
    if x.ndim not in {2, 3, 4} or x.dtype.kind not in "uif":
        raise BadDataError(
            f"'x' of {name!r} is {x.dtype} of shape {x.shape}",
            remedy="Give numbers of 2 (table) or 3 to 4 (image) axes",
        )
    if x.dtype.kind == "f" and len(x):
        bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1)
        if bad.any():
            raise BadDataError(f"Row {int(bad.argmax())} of {name!r} has a value that is not a finite number")
    if x.ndim > 2:
        read_array(x, name)  # what training does with it


def row_digest(row: NDArray[Any]) -> Digest:
    """SHA-256 over dtype, shape and the bytes in C order: `<f4 28x28` and a newline come first."""
    content = hashlib.sha256(f"{row.dtype.str} {'x'.join(map(str, row.shape))}\n".encode())
    content.update(np.ascontiguousarray(row).tobytes())
    return Digest(content.hexdigest())
