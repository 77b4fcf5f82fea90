"""Which split a name means: one rule for files, folders and shards, as people and the Hub name them.

`train.csv`, `train-00000-of-00002.parquet`, `imdb-train_1.csv`, `train/part.csv`, `training_set/cat/1.png`: the words
of a name are looked at, digits and punctuation aside. A name with the words of two splits means neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from registry.errors import BadDataError

FOLDER = "folder"
"""The `column` of a plan whose splits came from folders or file names such as train and test."""

_MEANINGS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "validate": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
    "holdout": "holdout",
    "heldout": "holdout",
    "unlabelled": "unlabelled",
    "unlabeled": "unlabelled",
    "unsup": "unlabelled",
    "unsupervised": "unlabelled",
}
_SPLIT = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


def split_of(name: str) -> str | None:
    """The split that the words of `name` (a file's stem, or a folder) mean; None for no split, or for two."""
    found = {_MEANINGS[word] for word in re.findall(r"[a-z]+", name.lower()) if word in _MEANINGS}
    return found.pop() if len(found) == 1 else None


def clean_split(value: object, where: str) -> str:
    """The name of a split that a row brought: `val`, `valid` and `dev` are `validation`. Raises: BadDataError."""
    name = str(value).strip().lower() if value is not None else ""
    if len(name) > 64 or not _SPLIT.fullmatch(name):
        raise BadDataError(
            f"{where} has no split" if not name else f"{name[:80]!r} of {where} is not a name of a split",
            remedy="Splits are lower-case words such as train, validation and test",
        )
    return _MEANINGS.get(name, name)


def splits_of_files(names: Sequence[str]) -> list[str] | None:
    """The split of each file, by its own name or else by its folders; None when no name means one.

    One file alone brings no splits, whatever it is called.

    Raises: BadDataError when some names mean a split and others do not, naming both.
    """
    if len(names) < 2:
        return None
    found = [_of_path(PurePosixPath(name)) for name in names]
    if not any(found):
        return None
    if None in found:
        odd, split = names[found.index(None)], next(name for name, one in zip(names, found, strict=True) if one)
        raise BadDataError(
            f"{split!r} is named after a split, and {odd!r} is not",
            remedy="Name each file after its split, or none of them, or add a column of splits and name it with "
            "--split-column",
        )
    return [one for one in found if one]


def _of_path(path: PurePosixPath) -> str | None:
    of_stem = split_of(path.stem)
    return of_stem or next((one for folder in reversed(path.parent.parts) if (one := split_of(folder))), None)
