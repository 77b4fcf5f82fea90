"""How datasets are printed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from registry.cli.failures import note
from registry.cli.printing import facts, heading, hint, moment, table, tell
from registry.cli.tables import Pieces
from registry.cli.views.catalog import status_with_reason
from registry.domain.data.labels import label_summary
from registry.presenting.formats import counted, number, sentence, size

if TYPE_CHECKING:
    from registry.domain.catalog.marks import MarkInForce
    from registry.domain.data.datasets import DatasetSummary, DatasetVersionDetail, DatasetVersionSummary, SplitSummary

MANY_CLASSES = 20
NO_DATASETS = "There are no datasets yet. Register one: forebear dataset add team/name PATH"
NO_MATCH = "No dataset matches; see them all: forebear dataset list"


def say_added(found: DatasetVersionDetail, marks: Sequence[MarkInForce], *, began: datetime) -> None:
    """What was registered, with the marks that came to it. A version older than `began` had been registered before."""
    version = found.summary
    if version.created_at < began:
        tell(f"Already registered as {version.ref}; nothing changed")
    else:
        tell(f"Registered {version.ref}: {number(version.rows)} rows, {label_summary(version)}, {size(version.size)}")
    if found.dvc is not None:
        hint(f"DVC hash: {found.dvc.md5}")
    for one in found.notes:
        note(sentence(one))
    for mark in marks:
        note(f"It has the mark {mark.mark}. {mark.reason}")
    hint(f"Next: forebear dataset show {version.ref}")


def show_datasets(datasets: Sequence[DatasetSummary], *, empty: str = NO_DATASETS) -> None:
    """Datasets, one a line."""
    rows = [
        (
            data.name,
            data.version.ref.number if data.version else None,
            number(data.version.rows) if data.version else None,
            label_summary(data.version) if data.version else None,
            data.describing.task,
            data.describing.licence,
            moment(data.created_at),
        )
        for data in datasets
    ]
    columns = ("Dataset", ">Version", ">Rows", "Labels", "Task", "Licence", "Created")
    table(columns, rows, empty=empty, drop=("Created", "Licence", "Task"))


def show_versions(versions: Sequence[DatasetVersionSummary]) -> None:
    """Versions of one dataset, one a line."""
    rows = [
        (
            version.ref.number,
            number(version.rows),
            label_summary(version),
            version.format,
            size(version.size),
            version.licence,
            f"{moment(version.created_at)} by {version.created_by}",
        )
        for version in versions
    ]
    columns = (">Version", ">Rows", "Labels", "Format", ">Size", "Licence", "Created")
    table(columns, rows, empty="There are no versions.", drop=("Created", "Licence", "Format", "Size"))


def show_dataset(found: DatasetVersionDetail) -> None:
    """One dataset version: everything but its bytes."""
    version, describing = found.summary, found.dataset.describing
    dvc = found.dvc
    facts(
        str(version.ref),
        {
            "description": describing.description,
            "digest": version.digest,
            "DVC hash": dvc.md5 if dvc else "not tracked",
            "from": f"{dvc.url} at {dvc.rev_lock or dvc.rev}" if dvc and dvc.url else "",
            "format": f"{version.format}, {counted(len(found.files), 'file')}, {size(version.size)}",
            "task": f"{describing.task} ({describing.modality})",
            "status": status_with_reason(found),
            "labels": f"{version.labels}: {label_summary(version)}",
            "licence": version.licence,
            "origin": describing.origin,
            "created": f"{moment(version.created_at)} by {version.created_by}, {found.step}",
            "split": found.split_plan.shares if found.split_plan.column is None else "as in the data",
            "seed": found.split_plan.seed,
            "notes": sentence("; ".join(found.notes)),
        },
    )
    heading("Splits")
    rows = [(split.name, number(split.rows), _labels(split)) for split in version.splits]
    table(("Split", ">Rows", "Labels"), rows, empty="There are no rows.")


def _labels(split: SplitSummary) -> str | Pieces:
    if split.numbers is not None:
        found = split.numbers
        return f"{number(found.least)} to {number(found.most)}, mean {number(found.mean)}"
    if len(split.classes) > MANY_CLASSES:
        fewest, most = min(split.classes.values()), max(split.classes.values())
        return f"{len(split.classes)} classes of {fewest} to {most} rows"
    return Pieces([f"{label}: {count}" for label, count in split.classes.items()])
