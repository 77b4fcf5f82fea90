"""The HDF5 file in an archive: numbers that lie in the file itself, and nothing that reaches for other files."""

from __future__ import annotations

from typing import IO

import h5py

from registry.errors import BadArtifactError, UnsafeArtifactError

_SAVE = "Save the model with Keras's own model.save('x.keras')"


def check_weights(stream: IO[bytes], size: int) -> None:
    """Look at every object of the file in `stream`, of `size` bytes. HDF5 knows links and datasets that lie elsewhere.

    Raises: UnsafeArtifactError for those and for what is no number, BadArtifactError for more bytes than there are.
    """
    with h5py.File(stream, "r") as file:
        total, seen, waiting = 0, {_address(file["/"])}, [("", file["/"])]
        while waiting:
            place, group = waiting.pop()
            for name in group:
                here = f"{place}/{name}"[:200]
                found = _look(group, name, here)
                if _address(found) in seen:
                    raise BadArtifactError(f"{here!r} in the weights is reached twice", remedy=_SAVE)
                seen.add(_address(found))
                if isinstance(found, h5py.Group):
                    waiting.append((here, found))
                else:
                    total += found.nbytes
    if total > size:
        raise BadArtifactError(f"the weights claim {total:,} bytes of numbers and have {size:,}", remedy=_SAVE)


def _look(group: h5py.Group, name: str, here: str) -> h5py.Group | h5py.Dataset:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise UnsafeArtifactError(f"{here!r} in the weights is a link to another place", remedy=_SAVE)
    found = group[name]
    if isinstance(found, h5py.Group):
        return found
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise UnsafeArtifactError(f"{here!r} in the weights lies outside the file", remedy=_SAVE)
    if found.dtype.kind not in "biufV" or found.dtype.hasobject:
        raise UnsafeArtifactError(f"{here!r} in the weights holds {found.dtype}, not numbers", remedy=_SAVE)
    return found


def _address(found: h5py.Group | h5py.Dataset) -> int:
    return int(h5py.h5o.get_info(found.id).addr)
