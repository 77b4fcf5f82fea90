"""Registration of data: read, hash, track, split, store; then version, step and audit entry in one transaction.

The same content as the latest version (files, labels and splits) gives that version again, and nothing is written.
Bytes go into the blob store before the transaction: a later failure leaves no row, and at most blobs that
nothing refers to, which the same registration uses when it is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from registry.domain.catalog.licences import check_recorded_licence, normalise_licence
from registry.domain.catalog.models import Describing, Modality
from registry.domain.credentials import by_form, credential_error, without_credentials
from registry.domain.data.datasets import DatasetSummary, LabelKind, SplitSummary
from registry.domain.data.labels import usual_task
from registry.domain.manifests import Manifest
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.people.people import Permission
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.provenance import Compute
from registry.domain.verbs.data import AddDataset
from registry.errors import ConflictError, DatasetChangedError, IntegrityError, InvalidError
from registry.machine import this_machine
from registry.ports.blobs import BlobStore
from registry.ports.data import DataSummary, HowToRead
from registry.services.artifacts.publishing import Asset, DatasetContents, Making, publish
from registry.services.context import Context
from registry.services.data.same_content import Compared, compared
from registry.services.lookup import refuse_taken
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace
from registry.sources import PACKAGE, resolve_source


@dataclass(frozen=True, slots=True)
class _Prepared:
    wanted: AddDataset
    labels: LabelKind
    listing: DataSummary
    manifest: Manifest
    started_at: datetime
    began: float
    """The clock's monotonic seconds then."""


def register_dataset(context: Context, wanted: AddDataset) -> VersionRef:
    """See `DatasetVerbs.add`. For the content of the latest version, gives that version."""
    context.actor.require(Permission.EDIT)
    started, began = context.clock.now(), context.clock.monotonic()
    source = resolve_source(wanted.source)
    with context.read() as uow:
        labels = _labels(uow, wanted)
        _describe(uow, wanted, labels, None)
    if wanted.uploaded and source.suffix.lower() == ".dvc":
        raise InvalidError("A .dvc file only points to data, so it cannot be uploaded", remedy="Upload the data itself")
    with workspace(context.home, "data") as work:
        columns = wanted.label_column, wanted.text_column
        how = HowToRead(wanted.split, *columns, labels, wanted.format, wanted.group_column)
        listing = context.plugins.read_data(
            source, how, staging=work, cache=context.home / "cache" / "dvc", rev=wanted.rev
        )
        listing = _without_credentials(listing)
        prepared = _Prepared(wanted, labels, listing, store_listing(context.blobs, listing), started, began)
    same = compared(context, prepared.manifest)
    with context.write() as uow:
        labels = _labels(uow, replace(wanted, labels=labels))
        describing, existing = _describe(uow, wanted, labels, listing)
        if existing is not None and existing.version is not None:
            latest = existing.version
            if latest.digest == prepared.manifest.digest:
                check_recorded_licence(latest.ref, latest.licence, wanted.licence)
                return latest.ref
        return _publish(context, uow, prepared, describing, same)


def _without_credentials(listing: DataSummary) -> DataSummary:
    """The password in the address of a DVC repository is removed; a class that is a credential is refused."""
    labels = "\n".join(label for split in listing.splits for label in split.classes)
    if (found := next(by_form(labels), None)) is not None:
        raise credential_error(found, "", "label of a row")
    if listing.dvc is None or listing.dvc.url is None:
        return listing
    return replace(listing, dvc=replace(listing.dvc, url=without_credentials(listing.dvc.url)))


def _labels(uow: UnitOfWork, wanted: AddDataset) -> LabelKind:
    """The kind of the labels: as given, or as in the dataset so far. Raises: ConflictError when the two differ."""
    existing = uow.datasets.dataset(wanted.name)
    if existing is None or existing.version is None:
        return wanted.labels or LabelKind.CLASS
    before = existing.version.labels
    if wanted.labels not in {None, before}:
        raise ConflictError(
            f"The labels of {wanted.name} are of the kind {before}, not {wanted.labels}",
            remedy="Leave the kind of labels out, or register another dataset",
        )
    return before


def _describe(
    uow: UnitOfWork, wanted: AddDataset, labels: LabelKind, listing: DataSummary | None
) -> tuple[Describing, DatasetSummary | None]:
    """The description of the dataset, and the dataset if it exists. Without a listing, what is known before reading."""
    existing = uow.datasets.dataset(wanted.name)
    if existing is None:
        refuse_taken(uow, AssetKind.DATASETS, wanted.name)
    licence = wanted.licence or (existing.describing.licence if existing else None)
    if not licence:
        raise InvalidError(
            "The data does not state its licence", remedy="Give an SPDX expression, for example --licence CC-BY-4.0"
        )
    modality = listing.modality if listing else existing.describing.modality if existing else Modality.TEXT
    describing = Describing(
        task=wanted.task or (existing.describing.task if existing else usual_task(modality, labels)),
        modality=modality,
        licence=normalise_licence(licence),
        origin=wanted.origin or (existing.describing.origin if existing else _origin(wanted, listing)),
        description=wanted.description or (existing.describing.description if existing else ""),
        tags=wanted.tags or (existing.describing.tags if existing else {}),
    )
    if existing is not None:
        _check_same(wanted.name, existing.describing, describing)
    return describing, existing


def _check_same(name: Name, old: Describing, new: Describing) -> None:
    """A further version must fit the description of the dataset; only its licence may differ."""
    for word in ("modality", "task", "origin", "description", "tags"):
        if getattr(old, word) != getattr(new, word):
            raise ConflictError(
                f"The {word} of {name} is {getattr(old, word)!s}, not {getattr(new, word)!s}",
                remedy=f"Leave the {word} out, or register another dataset",
            )


def _origin(wanted: AddDataset, listing: DataSummary | None) -> str:
    if listing is not None and listing.dvc is not None and listing.dvc.url is not None:
        return listing.dvc.url
    if wanted.uploaded:
        return "upload"
    return wanted.source if wanted.source.startswith(PACKAGE) else f"file:{Path(wanted.source).name}"


def store_listing(blobs: BlobStore, listing: DataSummary) -> Manifest:
    """Put the files and the row index. Raises: DatasetChangedError when a file is no longer what was read."""
    for entry in listing.files:
        try:
            with (listing.root / entry.path).open("rb") as stream:
                blobs.put(stream, expected=entry.sha256)
        except (IntegrityError, FileNotFoundError) as error:
            raise DatasetChangedError(
                f"{entry.path!r} changed while it was registered", remedy="Try again when nobody writes to it"
            ) from error
    with listing.index.open("rb") as stream:
        index, _ = blobs.put(stream)
    return Manifest.of(listing.files, index)


def _publish(
    context: Context, uow: UnitOfWork, prepared: _Prepared, describing: Describing, same: Compared
) -> VersionRef:
    listing, now = prepared.listing, context.clock.now()
    making = Making(
        method=Method.IMPORT,
        adapter=prepared.listing.adapter,
        inputs=(),
        recipe=_record(prepared, describing),
        compute=Compute(
            device="cpu",
            hardware=this_machine(),
            libraries=listing.libraries,
            wall_seconds=context.clock.monotonic() - prepared.began,
        ),
        started_at=prepared.started_at,
        ended_at=now,
        facts=listing_facts(listing, prepared.labels),
    )
    contents = DatasetContents(prepared.manifest, listing, prepared.labels)
    asset = Asset(prepared.wanted.name, describing, contents)
    return publish(
        context,
        uow,
        asset,
        making,
        action="dataset_version.added",
        details={"rows": listing.rows},
        also=lambda ref: same.carry(uow, ref, by=context.actor.handle, at=now),
    )


def _record(prepared: _Prepared, describing: Describing) -> dict[str, object]:
    wanted, split = prepared.wanted, prepared.listing.split
    return {
        "source": describing.origin,
        "format": prepared.listing.format.value,
        "label": wanted.label_column,
        **({} if wanted.group_column is None else {"group": wanted.group_column}),
        "labels": prepared.labels.value,
        "text": wanted.text_column,
        "rev": wanted.rev,
        "split": {"shares": dict(split.shares), "seed": split.seed, "column": split.column},
    }


def listing_facts(listing: DataSummary, labels: LabelKind) -> Mapping[str, object]:
    """Facts about data for the manifest, beside its files."""
    return {
        "dvc": asdict(listing.dvc) if listing.dvc is not None else None,
        "rows": listing.rows,
        "labels": labels.value,
        "splits": [_split(split) for split in listing.splits],
        "notes": list(listing.notes),
    }


def _split(split: SplitSummary) -> dict[str, object]:
    numbers = {} if split.numbers is None else {"numbers": asdict(split.numbers)}
    return {"name": split.name, "rows": split.rows, "classes": dict(split.classes), **numbers}
