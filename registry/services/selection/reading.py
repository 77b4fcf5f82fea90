"""The rows of a dataset version on disk: of one split, or of all of them together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lineage import Assurance, Digest
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.data.rows import read_index
from registry.domain.manifests import canonical_json
from registry.domain.names import AssetKind, Reference
from registry.domain.recipes.methods import TRAIN
from registry.domain.transfers.steps import StepInput
from registry.errors import BadReferenceError, InvalidError
from registry.ports.transfers import DataInput
from registry.services.context import Context
from registry.services.lookup import found, refuse_as_source, resolve
from registry.services.transfers.inputs import lay_out_data

ALL = "all"
"""The split of a dataset whose splits are read together."""


def dataset_of(context: Context, reference: Reference) -> DatasetVersionDetail:
    """Raises: BadReferenceError, NotFoundError; RefusedError for one that is withheld, DamagedError."""
    if reference.kind is not AssetKind.DATASETS:
        raise BadReferenceError(f"{reference} is not a dataset", remedy="Write datasets:/team/name/1")
    with context.read() as uow:
        detail = found(uow.datasets.version(resolve(uow, reference)), reference)
        refuse_as_source(uow, detail.summary, context.clock.now())
    return detail


def refuse_split(detail: DatasetVersionDetail, split: str) -> None:
    """Raises: InvalidError for a split that it has not."""
    splits = [one.name for one in detail.summary.splits]
    if split not in splits:
        raise InvalidError(f"{detail.summary.ref} has no split {split!r}", remedy=f"It has: {', '.join(splits)}")


def digests_of(context: Context, detail: DatasetVersionDetail) -> list[Digest]:
    """The content of each row, without reading the rows themselves."""
    with context.blobs.open(detail.index) as stream:
        return [row.digest for row in read_index(stream.read())]


def rows_of(context: Context, detail: DatasetVersionDetail, split: str | None, folder: Path) -> DataInput:
    """The rows in the new `folder`; with no `split` those of all, and then a digest of their own.

    Raises: InvalidError for a split that it has not, IntegrityError.
    """
    if split is not None:
        refuse_split(detail, split)
    splits = [one.name for one in detail.summary.splits]
    folder.mkdir()
    item = StepInput(detail.summary.ref, detail.summary.digest, TRAIN, split, Assurance.OBSERVED)
    whole = lay_out_data(context, {TRAIN: item}, folder)[TRAIN]
    if split is not None:
        return whole
    digest = Digest.of(canonical_json({"data": str(whole.digest), "splits": splits}))
    return replace(whole, rows=tuple(replace(row, split=ALL) for row in whole.rows), split=ALL, digest=digest)
