"""Files that are written whole or not at all, and temporary ones that go when the process that made them has died."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, data: bytes, *, private: bool = False, replace: bool = True) -> bool:
    """Write `data` to a temporary file beside `path`, flush it to disk, and give it the name `path` in one step.

    With `private` only the owner may read it. Without `replace` a file that is there already stays, and the answer is
    False. Raises: OSError; `path` is then as it was.
    """
    part = path.with_name(f".{path.name}-{secrets.token_hex(8)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if replace:
            part.replace(path)
        else:
            try:
                os.link(part, path)  # unlike a rename, a link never takes the place of what is there
            except FileExistsError:
                return False
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)
    return True


def sync_folder(folder: Path) -> None:
    """Make a rename, link or unlink in `folder` durable (fsync of its entries)."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked_file(folder: Path, *, prefix: str = "", suffix: str = "") -> Iterator[Path]:
    """A new empty file that is locked (flock) as long as the `with` runs, and then removed.

    The kernel unlocks it when the process dies: then `remove_abandoned` removes it.
    """
    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:  # else it was taken for abandoned before it was locked
                try:
                    yield Path(name)
                finally:
                    Path(name).unlink(missing_ok=True)
                return
        finally:
            os.close(handle)


@contextmanager
def abandoned(path: Path) -> Iterator[bool]:
    """Whether no process has the locked file `path`. If so it is ours inside the `with`, and then removed."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
        path.unlink(missing_ok=True)
    finally:
        os.close(handle)


_LOCK = ".lock"


@contextmanager
def private_folder(parent: Path, prefix: str = "") -> Iterator[Path]:
    """A new folder in `parent` for its owner only, gone afterwards; `sweep_folders` removes those of the killed."""
    parent.mkdir(parents=True, exist_ok=True)
    with locked_file(parent, prefix=prefix, suffix=_LOCK) as lock:
        folder = lock.with_suffix("")
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A private folder beside `target`, which becomes `target` in one step unless the `with` ends with an error.

    What is at `target` already must be an empty folder. Raises: OSError; nothing is left then.
    """
    prefix = f".{target.name}-new-"
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep_folders(target.parent, (prefix,))
    with private_folder(target.parent, prefix) as folder:
        yield folder
        folder.rename(target)
        sync_folder(target.parent)


def sweep_folders(parent: Path, prefixes: tuple[str, ...] = ("",)) -> None:
    """Remove the private folders of killed processes from `parent`."""
    for path in parent.iterdir() if parent.is_dir() else ():
        if not path.name.startswith(prefixes):
            continue
        lock = path if path.suffix == _LOCK else path.with_name(path.name + _LOCK)
        if not lock.exists():  # a folder is locked before it is there
            shutil.rmtree(path, ignore_errors=True)
            continue
        with abandoned(lock) as free:
            if free:
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
