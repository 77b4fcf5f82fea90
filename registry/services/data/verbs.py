"""The verbs of datasets, and their verified bytes and rows on disk for a transfer step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from registry.domain.catalog.models import Modality
from registry.domain.catalog.statuses import Use, notice
from registry.domain.data.datasets import DatasetSummary, DatasetVersionDetail, DatasetVersionSummary, Row
from registry.domain.data.looks import Look, look
from registry.domain.data.rows import read_index
from registry.domain.names import Name, Reference, dataset_only
from registry.domain.paging import Page, PageRequest
from registry.domain.transfers.provenance import notes_of
from registry.domain.verbs.catalog import PullReport
from registry.domain.verbs.data import AddDataset
from registry.errors import DatasetChangedError, IntegrityError, NotFoundError
from registry.folders import new_folder
from registry.services.artifacts.storing import BROKEN, write_files
from registry.services.context import Context
from registry.services.data.registering import register_dataset
from registry.services.data.thumbnails import with_thumbnails
from registry.services.downloads import note
from registry.services.lookup import found, refuse_withheld, resolve
from registry.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Datasets:
    """Implements `DatasetVerbs`."""

    context: Context

    def add(self, wanted: AddDataset) -> DatasetVersionDetail:
        """Register data as the next version; the same content as the latest version gives that version again."""
        with self.context.holding() as held:
            ref = register_dataset(held, wanted)
        return self.version(Reference.to(ref))

    def search(self, text: str, page: PageRequest) -> Page[DatasetSummary]:
        """Datasets whose name, description or tags hold the words of `text`."""
        with self.context.read() as uow:
            return uow.datasets.search(text, page, self.context.actor.sight.hidden)

    def versions(self, name: Name, page: PageRequest) -> Page[DatasetVersionSummary]:
        """Its versions, newest first."""
        with self.context.read() as uow:
            found(uow.datasets.dataset(name), f"datasets:/{name}")
            return uow.datasets.versions(name, page)

    def version(self, reference: Reference) -> DatasetVersionDetail:
        """Everything about one version but its bytes."""
        with self.context.read() as uow:
            detail = _version(uow, reference)
            return replace(detail, notes=notes_of(uow.steps.manifest(detail.step)))

    def look(self, reference: Reference, *, pictures: bool = False) -> Look:
        """Its rows at a glance. Only the row index is read, and with `pictures` the files of the examples."""
        with self.context.read() as uow:
            detail = _version(uow, reference)
            refuse_withheld(self.context, uow, detail.summary)
        seen = look(detail.summary.ref, detail.summary.labels, rows_of(self.context, detail))
        if pictures and detail.dataset.describing.modality is Modality.IMAGE:
            return with_thumbnails(self.context, detail, seen)
        return seen

    def pull(self, reference: Reference, folder: Path) -> PullReport:
        """Write the files as they were registered, so that `dvc add` gives the folder its recorded MD5 again.

        The folder appears whole or not at all.
        """
        with self.context.read() as uow:
            detail = _version(uow, reference)
            refuse_withheld(self.context, uow, detail.summary)
        with new_folder(folder) as staged:
            _write(self.context, detail, staged)
            with self.context.read() as uow:  # it may have been taken back while it was written
                refuse_withheld(self.context, uow, _version(uow, Reference.to(detail.summary.ref)).summary)
        note(self.context, detail.summary.ref)
        warned = notice(detail.summary.ref, detail.summary.status, detail.status_reason, Use.READ)
        return PullReport(detail.summary.ref, folder, len(detail.files), detail.summary.size, warned)


def _version(uow: UnitOfWork, reference: Reference) -> DatasetVersionDetail:
    return found(uow.datasets.version(resolve(uow, dataset_only(reference))), reference)


def materialise_dataset(context: Context, detail: DatasetVersionDetail, folder: Path) -> list[Row]:
    """Write a version's files under `folder`, each verified against its SHA-256, and give its rows.

    Raises: DamagedError, DatasetChangedError when stored bytes are not what was registered, NoSpaceError.
    """
    with context.read() as uow:
        refuse_withheld(context, uow, detail.summary)
    _write(context, detail, folder)
    return rows_of(context, detail)


def rows_of(context: Context, detail: DatasetVersionDetail) -> list[Row]:
    """Raises: DatasetChangedError when the stored index is not what was registered."""
    try:
        with context.blobs.open(detail.index) as stream:
            return read_index(stream.read())
    except (NotFoundError, IntegrityError) as error:
        raise DatasetChangedError(
            f"The stored bytes of the row index in {detail.summary.ref} are not what was registered", remedy=BROKEN
        ) from error


def _write(context: Context, detail: DatasetVersionDetail, folder: Path) -> None:
    write_files(context, detail.summary.ref, detail.files, folder, error=DatasetChangedError)
