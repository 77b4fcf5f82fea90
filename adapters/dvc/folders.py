"""Datasets with a folder per class, and above it perhaps a folder per split: `cat/1.png` or `train/cat/1.png`.

Without labels the files may lie anywhere, and folders called train, test and so on are still splits. Hidden files, and
documents beside the class folders (a README, a licence), are part of the dataset but no rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from adapters.dvc.labels import NO_LABELS, clean_class
from adapters.dvc.split_names import split_of
from adapters.dvc.tracking import Tracked
from registry.errors import BadDataError


@dataclass(frozen=True, slots=True)
class Placed:
    """One row file with the class, and the split if any, that its folders name."""

    name: str
    label: str | None
    split: str | None


JUNK = frozenset({"__macosx", "@eadir", "desktop.ini", "ehthumbs.db", "icon\r", "thumbs.db"})
"""What operating systems leave in folders, in lower case."""


def is_hidden(name: str) -> bool:
    """True when the file or a folder of its path is hidden, or of the kind that operating systems leave behind."""
    return any(part.startswith(".") or part.lower() in JUNK for part in PurePosixPath(name).parts)


def suffix_of(name: str) -> str:
    """The suffix in lower case, with its dot."""
    return PurePosixPath(name).suffix.lower()


def has_split_folders(tracked: Tracked) -> bool:
    """True when the folders at the top are splits: each has the name of one, and class folders in it.

    Raises: BadDataError when some are and others are not, naming both.
    """
    visible = [folder for folder in tracked.folders if not is_hidden(folder)]
    tops = sorted(folder for folder in visible if "/" not in folder)
    splits = [top for top in tops if split_of(top) and any(folder.startswith(f"{top}/") for folder in visible)]
    if not splits:
        return False
    if odd := next((top for top in tops if top not in splits), None):
        raise BadDataError(
            f"{splits[0]!r} is a split with class folders in it, and {odd!r} beside it is not",
            remedy="Give each split (train, validation, test, holdout, …) a folder at the top with the classes in it; "
            "put rows without labels into a dataset of their own; rename a class that is called as a split is",
        )
    return True


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
            raise _linked(link)
    return placed, split


def place_unlabelled(tracked: Tracked, suffixes: frozenset[str], *, what: str) -> tuple[list[Placed], bool, list[str]]:
    """As `place_files`, of files without labels, with notes about what the folders may have meant.

    Raises: BadDataError for a linked folder at the top, or a file of another kind in a folder.
    """
    names = [entry.path for entry in tracked.files if not is_hidden(entry.path)]
    for name in names:
        if "/" in name and suffix_of(name) not in suffixes:
            raise _stray(name, what)
    rows = [name for name in names if suffix_of(name) in suffixes]
    named = {name: split_of(name.partition("/")[0]) if "/" in name else None for name in rows}
    split = any(named.values())
    if split and (odd := next((name for name in rows if named[name] is None), None)):
        beside = next(name for name in rows if named[name])
        raise BadDataError(
            f"{beside!r} lies in the folder of a split, and {odd!r} does not",
            remedy="Put each file into a folder that is named after a split, or none of them",
        )
    for link in tracked.links:
        if "/" not in link:
            raise _linked(link)
    placed = [Placed(name, None, named[name]) for name in rows]
    below = any(name.count("/") > split for name in rows)
    return placed, split, ["folders were not read as classes, as asked"] if below else []


def _stray(name: str, what: str) -> BadDataError:
    return BadDataError(
        f"{name!r} lies among {what}s and is none that can be read",
        remedy=f"Remove it: a class folder holds {what}s only",
    )


def _linked(link: str) -> BadDataError:
    return BadDataError(
        f"{link!r} is a link to a folder, and DVC does not follow those", remedy="Copy the folder in its place"
    )


def _place(tracked: Tracked, suffixes: frozenset[str], *, depth: int, what: str) -> Iterator[Placed]:
    for entry in tracked.files:
        parts = entry.path.split("/")
        if is_hidden(entry.path) or (len(parts) == 1 and suffix_of(entry.path) not in suffixes):
            continue
        if len(parts) <= depth:
            raise BadDataError(
                f"{entry.path!r} lies in no class folder", remedy=f"Make one folder for each class, or {NO_LABELS}"
            )
        if suffix_of(entry.path) not in suffixes:
            raise _stray(entry.path, what)
        where = repr(entry.path)
        yield Placed(
            entry.path,
            clean_class(parts[depth - 1], where),
            split_of(parts[0]) if depth == 2 else None,
        )
