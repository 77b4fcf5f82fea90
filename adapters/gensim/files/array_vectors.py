"""Vectors as an array: one `.npy` of V x D numbers, and a Parquet index with one column of V words beside it."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from adapters.gensim.vectors import Gathering
from registry.errors import BadArtifactError, MissingExtraError

ROWS = 65_536
NUMPY, PARQUET = b"\x93NUMPY", b"PAR1"
"""The first bytes of the two kinds of file."""


def find_pair(files: list[Path]) -> tuple[Path, Path] | None:
    """The array and the index among `files`, found by content; None when there is not exactly one of each."""
    arrays, indexes = ([f for f in files if _begins(f, start)] for start in (NUMPY, PARQUET))
    return (arrays[0], indexes[0]) if len(arrays) == len(indexes) == 1 else None


def read_array_vectors(array: Path, index: Path, rows: IO[bytes]) -> Gathering:
    """All words of the pair; their vectors are written to `rows`.

    Raises: BadArtifactError for an array of another shape or type, an index of another length or with a gap, a word
    that comes twice or a vector that is not finite; MissingExtraError without pyarrow.
    """
    vectors, words = _array(array), _words(index)
    if len(vectors) != len(words):
        raise BadArtifactError(
            f"{array.name!r} has {len(vectors):,} rows, and {index.name} {len(words):,} words",
            remedy="Get both files of the same release",
        )
    gathering = Gathering(index.name, rows, vectors.shape[1], lambda row: f"row {row:,}", vectors.dtype.name)
    for start in range(0, len(vectors), ROWS):  # some arrays are stored by columns: copied block by block
        gathering.add(words[start : start + ROWS], np.ascontiguousarray(vectors[start : start + ROWS]))
    return gathering


def _array(path: Path) -> NDArray[Any]:
    """The mapped array. An array of objects, which would be a pickle, is refused unread."""
    try:
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise BadArtifactError(
            f"{path.name!r} cannot be read as an array: {error}", remedy="Get the file again"
        ) from None
    if found.ndim != 2 or not found.size:
        raise BadArtifactError(f"{path.name!r} has the shape {list(found.shape)}, not words x numbers")
    return found


def _words(path: Path) -> list[str]:
    try:
        import pyarrow as arrow  # noqa: PLC0415 - only this one format needs it
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            f"Reading a Parquet index needs pyarrow, which cannot be imported: {error}",
            remedy='Run: pip install "forebear[gensim]"',
        ) from error
    try:
        table = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as error:
        raise BadArtifactError(
            f"{path.name!r} cannot be read as Parquet: {error}", remedy="Get the file again"
        ) from None
    texts = [
        name
        for name, kind in zip(table.column_names, table.schema.types, strict=True)
        if arrow.types.is_string(kind) or arrow.types.is_large_string(kind)
    ]
    if len(texts) != 1:
        raise BadArtifactError(
            f"{path.name!r} has {len(texts)} columns of text, and one of words is wanted: {', '.join(texts) or 'none'}"
        )
    column = table.column(texts[0])
    if column.null_count:
        row = next(n for n, word in enumerate(column.to_pylist()) if word is None)
        raise BadArtifactError(f"{path.name!r}, row {row}: there is no word")
    words: list[str] = column.to_pylist()
    return words


def _begins(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start
