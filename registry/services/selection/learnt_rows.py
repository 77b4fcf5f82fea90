"""Rows that a model learnt from, on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind
from registry.domain.manifests import canonical_json
from registry.errors import DatasetChangedError, InvalidError, RefusedError
from registry.ports.transfers import DataInput
from registry.services.artifacts.storing import write_files
from registry.services.context import Context
from registry.services.data.verbs import rows_of
from registry.services.lineage.learnt_from import LearntFrom
from registry.services.lookup import found, refuse_withheld
from registry.services.selection.reading import ALL
from registry.services.selection.sampling import sampled

MOST_BYTES = 2**30
"""Of files that are written to disk for the rows of one comparison."""


def rows_learnt_from(context: Context, one: LearntFrom, modality: Modality, cap: int, folder: Path) -> DataInput:
    """At most `cap` rows of it, without labels, in the new `folder`: only the files of those rows are written.

    Raises: WithheldError, RecalledError, DamagedError, IntegrityError, NotFoundError; InvalidError for data of another
    modality; RefusedError for rows in files that are too large.
    """
    with context.read() as uow:
        detail = found(uow.datasets.version(one.data), one.data)
        refuse_withheld(context, uow, detail.summary)
    if detail.summary.digest != one.digest:
        raise DatasetChangedError(f"{one.data} is not what it was when the model was trained on it")
    kind = detail.dataset.describing.modality
    if kind is not modality:
        raise InvalidError(f"{one.data} holds {kind} data, not {modality}")
    whole = _unread(context, detail, one, folder)
    part = sampled(whole, cap, 0)
    needed = {row.path for row in part.chosen if row.path is not None}
    files = [entry for entry in detail.files if entry.path in needed]
    if (size := sum(entry.size for entry in files)) > MOST_BYTES:
        raise RefusedError(f"The files of {len(part.chosen)} rows of {one.data} have {size / 2**30:,.1f} GiB")
    folder.mkdir()
    write_files(context, one.data, files, folder, error=DatasetChangedError)
    rows = tuple(replace(row, label=None) for row in part.chosen)
    return replace(part, rows=rows, labels=LabelKind.NONE)


def _unread(context: Context, detail: DatasetVersionDetail, one: LearntFrom, folder: Path) -> DataInput:
    """All rows of its split, by their index alone."""
    rows = [row for row in rows_of(context, detail) if not one.split or row.split == one.split]
    digest = Digest.of(canonical_json({"data": str(one.digest), "split": one.split, "labels": None}))
    return DataInput(
        root=folder,
        digest=digest,
        label=one.data.label,
        format=detail.summary.format,
        modality=detail.dataset.describing.modality,
        rows=tuple(replace(row, split=ALL) for row in rows),
        split=ALL,
        labels=detail.summary.labels,
    )
