"""Images: a folder per class, a CSV of path and label beside them, or unlabelled. Each is decoded as training does.

Paths in the CSV may begin with `./` and have backslashes, and may be in another Unicode form than the file's own.
"""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Iterable, Mapping

from adapters.dvc.formats.columns import clean_group, group_column, label_column, no_groups, split_column, unread
from adapters.dvc.formats.csv_files import read_csv
from adapters.dvc.rows.drafts import FOLDER, Columns, Draft, Drafts, Found
from adapters.dvc.rows.folders import is_ignored, place_files, place_unlabelled, suffix_of
from adapters.dvc.rows.labels import TAGGED, read_label
from adapters.dvc.rows.places import begin
from adapters.dvc.rows.split_names import clean_split
from adapters.dvc.tracking import Tracked
from adapters.inputs.pictures import check_picture, size_of
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
PATH_COLUMNS = ("path", "file_name")
"""Names of the column of paths in an index; `file_name` is the Hub's, in `metadata.csv`."""


def index_of(tracked: Tracked) -> str | None:
    """The CSV beside the images that lists them, if there is exactly one at the top with a column of paths.

    Raises: BadDataError when two could be it.
    """
    found = [
        entry.path
        for entry in tracked.files
        if "/" not in entry.path
        and suffix_of(entry.path) == ".csv"
        and not is_ignored(entry.path)
        and set(read_csv(tracked.root / entry.path, entry.path).columns) & set(PATH_COLUMNS)
    ]
    if len(found) > 1:
        raise BadDataError(f"{found[0]!r} and {found[1]!r} both list images", remedy="Keep one of them")
    return found[0] if found else None


def read_images(tracked: Tracked, columns: Columns) -> Found:
    """The rows, what brought their splits, and notes. Raises: BadDataError naming file or line."""
    if columns.labels is LabelKind.TAGS:
        raise BadDataError("Tags belong to the words of a text, and these are images", remedy=f"Give {TAGGED}")
    index = index_of(tracked)
    if index is not None:
        return _read_index(tracked, index, columns)
    no_groups(columns, "A folder of images")
    if columns.split not in {None, FOLDER}:
        raise BadDataError(
            f"A folder of images has no column {columns.split!r}", remedy="Add a CSV of path, label and split"
        )
    if columns.labels not in {LabelKind.CLASS, LabelKind.NONE}:
        raise BadDataError(
            f"A folder of images names one class for each, but --labels is {columns.labels}",
            remedy="Add a CSV of path and label beside the images",
        )
    place = place_unlabelled if columns.labels is LabelKind.NONE else place_files
    placing = place(tracked, SUFFIXES, what="image")
    digests = {entry.path: entry.sha256 for entry in tracked.files}
    _weigh(tracked, [one.name for one in placing.files], columns)
    drafts = Drafts(columns, tracked.record.size)
    for one in placing.files:
        check_picture(tracked.root / one.name, one.name)
        drafts.add(Draft(digests[one.name], one.label, one.split, path=one.name))
    return Found(drafts.found, FOLDER if placing.by_folder else None, Modality.IMAGE, tuple(placing.notes))


def _read_index(tracked: Tracked, index: str, columns: Columns) -> Found:
    table = read_csv(tracked.root / index, index)
    path = next(name for name in PATH_COLUMNS if name in table.columns)
    label = label_column(table.columns, columns, index)
    split = split_column(table.columns, columns.split, index, taken={path, label})
    group = group_column(table.columns, columns.group, index)
    digests = {entry.path: entry.sha256 for entry in tracked.files}
    plain = _plain_names(digests)
    drafts, seen = Drafts(columns, tracked.record.size), dict[str, str]()
    for where, record in table.records(()):
        name = _named(str(record[path]).strip(), digests, plain, where)
        if name in seen:
            raise BadDataError(f"{begin(where)} names {name!r} again, after {seen[name]}", remedy="List an image once")
        seen[name] = where
        drafts.add(
            Draft(
                digests[name],
                read_label(record[label] if label is not None else None, where, columns.labels),
                clean_split(record[split], where) if split else None,
                path=name,
                group=clean_group(record[group], where) if group else None,
            )
        )
    _weigh(tracked, seen, columns)
    for name in seen:
        check_picture(tracked.root / name, name)
    unlisted = sum(suffix_of(name) in SUFFIXES and not is_ignored(name) for name in digests.keys() - seen.keys())
    notes = (*table.notes, *_notes(index, unlisted), *unread(table.columns, columns, index))
    return Found(drafts.found, split, Modality.IMAGE, notes)


def _weigh(tracked: Tracked, names: Iterable[str], columns: Columns) -> None:
    """Raises: TooLargeError for pictures that have too many pixels, each or all together, before one is decoded."""
    pixels = 0
    for name in names:
        width, height = size_of(tracked.root / name, name)
        columns.limits.check_pixels(width, height, name)
        columns.limits.check_unpacked(pixels := pixels + width * height, tracked.record.size, "pixels")


def _notes(index: str, unlisted: int) -> tuple[str, ...]:
    return (f"{unlisted} images are in no row of {index}",) if unlisted else ()


def _named(written: str, digests: Mapping[str, object], plain: Mapping[str, list[str]], where: str) -> str:
    """The file that an index means by `written`. Raises: BadDataError when there is none, or more than one."""
    if written in digests:
        return written
    found = plain.get(_plain(written), [])
    if len(found) == 1:
        return found[0]
    if found:
        raise BadDataError(
            f"{begin(where)} names {written[:200]!r}, and {len(found)} files have that name in different Unicode forms",
            remedy="Rename one of them",
        )
    raise BadDataError(f"{begin(where)} names {written[:200]!r}, which is not there", remedy="Paths start at the CSV")


def _plain_names(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_plain(name), []).append(name)
    return found


def _plain(name: str) -> str:
    """A path without `./` and backslashes, in Unicode's form NFC."""
    return unicodedata.normalize("NFC", posixpath.normpath(name.replace("\\", "/")))
