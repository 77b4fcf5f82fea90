"""The verbs of datasets, and the way of their bytes to a transfer step: verified out of the store, with their rows."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from lineage import Digest
from registry.domain.data import DatasetSummary, DatasetVersionDetail, Row
from registry.domain.manifests import Manifest
from registry.domain.names import AssetKind, Reference
from registry.domain.paging import Page, PageRequest
from registry.domain.rows import read_index
from registry.domain.verbs import AddDataset, PullReport
from registry.errors import BadReferenceError, DatasetChangedError, IntegrityError, NotFoundError
from registry.services.context import Context
from registry.services.lookup import found, resolve
from registry.services.pulling import publish_folder, stage_beside
from registry.services.registering import reference_to, register_dataset
from registry.services.storing import write_files
from registry.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Datasets:
    """Implements `DatasetVerbs`."""

    context: Context

    def add(self, wanted: AddDataset) -> DatasetVersionDetail:
        """Register data as the next version; the same content as the latest version gives that version again."""
        return self.version(reference_to(register_dataset(self.context, wanted)))

    def search(self, text: str, page: PageRequest) -> Page[DatasetSummary]:
        """Datasets whose name, description or tags hold the words of `text`."""
        with self.context.read() as uow:
            return uow.datasets.search(text, page)

    def version(self, reference: Reference) -> DatasetVersionDetail:
        """Everything about one version but its bytes."""
        with self.context.read() as uow:
            return _version(uow, reference)

    def pull(self, reference: Reference, folder: Path) -> PullReport:
        """Write the files as they were registered, so that `dvc add` gives the folder its recorded MD5 again.

        The folder appears whole or not at all.
        """
        detail = self.version(reference)
        staged = stage_beside(folder)
        try:
            write_dataset(self.context, detail, staged)
            publish_folder(staged, folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        return PullReport(detail.summary.ref, folder, len(detail.files), detail.summary.size)


def _version(uow: UnitOfWork, reference: Reference) -> DatasetVersionDetail:
    if reference.kind is not AssetKind.DATASETS:
        raise BadReferenceError(f"{reference} is no dataset", remedy="Write datasets:/team/name/1")
    return found(uow.datasets.version(resolve(uow, reference)), reference)


def materialise_dataset(context: Context, detail: DatasetVersionDetail, folder: Path) -> list[Row]:
    """Write a version's files under `folder`, each verified against its SHA-256, and give its rows.

    Raises: DatasetChangedError when stored bytes are not what was registered, NoSpaceError.
    """
    write_dataset(context, detail, folder)
    return rows_of(context, detail)


def write_dataset(context: Context, detail: DatasetVersionDetail, folder: Path) -> None:
    """Write a version's files under `folder`. Raises: DatasetChangedError."""
    ref = detail.summary.ref

    def changed(path: str) -> IntegrityError:
        return _changed(detail, repr(path))

    with context.read() as uow:
        write_files(uow, context.blobs, ref, Manifest(detail.files, detail.index), folder, changed=changed)


def rows_of(context: Context, detail: DatasetVersionDetail) -> list[Row]:
    """The rows of a version, in order of key. Raises: DatasetChangedError."""
    try:
        with context.blobs.open(detail.index) as stream:
            body = stream.read()
        if Digest.of(body) != detail.index:
            raise IntegrityError("the digest differs")
        return read_index(body)
    except (NotFoundError, IntegrityError) as error:
        raise _changed(detail, "the row index") from error


def _changed(detail: DatasetVersionDetail, what: str) -> DatasetChangedError:
    return DatasetChangedError(
        f"the stored bytes of {what} in {detail.summary.ref} are not what was registered",
        remedy="Run forebear doctor, and restore a backup or register the data again",
    )
