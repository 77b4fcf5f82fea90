"""Private folders for work in progress, removed afterwards; those of killed processes are removed by the next one."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STALE = re.compile(r"(?:import|data|upload)-([0-9]+)-")


@contextmanager
def workspace(home: Path, purpose: str) -> Iterator[Path]:
    """A new folder under `work` in the registry folder. `purpose` is import, data or upload."""
    parent = home / "work"
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{purpose}-{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove what killed processes left: the folders of process numbers that are no longer in use."""
    left = [(folder, match) for folder in parent.iterdir() if (match := _STALE.match(folder.name))]
    if not left:
        return
    import psutil  # noqa: PLC0415 - 10 ms that only a folder with something in it needs

    for folder, match in left:
        if not psutil.pid_exists(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)
