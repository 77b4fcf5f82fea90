"""Which split a name means: the one rule for folders, for files, for shards of files, and for values of a column.

The words are those of Hugging Face's `datasets`: train, training; validation, valid, val, dev; test, testing, eval,
evaluation; and `holdout` and `unlabelled`, splits of their own. Case, numbers, words such as `set` or `data`, and the
suffix of a shard (`-00000-of-00002`) do not count: `training_set`, `val2017` and `Train-00001-of-00002` are names of
splits. Names may share a word (`imdb-train`, `imdb-test`) where they are of at least two splits.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from adapters.dvc.rows.places import begin
from registry.errors import BadDataError

_WORDS = {
    "train": ("train", "training", "trainset"),
    "validation": ("validation", "validate", "valid", "val", "dev", "valset", "devset"),
    "test": ("test", "testing", "eval", "evaluation", "testset"),
    "holdout": ("holdout", "heldout"),
    "unlabelled": ("unlabelled", "unlabeled", "unsupervised", "unsup"),
}
_MEANS = {word: split for split, words in _WORDS.items() for word in words}
_FILLERS = {"set", "data", "dataset", "split", "part", "shard"}
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?:-[0-9a-f]{16})?$")
_SPLIT = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


def clean_split(value: object, where: str) -> str:
    """The split that a column's value names; another lower-case word is a split of that name. Raises: BadDataError."""
    name = str(value).strip().lower() if value is not None else ""
    if len(name) > 64 or not _SPLIT.fullmatch(name):
        raise BadDataError(
            f"{begin(where)} has no split" if not name else f"{name[:80]!r} of {where} is not the name of a split",
            remedy="Splits are lower-case words such as train, validation and test",
        )
    return _MEANS.get(name, name)


def _parse(name: str) -> tuple[str, str] | None:
    """The split that `name` means and what else it says: ("train", "imdb"). None where it names no split, or two."""
    words = [re.sub(r"\d+$", "", word) for word in re.split(r"[\W_]+", _SHARD.sub("", name.casefold()))]
    words = [word for word in words if word and word not in _FILLERS]
    if words in (["hold", "out"], ["held", "out"]):
        words = ["holdout"]
    splits = {_MEANS[word] for word in (words[:1] + words[-1:]) if word in _MEANS}
    if len(splits) != 1:
        return None
    return splits.pop(), " ".join(word for word in words if word not in _MEANS)


def splits_of(names: Iterable[str]) -> dict[str, str]:
    """The names among `names` that mean splits, and which. A name with more words counts only beside its fellows."""
    parsed = {name: found for name in names if (found := _parse(name)) is not None}
    fellows: defaultdict[str, set[str]] = defaultdict(set)
    for split, rest in parsed.values():
        fellows[rest].add(split)
    return {name: split for name, (split, rest) in parsed.items() if not rest or len(fellows[rest]) > 1}


def split_files(names: Sequence[str]) -> dict[str, str]:
    """The split of every file, from its own name or a folder of its path; empty where no name means a split.

    A file alone has none. Raises: BadDataError when only some files have a split, or one has two.
    """
    if len(names) < 2:
        return {}
    parts = {name: (*PurePosixPath(name).parts[:-1], PurePosixPath(name).stem) for name in names}
    known = splits_of({part for found in parts.values() for part in found})
    splits = {name: {known[part] for part in found if part in known} for name, found in parts.items()}
    if not any(splits.values()):
        return {}
    refuse_some({name: None for name in names if splits[name]}, [name for name in names if not splits[name]])
    for name, found in splits.items():
        if len(found) > 1:
            raise BadDataError(f"The path {name!r} names two splits: {', '.join(sorted(found))}", remedy="Rename it")
    return {name: found.pop() for name, found in splits.items()}


def refuse_some(splits: Collection[str], others: Sequence[str]) -> None:
    """Raises: BadDataError naming `others`, names that mean no split beside `splits`, which do."""
    if splits and others:
        raise BadDataError(
            f"{_listed(splits)} {'is' if len(splits) == 1 else 'are'} named after a split, but {_listed(others)} "
            f"{'is' if len(others) == 1 else 'are'} not",
            remedy="Name each file or folder after a split (train, validation, test), or move the others away",
        )


def read_as(splits: Mapping[str, str]) -> list[str]:
    """A note for each word that may have meant another split than the one it was read as."""
    odd = {name: split for name, split in splits.items() if "eval" in name.casefold()}
    return [f"{name!r} was read as the split {split!r}" for name, split in sorted(odd.items())]


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(map(repr, sorted(names)[:4]))
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
