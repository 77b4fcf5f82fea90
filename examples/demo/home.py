"""The demo's own folder: created anew each time; a folder that the demo did not create is never touched."""

from __future__ import annotations

import shutil
from pathlib import Path

from examples.demo.narration import Narrator

MARKER = ".made-by-the-forebear-demo"


class NotOursError(Exception):
    """The folder holds something that the demo did not make."""


def make_fresh(folder: Path, narrator: Narrator) -> None:
    """An empty folder with our marker in it. Raises: NotOursError for a folder that is in use by someone else."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise NotOursError(f"{folder} is not a folder. Choose another with --home.")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise NotOursError(f"{folder} is not empty and was not made by the demo. Choose another with --home.")
        narrator.say(f"{folder} is from an earlier run of the demo: starting over in it.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / MARKER).write_text("The demo may delete this folder.\n", encoding="utf-8")
