"""Reads weights of Keras from HDF5 with h5py: only numbers stored in the file itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from adapters.weights.foreign.arrays import Array
from registry.errors import BadArtifactError, MissingExtraError, UnsafeArtifactError

MAGIC = b"\x89HDF\r\n\x1a\n"
_GROWTH = 16
"""How many times its own size a file may grow when it is unpacked. Keras does not compress."""
_SAVE = "Save the model again with Keras's own save or save_weights"


def read_arrays(path: Path) -> dict[str, Array]:
    """Every dataset of `path` by its path inside, such as `block1/layers/conv2d/vars/0`.

    Raises: UnsafeArtifactError for links, data kept in other files and what is no number, BadArtifactError for a
    damaged file and for one that unpacks to far more than it is; MissingExtraError.
    """
    try:
        with _h5py().File(path, "r") as file:
            found = dict(_datasets(file))
            if sum(dataset.nbytes for dataset in found.values()) > _GROWTH * path.stat().st_size:
                raise BadArtifactError(f"{path.name!r} unpacks to more than {_GROWTH} times its size")
            strange = [name for name, dataset in found.items() if dataset.dtype.kind not in "biuf"]
            if strange:
                raise BadArtifactError(f"{strange[0]} holds {found[strange[0]].dtype}, no plain numbers", remedy=_SAVE)
            arrays: dict[str, Array] = {name: np.asarray(dataset[()]) for name, dataset in found.items()}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise BadArtifactError(
            f"{path.name!r} is not a valid HDF5 file: {error}"[:300], remedy="Get the file again"
        ) from None
    if not arrays:
        raise BadArtifactError(f"{path.name!r} holds no arrays")
    return arrays


def check_weights(stream: IO[bytes], size: int) -> None:
    """Look at every object of the file in `stream`, of `size` bytes, and read none of the numbers.

    Raises: UnsafeArtifactError for links, data kept in other files and what is no number, BadArtifactError for more
    bytes than there are; h5py's errors for what is no HDF5.
    """
    with _h5py().File(stream, "r") as file:
        claimed = sum(dataset.nbytes for _, dataset in _datasets(file))
    if claimed > size:
        raise BadArtifactError(
            f"The weights claim {claimed:,} bytes of numbers, and the file has {size:,} bytes", remedy=_SAVE
        )


def _datasets(file: Any) -> Iterator[tuple[str, Any]]:
    """Path and dataset of each in `file`: HDF5 knows links, loops of groups and datasets that lie elsewhere."""
    seen, waiting = {_address(file["/"])}, [("", file["/"])]
    while waiting:
        place, group = waiting.pop()
        for key in group:
            here = f"{place}/{key}" if place else str(key)
            found = _inner(group, key, here[:200])
            if _address(found) in seen:
                raise BadArtifactError(f"{here[:200]!r} in the weights is reached twice", remedy=_SAVE)
            seen.add(_address(found))
            if hasattr(found, "dtype"):
                yield here, found
            else:
                waiting.append((here, found))


def _inner(group: Any, key: str, here: str) -> Any:
    h5py = _h5py()
    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        raise UnsafeArtifactError(f"{here!r} in the weights is a link to another place", remedy=_SAVE)
    found = group[key]
    if isinstance(found, h5py.Group):
        return found
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise UnsafeArtifactError(f"{here!r} in the weights lies outside the file", remedy=_SAVE)
    if found.dtype.kind not in "biufV" or found.dtype.hasobject or found.dtype.subdtype is not None:
        raise UnsafeArtifactError(f"{here!r} in the weights holds {found.dtype}, not numbers", remedy=_SAVE)
    return found


def _address(found: Any) -> int:
    return int(_h5py().h5o.get_info(found.id).addr)


def _h5py() -> Any:
    try:
        import h5py  # noqa: PLC0415 - importers are asked about every source, and most need no h5py
    except ImportError as error:
        raise MissingExtraError(
            f"Reading weights of Keras needs h5py, which cannot be imported: {error}",
            remedy='Run: pip install "forebear[h5]"',
        ) from error
    return h5py
