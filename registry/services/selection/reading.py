"""The rows of a dataset version on disk: of one split, or of all of them together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lineage import Assurance, Digest
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind
from registry.domain.data.rows import read_index
from registry.domain.manifests import canonical_json
from registry.domain.names import AssetKind, Reference
from registry.domain.recipes.methods import TRAIN
from registry.domain.selection.report import UNITS
from registry.domain.transfers.steps import StepInput
from registry.errors import BadReferenceError, InvalidError
from registry.ports.transfers import DataInput
from registry.services.context import Context
from registry.services.lookup import found, refuse_as_source, resolve
from registry.services.transfers.inputs import lay_out_data

ALL = "all"
"""The split of a dataset whose splits are read together."""
LEAST = 10
"""Rows below which no score means anything."""


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


def refuse_unscorable(detail: DatasetVersionDetail, split: str) -> None:
    """Raises: InvalidError for rows that models cannot be scored on, and for a split that it has not.

    By what is on record, so that nothing is read or queued for it.
    """
    refuse_split(detail, split)
    ref, kind = detail.summary.ref, detail.summary.labels
    chosen = next(one for one in detail.summary.splits if one.name == split)
    if kind not in UNITS:
        what = "has no labels" if kind is LabelKind.NONE else f"has labels of the kind {kind.value}"
        raise InvalidError(
            f"{ref} {what}, and models are scored by how well they tell labels apart",
            remedy="Register it with labels of the kind class, many, number or tags; "
            "forebear dataset compare needs no labels",
        )
    if chosen.rows < LEAST:
        raise InvalidError(
            f"{chosen.rows} rows of {ref} are too few to score a model on", remedy=f"Use a split of {LEAST} or more"
        )
    if kind in {LabelKind.CLASS, LabelKind.TAGS} and sum(count > 0 for count in chosen.classes.values()) < 2:
        what = f"rows of {ref} are of one class" if kind is LabelKind.CLASS else f"rows of {ref} have one tag"
        raise InvalidError(
            f"All {chosen.rows} {what}, so there is nothing to tell apart",
            remedy="Choose another split, or data with two classes",
        )


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
