"""Files of a source that are kept as they are: the converting process leaves links, which are replaced by them here.

It runs when that process has ended, so that nobody writes any more to what is put in place.
"""

from __future__ import annotations

import os
from pathlib import Path

from registry.errors import IntegrityError, NoSpaceError, UnsafeArtifactError
from registry.sandbox.wire import is_full

KEPT = ".safetensors"
"""The end of the names of files that may be kept."""
_PIECE = 4 * 1024 * 1024


def settle(target: Path, source: Path, scratch: Path, *, owned: bool) -> None:
    """Replace the links in `target` by the files of `source`, or of an archive unpacked in `scratch`, that they name.

    What is `owned` is linked, where the file system can; everything else is copied and compared.
    Raises: UnsafeArtifactError for a link to anything else, NoSpaceError, IntegrityError.
    """
    for path in [Path(folder) / name for folder, _, names in os.walk(target) for name in names]:
        if not path.is_symlink():
            continue
        file = path.resolve()
        ours = file.is_relative_to(scratch)
        if not path.name.endswith(KEPT) or not file.is_file() or not (ours or _is_within(file, source)):
            raise UnsafeArtifactError(f"The converted source holds {path.name}, which is a link to something else")
        path.unlink()
        if not ((ours or owned) and _link(file, path)):
            _copy(file, path)


def _is_within(file: Path, source: Path) -> bool:
    """Whether `file` is the source or in it. Snapshots of the Hub's cache consist of links into its folder `blobs`."""
    return file.is_relative_to(source) or (
        source.parent.name == "snapshots" and file.is_relative_to(source.parent.parent / "blobs")
    )


def _link(file: Path, path: Path) -> bool:
    try:
        os.link(file, path)
    except OSError:  # on another file system, or one without links
        return False
    return True


def _copy(file: Path, path: Path) -> None:
    try:
        with file.open("rb", buffering=0) as reading, path.open("xb", buffering=0) as writing:
            while piece := reading.read(_PIECE):
                view = memoryview(piece)
                while view:
                    view = view[writing.write(view) :]
    except OSError as error:
        if is_full(error):
            raise NoSpaceError("The disk is full; nothing was kept", remedy="Free some space and try again") from error
        raise
    with file.open("rb", buffering=0) as first, path.open("rb", buffering=0) as second:
        while (piece := first.read(_PIECE)) == second.read(_PIECE):
            if not piece:
                return
    raise IntegrityError(f"{file.name} was not written as it was read", remedy="Check the disk and try again")
