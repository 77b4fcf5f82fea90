"""The data source: reads a file, a folder or a `.dvc` file, tracks it as DVC does, and lists its rows with splits."""

from __future__ import annotations

import logging
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from adapters.dvc.failures import declared
from adapters.dvc.formats.detection import detect_format, read_rows
from adapters.dvc.repositories import Imported, fetch
from adapters.dvc.rows.drafts import Columns, finish, same_but_case
from adapters.dvc.tracking import track
from registry.domain.data.datasets import DataFormat, LabelKind, SplitPlan
from registry.domain.data.splits import straddling
from registry.errors import DatasetChangedError, InvalidError, NotFoundError
from registry.ports.data import DataListing

for _library in ("dvc", "dvc_data", "dvc_objects", "scmrepo"):
    # Without a handler of someone's, Python prints their warnings to standard error, one line a file.
    logging.getLogger(_library).addHandler(logging.NullHandler())


class DvcSource:
    """Datasets on this machine and in the DVC repositories that `.dvc` files name."""

    name = "dvc"

    def read(
        self,
        source: Path,
        *,
        staging: Path,
        cache: Path,
        split: SplitPlan,
        label: str,
        text: str,
        rev: str | None,
        labels: LabelKind = LabelKind.CLASS,
        format: DataFormat | None = None,
    ) -> DataListing:
        """See `registry.ports.DataSource.read`. Also raises NotFoundError, InvalidError, NoSpaceError, AdapterError."""
        if not source.exists():
            raise NotFoundError(f"There is no {str(source)!r}", remedy="Check the path")
        columns = Columns(text, label, labels, split.column)
        with declared(source):
            if source.suffix.lower() == ".dvc" and source.is_file():
                imported = fetch(source, staging, rev=rev)
                listing = _read(imported.data, staging, cache, split, columns, format=format)
                return _signed(listing, imported)
            if rev is not None:
                raise InvalidError(
                    f"{source.name!r} is not a .dvc file, so it has no revision {rev!r}", remedy="Leave --rev out"
                )
            return _read(source, staging, cache, split, columns, format=format)


def _read(
    source: Path,
    staging: Path,
    cache: Path,
    plan: SplitPlan,
    columns: Columns,
    *,
    format: DataFormat | None,
) -> DataListing:
    tracked = track(source, ours=staging.parent)
    kind = format or detect_format(tracked, is_file=source.is_file(), labels=columns.labels)
    found = read_rows(tracked, kind, columns)
    rows, carried_out = finish(found, plan, columns.labels)
    tracked.keep(cache, scratch=staging)
    tracked.check_unchanged()
    links = tuple(f"{link} is a link to a folder and was left out, as DVC does" for link in tracked.links)
    both = straddling(rows)
    twice = (f"{both} contents stand in more than one of the splits that the dataset brought",) if both else ()
    return DataListing(
        root=tracked.root,
        format=kind,
        modality=found.modality,
        files=tracked.files,
        rows=rows,
        split=carried_out,
        dvc=tracked.record,
        notes=(*found.notes, *same_but_case(rows, columns.labels), *links, *twice),
        libraries={library: version(library) for library in ("dvc", "dvc-data", "numpy", "pillow", "pyarrow")},
    )


def _signed(listing: DataListing, imported: Imported) -> DataListing:
    """The listing with its origin. Raises: DatasetChangedError when the data is not what the `.dvc` file says."""
    record = listing.dvc
    if record is None or imported.md5 not in {None, record.md5}:
        raise DatasetChangedError(
            f"The data is not the {imported.md5} that its .dvc file records",
            remedy="Run dvc add or dvc checkout there, then try again",
        )
    return replace(listing, dvc=imported.sign(record), notes=(*listing.notes, *imported.notes))
