"""The one way to write a small file whole, so that a reader or a power cut never meets half of it."""

from __future__ import annotations

import os
import secrets
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
