"""Which format a dataset has, found by its content; `read_rows` then reads it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from adapters.dvc import arrays, csv_files, features, images, tables, text_files, texts
from adapters.dvc.drafts import Columns, Found
from adapters.dvc.folders import is_hidden, suffix_of
from adapters.dvc.tracking import Tracked
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.errors import BadDataError

TABLES = {
    ".csv": DataFormat.CSV,
    ".tsv": DataFormat.CSV,
    ".jsonl": DataFormat.JSONL,
    ".ndjson": DataFormat.JSONL,
    ".json": DataFormat.JSONL,
    ".parquet": DataFormat.PARQUET,
    ".npz": DataFormat.NPZ,
}

_MAGIC = {DataFormat.PARQUET: b"PAR1", DataFormat.NPZ: b"PK\x03\x04"}
_WORDS = {DataFormat.PARQUET: "Parquet", DataFormat.NPZ: ".npz"}


def read_rows(tracked: Tracked, format: DataFormat, columns: Columns) -> Found:
    """Read `tracked` as `format`. Raises: BadDataError."""
    if format is DataFormat.IMAGE_FOLDER:
        return images.read_images(tracked, columns)
    if format is DataFormat.TEXT_FOLDER:
        return texts.read_texts(tracked, columns)
    names = _table_names(tracked, format)
    if format is DataFormat.NPZ:
        return arrays.read_arrays(tracked, names, columns)
    if format is DataFormat.PARQUET and features.has_features(tracked, names, columns):
        return features.read_features(tracked, names, columns)
    if format is DataFormat.CSV:
        _refuse_index(tracked, names, text=columns.text)
    return tables.read_tables(tracked, names, format, columns)


def _refuse_index(tracked: Tracked, names: list[str], *, text: str) -> None:
    """Raises: BadDataError for a CSV that lists image files, given without them."""
    for name in names:
        columns = csv_files.read_csv(tracked.root / name, name).columns
        listed = [column for column in images.PATH_COLUMNS if column in columns]
        if listed and text not in columns:
            raise BadDataError(
                f"{name!r} has no column {text!r}, but lists files in its column {listed[0]!r}",
                remedy="Of images, give the folder that holds it and them; of texts, name their column with --text",
            )


def _table_names(tracked: Tracked, format: DataFormat) -> list[str]:
    visible = [entry.path for entry in tracked.files if not is_hidden(entry.path)]
    named = [name for name in visible if TABLES.get(suffix_of(name)) is format]
    if not named and len(tracked.files) == 1:
        return [entry.path for entry in tracked.files]
    if not named:
        ends = ", ".join(end for end, kind in TABLES.items() if kind is format)
        raise BadDataError(
            f"there is no {format.value} file in it",
            remedy=f"Such files end in {ends}; leave --format out to have the format found",
        )
    return named


def detect_format(tracked: Tracked, *, is_file: bool, labels: LabelKind) -> DataFormat:
    """The format of a file by its first bytes, of a folder by the kinds of files in it.

    Texts at the top of a folder are a README or a licence, unless rows have no labels and nothing else is there.

    Raises: BadDataError when the folder holds several formats, or none.
    """
    if is_file:
        return _of_file(tracked.root / tracked.files[0].path)
    kinds = _kinds(tracked)
    if not kinds and labels is LabelKind.NONE and any(suffix_of(e.path) in texts.SUFFIXES for e in tracked.files):
        return DataFormat.TEXT_FOLDER
    if not kinds:
        raise BadDataError(
            "there are no images, texts or tables in it",
            remedy=f"Tables end in {', '.join(TABLES)}; texts and images lie in a folder for each class",
        )
    if len(kinds) > 1:
        (one, names), (other, others) = list(kinds.items())[:2]
        raise BadDataError(
            f"the formats are mixed: {names[0]!r} is {one.value} and {others[0]!r} is {other.value}",
            remedy="Keep one format to a dataset",
        )
    return next(iter(kinds))


def _kinds(tracked: Tracked) -> dict[DataFormat, list[str]]:
    """The visible files of each format; a CSV that lists images is part of theirs."""
    kinds = defaultdict[DataFormat, list[str]](list)
    for entry in tracked.files:
        suffix = suffix_of(entry.path)
        if is_hidden(entry.path):
            continue
        if suffix in images.SUFFIXES:
            kinds[DataFormat.IMAGE_FOLDER].append(entry.path)
        elif suffix in texts.SUFFIXES and "/" in entry.path:
            kinds[DataFormat.TEXT_FOLDER].append(entry.path)
        elif suffix in TABLES:
            kinds[TABLES[suffix]].append(entry.path)
    if DataFormat.IMAGE_FOLDER in kinds and DataFormat.CSV in kinds:
        index = images.index_of(tracked)
        kinds[DataFormat.CSV] = [name for name in kinds[DataFormat.CSV] if name != index]
    found = {kind: names for kind, names in kinds.items() if names}
    if len(found) > 1 and all(suffix_of(name) == ".json" for name in found.get(DataFormat.JSONL, [])):
        found.pop(DataFormat.JSONL, None)  # beside data of another kind it is about the data
    return found


def _of_file(path: Path) -> DataFormat:
    with path.open("rb") as stream:
        head = stream.read(65536)
    for kind, magic in _MAGIC.items():
        if head.startswith(magic):
            return kind
    binary = b"\x00" in head
    if not binary and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return DataFormat.JSONL
    named = TABLES.get(suffix_of(path.name))
    if named in _MAGIC:
        raise BadDataError(f"{path.name!r} is not a {_WORDS[named]} file, although its name says so")
    text_files.refuse_others(path, path.name)
    if binary:
        raise BadDataError(
            f"{path.name!r} is not a table that can be read", remedy="Give CSV, JSON Lines, Parquet or .npz"
        )
    return DataFormat.CSV
