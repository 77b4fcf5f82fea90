"""Images: a folder per class, a CSV of path and label beside them, or unlabelled. Decoded once, within limits."""

from __future__ import annotations

import unicodedata
import warnings
from pathlib import Path, PurePosixPath

from PIL import Image

from adapters.dvc.columns import label_column, split_column, unread
from adapters.dvc.csv_files import read_csv
from adapters.dvc.drafts import Columns, Draft, Found
from adapters.dvc.folders import is_hidden, place_files, place_unlabelled, suffix_of
from adapters.dvc.labels import TAGGED, read_label
from adapters.dvc.split_names import FOLDER, clean_split
from adapters.dvc.tracking import Tracked
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""Decoders that run no other program: Pillow's EPS, for one, starts Ghostscript."""
MAX_PIXELS = 64 * 1024 * 1024
PATH_COLUMNS = ("path", "file_name")
"""What an index calls the column of paths; `file_name` is the Hub's name in `metadata.csv`."""


def index_of(tracked: Tracked) -> str | None:
    """The CSV beside the images that lists them, if there is exactly one at the top with a column of paths.

    Raises: BadDataError when two could be it.
    """
    found = [
        entry.path
        for entry in tracked.files
        if "/" not in entry.path
        and suffix_of(entry.path) == ".csv"
        and not is_hidden(entry.path)
        and set(read_csv(tracked.root / entry.path, entry.path).columns) & set(PATH_COLUMNS)
    ]
    if len(found) > 1:
        raise BadDataError(f"{found[0]!r} and {found[1]!r} both list images", remedy="Keep one of them")
    return found[0] if found else None


def read_images(tracked: Tracked, columns: Columns) -> Found:
    """The rows, what brought their splits, and notes. Raises: BadDataError naming file or line."""
    if columns.labels is LabelKind.TAGS:
        raise BadDataError("tags belong to the words of a text, and these are images", remedy=f"Give {TAGGED}")
    index = index_of(tracked)
    if index is not None:
        return _read_index(tracked, index, columns)
    if columns.split not in {None, FOLDER}:
        raise BadDataError(
            f"a folder of images has no column {columns.split!r}", remedy="Add a CSV of path, label and split"
        )
    if columns.labels not in {LabelKind.CLASS, LabelKind.NONE}:
        raise BadDataError(
            f"a folder of images names one class for each, and --labels is {columns.labels}",
            remedy="Add a CSV of path and label beside the images",
        )
    notes: list[str] = []
    if columns.labels is LabelKind.NONE:
        placed, by_folder, notes = place_unlabelled(tracked, SUFFIXES, what="image")
    else:
        placed, by_folder = place_files(tracked, SUFFIXES, what="image")
    digests = {entry.path: entry.sha256 for entry in tracked.files}
    drafts = []
    for one in placed:
        check_image(tracked.root / one.name, one.name)
        drafts.append(Draft(digests[one.name], one.label, one.split, path=one.name))
    return Found(drafts, FOLDER if by_folder else None, Modality.IMAGE, tuple(notes))


def _read_index(tracked: Tracked, index: str, columns: Columns) -> Found:
    table = read_csv(tracked.root / index, index)
    path = next(name for name in PATH_COLUMNS if name in table.columns)
    label = label_column(table.columns, columns, index)
    split = split_column(table.columns, columns.split, index, taken={path, label})
    digests = {entry.path: entry.sha256 for entry in tracked.files}
    drafts, seen = [], dict[str, str]()
    known = {_normal(name): name for name in digests}
    for where, record in table.records():
        written = str(record[path]).strip()
        name = written if written in digests else known.get(_normal(written), "")
        if not name:
            raise BadDataError(f"{where} names {written[:200]!r}, which is not there", remedy="Paths start at the CSV")
        if name in seen:
            raise BadDataError(f"{where} names {name!r} again, after {seen[name]}", remedy="List an image once")
        seen[name] = where
        check_image(tracked.root / name, name)
        drafts.append(
            Draft(
                digests[name],
                read_label(record[label] if label is not None else None, where, columns.labels),
                clean_split(record[split], where) if split else None,
                path=name,
            )
        )
    unlisted = sum(suffix_of(name) in SUFFIXES and not is_hidden(name) for name in digests.keys() - seen.keys())
    notes = (*_notes(index, unlisted), *unread(table.columns, columns, index))
    return Found(drafts, split, Modality.IMAGE, notes)


def _normal(path: str) -> str:
    """`path` as another system may have written it: with backslashes, a leading `./`, in another form of Unicode."""
    return unicodedata.normalize("NFC", str(PurePosixPath(path.replace("\\", "/"))))


def _notes(index: str, unlisted: int) -> tuple[str, ...]:
    return (f"{unlisted} images are in no row of {index}",) if unlisted else ()


def check_image(path: Path, name: str) -> None:
    """Decode the image at `path`, JPEGs at an eighth of their size. Raises: BadDataError naming it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata; what matters is whether the pixels come out
            with Image.open(path, formats=_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise BadDataError(
                        f"the image {name!r} has {image.width} x {image.height} pixels",
                        remedy=f"Scale it below {MAX_PIXELS:,} pixels",
                    )
                image.draft("RGB", (max(image.width // 8, 1), max(image.height // 8, 1)))
                image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadDataError(
            f"the image {name!r} cannot be read: {_reason(error, path)}", remedy="Replace or remove it"
        ) from error


def _reason(error: Exception, path: Path) -> str:
    return str(error).replace(str(path), path.name)
