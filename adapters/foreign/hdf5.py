"""Keras's `.weights.h5`, read with h5py: datasets by path, and nothing that lies outside the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from adapters.foreign.arrays import Array
from registry.errors import BadArtifactError, MissingExtraError

MAGIC = b"\x89HDF\r\n\x1a\n"
_GROWTH = 16
"""How many times its own size a file may grow when it is unpacked. Keras does not compress."""


def read_arrays(path: Path) -> dict[str, Array]:
    """Every dataset of `path` by its path inside, such as `block1/layers/conv2d/vars/0`.

    Raises: BadArtifactError for a damaged file, for links, for data kept in other files and for other types than
    numbers; MissingExtraError.
    """
    h5py = _h5py()
    most, found = _GROWTH * path.stat().st_size, 0
    arrays: dict[str, Array] = {}
    try:
        with h5py.File(path, "r") as file:
            for name, dataset in _datasets(h5py, file, ""):
                found += dataset.nbytes
                if found > most:
                    raise BadArtifactError(f"{path.name} unpacks to more than {_GROWTH} times its size")
                arrays[name] = _read(name, dataset)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise BadArtifactError(f"{path.name} is no sound HDF5 file: {error}"[:300], remedy="Get it again") from None
    if not arrays:
        raise BadArtifactError(f"{path.name} holds no arrays")
    return arrays


def _datasets(h5py: Any, group: Any, name: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > 32:
        raise BadArtifactError("groups lie more than 32 deep")
    for key in group:
        here = f"{name}/{key}" if name else str(key)
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise BadArtifactError(f"{here} is a link, which may lead out of the file")
        inner = group[key]
        if isinstance(inner, h5py.Group):
            yield from _datasets(h5py, inner, here, depth + 1)
        elif isinstance(inner, h5py.Dataset):
            yield here, inner
        else:
            raise BadArtifactError(f"{here} is neither a group nor an array")


def _read(name: str, dataset: Any) -> Array:
    if dataset.external or dataset.is_virtual:
        raise BadArtifactError(f"{name} is kept in another file")
    if dataset.dtype.kind not in "fiub" or dataset.dtype.subdtype is not None:
        raise BadArtifactError(f"{name} holds no plain numbers")
    array: Array = np.asarray(dataset[()])
    return array


def _h5py() -> Any:
    try:
        import h5py  # noqa: PLC0415 - importers are asked about every source, and most need no h5py
    except ImportError as error:
        raise MissingExtraError(
            f"weights of Keras are read with h5py, which does not import: {error}",
            remedy='Run: pip install "forebear[h5]"',
        ) from error
    return h5py
