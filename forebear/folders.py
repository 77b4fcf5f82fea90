"""Files of versions that are kept on this machine by their digest, and libraries that are asked for when needed."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from lineage import Digest
from registry.errors import ConflictError, MissingExtraError


def kept(digest: Digest, write: Callable[[Path], object]) -> Path:
    """The folder in the cache with the files of this digest; `write` makes it where it is not there yet.

    The cache is `~/.cache/forebear` (`XDG_CACHE_HOME`). A folder appears in it whole or not at all.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "forebear" / digest.hex
    if not folder.is_dir():
        try:
            write(folder)
        except ConflictError:  # another process was faster
            if not folder.is_dir():
                raise
    return folder


def imported(module: str) -> Any:
    """A library that is not always installed. Raises: MissingExtraError."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"This needs {package}, which is not installed", remedy=f"Run: pip install {package}"
        ) from error
