"""Which format a dataset has, found by its content; `read_rows` then reads it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from adapters.dvc.formats import arrays, features, images, tables, texts
from adapters.dvc.formats.columns import not_text
from adapters.dvc.formats.csv_files import read_csv
from adapters.dvc.rows.drafts import Columns, Found
from adapters.dvc.rows.folders import is_ignored, suffix_of
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
_SPREADSHEETS = frozenset({".xlsx", ".xls", ".xlsm", ".ods"})
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
        columns = read_csv(tracked.root / name, name).columns
        listed = [column for column in images.PATH_COLUMNS if column in columns]
        if listed and text not in columns:
            raise BadDataError(
                f"{name!r} has no column {text!r}, but lists files in its column {listed[0]!r}",
                remedy="Of images, give the folder that holds it and them; of texts, name their column with --text",
            )


def _table_names(tracked: Tracked, format: DataFormat) -> list[str]:
    """The files of a format; `.json` files count where there are no others, since many describe data and hold none."""
    visible = [entry.path for entry in tracked.files if not is_ignored(entry.path)]
    named = [name for name in visible if TABLES.get(suffix_of(name)) is format]
    named = [name for name in named if suffix_of(name) != ".json"] or named
    if not named and len(tracked.files) == 1:
        return [entry.path for entry in tracked.files]
    if not named:
        suffixes = ", ".join(suffix for suffix, kind in TABLES.items() if kind is format)
        raise BadDataError(
            f"There is no {format.value} file in it (by its suffix: {suffixes})",
            remedy="Leave --format out to have it found",
        )
    return named


def detect_format(tracked: Tracked, *, is_file: bool, labels: LabelKind) -> DataFormat:
    """The format of a file by its first bytes, of a folder by the suffixes of its files.

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
            "There are no images, texts or tables in it",
            remedy=f"Formats are: {', '.join(DataFormat)}; tables end in {', '.join(TABLES)}",
        )
    if len(kinds) > 1:
        (one, names), (other, others) = list(kinds.items())[:2]
        raise BadDataError(
            f"The folder holds several formats: {names[0]!r} is {one.value} and {others[0]!r} is {other.value}",
            remedy=f"Keep one format. Labels of images go into one CSV beside them, with a column "
            f"{' or '.join(images.PATH_COLUMNS)}",
        )
    return next(iter(kinds))


def _kinds(tracked: Tracked) -> dict[DataFormat, list[str]]:
    """The visible files of each format; a CSV that lists images belongs to them, and `.json` counts if alone."""
    kinds, described = defaultdict[DataFormat, list[str]](list), list[str]()
    for entry in tracked.files:
        suffix = suffix_of(entry.path)
        if is_ignored(entry.path):
            continue
        if suffix in images.SUFFIXES:
            kinds[DataFormat.IMAGE_FOLDER].append(entry.path)
        elif suffix in texts.SUFFIXES and "/" in entry.path:
            kinds[DataFormat.TEXT_FOLDER].append(entry.path)
        elif suffix == ".json":
            described.append(entry.path)
        elif suffix in TABLES:
            kinds[TABLES[suffix]].append(entry.path)
    if not kinds and described:
        return {DataFormat.JSONL: described}
    if DataFormat.IMAGE_FOLDER in kinds and DataFormat.CSV in kinds:
        index = images.index_of(tracked)
        kinds[DataFormat.CSV] = [name for name in kinds[DataFormat.CSV] if name != index]
    return {kind: names for kind, names in kinds.items() if names}


def _of_file(path: Path) -> DataFormat:
    with path.open("rb") as stream:
        head = stream.read(65536)
    suffix = suffix_of(path.name)
    if suffix in _SPREADSHEETS:
        raise BadDataError(f"{path.name!r} is a spreadsheet", remedy="Save it as CSV in UTF-8")
    for kind, magic in _MAGIC.items():
        if head.startswith(magic):
            return kind
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    binary = b"\x00" in head
    named = TABLES.get(suffix)
    if not binary and (text.startswith(b"{") or (text.startswith(b"[") and named is DataFormat.JSONL)):
        return DataFormat.JSONL
    if named in _MAGIC:
        raise BadDataError(f"{path.name!r} is not a {_WORDS[named]} file, although its name says so")
    if binary:
        raise not_text(path, path.name)
    return DataFormat.CSV
