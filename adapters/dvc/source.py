"""The data source: reads a file, a folder or a `.dvc` file, tracks it as DVC does, and lists its rows with splits."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from adapters.dvc.failures import declared
from adapters.dvc.formats.detection import detect_format, read_rows
from adapters.dvc.repositories import fetch
from adapters.dvc.rows.drafts import Columns, finish, same_but_case
from adapters.dvc.rows.near import near_copies
from adapters.dvc.tracking import track
from adapters.inputs.pictures import Pixels, greys, load_array, open_picture, picture_of, thumbnail
from registry.domain.data.splits import straddling
from registry.errors import DatasetChangedError, InvalidError, NotFoundError
from registry.limits import DataLimits
from registry.ports.data import DataListing, FetchedData, HowToRead, Place

for _library in ("dvc", "dvc_data", "dvc_objects", "scmrepo"):
    # Without a handler of someone's, Python prints their warnings to standard error, one line a file.
    logging.getLogger(_library).addHandler(logging.NullHandler())


class DvcSource:
    """Datasets on this machine and in the DVC repositories that `.dvc` files name."""

    name = "dvc"

    def fetch(self, pointer: Path, *, staging: Path, rev: str | None) -> FetchedData:
        """See `registry.ports.DataSource.fetch`. Also raises NoSpaceError, AdapterError."""
        _check_there(pointer)
        if pointer.suffix.lower() != ".dvc" or not pointer.is_file():
            raise InvalidError(
                f"{pointer.name!r} is not a .dvc file, so it has no revision {rev!r}", remedy="Leave --rev out"
            )
        with declared(pointer):
            return fetch(pointer, staging, rev=rev)

    def read(
        self,
        source: Path,
        how: HowToRead,
        *,
        staging: Path,
        cache: Path,
        limits: DataLimits,
        fetched: FetchedData | None = None,
    ) -> DataListing:
        """See `registry.ports.DataSource.read`. Also raises NotFoundError, NoSpaceError, AdapterError."""
        _check_there(source)
        csv.field_size_limit(limits.cell)
        with declared(source):
            listing = _read(source, how, staging, cache, limits)
        return listing if fetched is None else _signed(listing, fetched)

    def greys(self, pictures: Sequence[Path], side: int) -> Sequence[bytes]:
        """See `DataSource.greys`."""
        return [greys(one, one.name, side).tobytes() for one in pictures]

    def thumbnails(self, root: Path, places: Sequence[Place], side: int) -> Sequence[bytes]:
        """See `DataSource.thumbnails`."""
        arrays: dict[str, Pixels] = {}
        made = []
        for path, index in places:
            if index is None:
                made.append(thumbnail(open_picture(root / path, path), side))
                continue
            if path not in arrays:
                arrays[path] = load_array(root / path, path)
            made.append(thumbnail(picture_of(arrays[path][index]), side))
        return made


def _check_there(source: Path) -> None:
    if not source.exists():
        raise NotFoundError(f"There is no {str(source)!r}", remedy="Check the path")


def _read(source: Path, how: HowToRead, staging: Path, cache: Path, limits: DataLimits) -> DataListing:
    tracked = track(source, limits=limits, ours=staging.parent)
    columns = Columns(how.text, how.label, how.labels, how.split.column, limits, how.group)
    kind = how.format or detect_format(tracked, is_file=source.is_file(), labels=columns.labels)
    found = read_rows(tracked, kind, columns)
    rows, carried_out = finish(found, how.split, columns.labels)
    tracked.keep(cache, scratch=staging)
    tracked.check_unchanged()
    links = tuple(f"{link} is a link to a folder and was left out, as DVC does" for link in tracked.links)
    contents, groups = straddling(rows)
    twice = tuple(
        f"{count} {what} stand in more than one of the splits that the dataset brought"
        for count, what in ((contents, "contents"), (groups, "groups"))
        if count
    )
    near = near_copies(rows, tracked.root, found.modality)
    return DataListing(
        root=tracked.root,
        format=kind,
        modality=found.modality,
        files=tracked.files,
        rows=rows,
        split=carried_out,
        dvc=tracked.record,
        notes=(*found.notes, *same_but_case(rows, columns.labels), *links, *twice, *near),
        libraries={library: version(library) for library in ("dvc", "dvc-data", "numpy", "pillow", "pyarrow")},
    )


def _signed(listing: DataListing, fetched: FetchedData) -> DataListing:
    """The listing with its origin. Raises: DatasetChangedError when the data is not what the `.dvc` file says."""
    record = listing.dvc
    if record is None or fetched.md5 not in {None, record.md5}:
        raise DatasetChangedError(
            f"The data is not the {fetched.md5} that its .dvc file records",
            remedy="Run dvc add or dvc checkout there, then try again",
        )
    signed = replace(record, url=fetched.url, rev=fetched.rev, rev_lock=fetched.rev_lock)
    return replace(listing, dvc=signed, notes=(*listing.notes, *fetched.notes))
