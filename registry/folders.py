"""Folders that appear whole or not at all, with the errors of a disk as sentences."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from registry.errors import ConflictError, NoSpaceError, RegistryError, UnavailableError


def error_of_disk(error: OSError, what: str) -> RegistryError:
    """The error to raise when the disk failed during `what`: it is full, or it cannot be read or written."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpaceError(f"{what}: the disk is full; nothing was kept", remedy="Free some space and try again")
    return UnavailableError(f"{what}: {error.strerror or error}", remedy="Check the folder and its permissions")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn disk errors while `folder` is written into NoSpaceError or UnavailableError."""
    try:
        yield
    except OSError as error:
        raise error_of_disk(error, f"{folder} cannot be written") from error


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder`, on the same disk, that becomes it at the end of the `with`; gone on any error.

    Raises: ConflictError when `folder` exists and is not empty, NoSpaceError, UnavailableError.
    """
    folder = folder.absolute()
    with writing(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise _in_use(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            yield staged
            _publish(staged, folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _publish(staged: Path, folder: Path) -> None:
    """Give `staged` its final name in one step, with the permissions that the umask allows."""
    mask = os.umask(0)
    os.umask(mask)
    staged.chmod(0o777 & ~mask)
    try:
        staged.rename(folder)  # replaces an empty folder, and no other
    except OSError as error:
        if folder.exists():
            raise _in_use(folder) from error
        raise


def _in_use(folder: Path) -> ConflictError:
    return ConflictError(f"{folder} exists and is not empty", remedy="Give a new folder")


def write_texts(folder: Path, written: Mapping[str, str], appended: Mapping[str, str]) -> None:
    """Write texts by their paths in `folder`: in place of a file of that name, or at the end of one."""
    for texts, mode in ((written, "w"), (appended, "a")):
        for path, text in texts.items():
            with (folder / path).open(mode, encoding="utf-8", newline="") as out:
                out.write(text)
