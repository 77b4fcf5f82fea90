"""Datasets with a folder per class, and above it perhaps a folder per split: `cat/1.png` or `train/cat/1.png`.

Hidden files, and documents beside the class folders (a README, a licence), are part of the dataset but no rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from adapters.dvc.drafts import are_splits, clean_label, clean_split
from adapters.dvc.tracking import Tracked
from registry.errors import BadDataError


@dataclass(frozen=True, slots=True)
class Placed:
    """One row file with the class, and the split if any, that its folders name."""

    name: str
    label: str
    split: str | None


def is_hidden(name: str) -> bool:
    """True when the file or a folder of its path is hidden."""
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def suffix_of(name: str) -> str:
    """The suffix in lower case, with its dot."""
    return PurePosixPath(name).suffix.lower()


def has_split_folders(tracked: Tracked) -> bool:
    """True when every visible folder at the top has the name of a split and holds folders of its own."""
    visible = [folder for folder in tracked.folders if not is_hidden(folder)]
    tops = {folder for folder in visible if "/" not in folder}
    return are_splits(tops) and all(any(f.startswith(f"{top}/") for f in visible) for top in tops)


def place_files(tracked: Tracked, suffixes: frozenset[str], *, what: str) -> tuple[list[Placed], bool]:
    """The row files in order of path, and whether folders brought the splits. `what` names a row file in messages.

    Raises: BadDataError for an empty class, a linked class folder, a stray file, or a file of another kind.
    """
    split = has_split_folders(tracked)
    depth = 2 if split else 1
    placed = list(_place(tracked, suffixes, depth=depth, what=what))
    filled = {"/".join(one.name.split("/")[:depth]) for one in placed}
    for folder in tracked.folders:
        if folder.count("/") == depth - 1 and not is_hidden(folder) and folder not in filled:
            raise BadDataError(f"the class {folder!r} is empty", remedy=f"Put {what}s in it or remove the folder")
    for link in tracked.links:
        if link.count("/") < depth:
            raise BadDataError(
                f"{link!r} is a link to a folder, and DVC does not follow those", remedy="Copy the folder in its place"
            )
    return placed, split


def _place(tracked: Tracked, suffixes: frozenset[str], *, depth: int, what: str) -> Iterator[Placed]:
    for entry in tracked.files:
        parts = entry.path.split("/")
        if is_hidden(entry.path) or (len(parts) == 1 and suffix_of(entry.path) not in suffixes):
            continue
        if len(parts) <= depth:
            raise BadDataError(f"{entry.path!r} lies in no class folder", remedy="Make one folder for each class")
        if suffix_of(entry.path) not in suffixes:
            raise BadDataError(
                f"{entry.path!r} is no {what} among {what}s: the formats are mixed",
                remedy=f"Remove it: a class folder holds {what}s only",
            )
        where = repr(entry.path)
        yield Placed(
            entry.path,
            clean_label(parts[depth - 1], where),
            clean_split(parts[0], where) if depth == 2 else None,
        )
