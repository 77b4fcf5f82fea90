"""Private folders for work in progress, removed afterwards; those of killed processes are removed by the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.files import private_folder, sweep_folders

PURPOSES = (
    "import-",
    "data-",
    "kinship-",
    "repair-",
    "selection-",
    "comparison-",
    "drift-",
    "cascade-",
    "forgetting-",
    "interface-",
    "difference-",
    "notice-",
    "draft-",
)


@contextmanager
def workspace(home: Path, purpose: str) -> Iterator[Path]:
    """A new folder under `work` in the registry folder. `purpose` is one of `PURPOSES`."""
    sweep(home)
    with private_folder(home / "work", f"{purpose}-") as folder:
        yield folder


def sweep(home: Path) -> None:
    """Remove what killed processes left; the folders of transfer steps stay."""
    sweep_folders(home / "work", PURPOSES)
