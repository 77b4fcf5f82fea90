"""Datasets with a folder per class, and above it perhaps a folder per split: `cat/1.png` or `train/cat/1.png`.

Without labels the files may lie anywhere, and folders called train, test and so on are still splits. Hidden files, what
operating systems leave behind, and documents beside the class folders (a README, a licence) belong to the dataset but
are not rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from adapters.dvc.rows.labels import NO_LABELS, clean_class
from adapters.dvc.rows.split_names import read_as, refuse_some, splits_of
from adapters.dvc.tracking import Tracked
from registry.errors import BadDataError

_LEFT_BEHIND = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"})
"""Files and folders that Windows and macOS make, in lower case."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One row file with the class, and the split if any, that its folders name."""

    name: str
    label: str | None
    split: str | None


@dataclass(frozen=True, slots=True)
class Placing:
    """The row files in order of path, whether folders brought the splits, and notes."""

    files: list[Placed]
    by_folder: bool
    notes: list[str]


def is_ignored(name: str) -> bool:
    """True when the file, or a folder of its path, is hidden or was left behind by an operating system."""
    return any(part.startswith(".") or part.lower() in _LEFT_BEHIND for part in PurePosixPath(name).parts)


def suffix_of(name: str) -> str:
    """The suffix in lower case, with its dot."""
    return PurePosixPath(name).suffix.lower()


def split_folders(tracked: Tracked) -> dict[str, str]:
    """The split of each folder at the top, where the folders of classes lie below folders of splits; else empty.

    One folder called `train` among others, without folders of its own, is a class of that name.

    Raises: BadDataError when only some of the folders are named after splits.
    """
    visible = [folder for folder in tracked.folders if not is_ignored(folder)]
    tops = [folder for folder in visible if "/" not in folder]
    splits = splits_of(tops)
    above = {folder.partition("/")[0] for folder in visible if "/" in folder}
    if not above & splits.keys() and len(set(splits.values())) < 2:
        return {}
    refuse_some(splits, [top for top in tops if top not in splits])
    return splits


def place_files(tracked: Tracked, suffixes: frozenset[str], *, what: str) -> Placing:
    """The row files with their classes. `what` names a row file in messages.

    Raises: BadDataError for an empty class, a linked class folder, a stray file, a file of another kind, or folders of
    which only some are splits.
    """
    splits = split_folders(tracked)
    depth = 2 if splits else 1
    placed = list(_place(tracked, suffixes, splits, what=what))
    filled = {"/".join(one.name.split("/")[:depth]) for one in placed}
    for folder in tracked.folders:
        if folder.count("/") == depth - 1 and not is_ignored(folder) and folder not in filled:
            raise BadDataError(f"The class {folder!r} is empty", remedy=f"Put {what}s in it or remove the folder")
    for link in tracked.links:
        if link.count("/") < depth:
            raise _linked(link)
    return Placing(placed, bool(splits), read_as(splits))


def place_unlabelled(tracked: Tracked, suffixes: frozenset[str], *, what: str) -> Placing:
    """As `place_files`, of files without labels, with a note where folders may have meant classes.

    Raises: BadDataError for a linked folder at the top, a file of another kind in a folder, or folders of which only
    some are splits.
    """
    names = [entry.path for entry in tracked.files if not is_ignored(entry.path)]
    for name in names:
        if "/" in name and suffix_of(name) not in suffixes:
            raise _stray(name, what)
    rows = [name for name in names if suffix_of(name) in suffixes]
    tops = {name.partition("/")[0] for name in rows}
    splits = splits_of({name.partition("/")[0] for name in rows if "/" in name})
    refuse_some(splits, sorted(top for top in tops if top not in splits))
    for link in tracked.links:
        if "/" not in link:
            raise _linked(link)
    placed = [Placed(name, None, splits.get(name.partition("/")[0])) for name in rows]
    below = any(name.count("/") > bool(splits) for name in rows)
    notes = ["folders were not read as classes, as requested"] if below else []
    return Placing(placed, bool(splits), [*notes, *read_as(splits)])


def _stray(name: str, what: str) -> BadDataError:
    return BadDataError(
        f"{name!r} is in a class folder, but is not a file that is read as {what}",
        remedy=f"Remove it: class folders hold {what}s only",
    )


def _linked(link: str) -> BadDataError:
    return BadDataError(
        f"{link!r} is a link to a folder, and DVC does not follow those", remedy="Copy the folder in its place"
    )


def _place(tracked: Tracked, suffixes: frozenset[str], splits: Mapping[str, str], *, what: str) -> Iterator[Placed]:
    depth = 2 if splits else 1
    for entry in tracked.files:
        parts = entry.path.split("/")
        if is_ignored(entry.path) or (len(parts) == 1 and suffix_of(entry.path) not in suffixes):
            continue
        if len(parts) <= depth:
            raise BadDataError(
                f"{entry.path!r} lies in no class folder",
                remedy=f"Make one folder for each class{' in each split' if splits else ''}, or {NO_LABELS}",
            )
        if suffix_of(entry.path) not in suffixes:
            raise _stray(entry.path, what)
        yield Placed(entry.path, clean_class(parts[depth - 1], repr(entry.path)), splits.get(parts[0]))
