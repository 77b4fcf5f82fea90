"""How datasets look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from registry.cli.printing import facts, heading, hint, moment, table, tell
from registry.domain.data.labels import told
from registry.presenting.formats import number, size

if TYPE_CHECKING:
    from registry.domain.data.datasets import DatasetSummary, DatasetVersionDetail, DatasetVersionSummary, SplitSummary

MANY_CLASSES = 20


def say_added(found: DatasetVersionDetail, *, began: datetime) -> None:
    """What was registered, or that nothing was: then the version is older than `began`."""
    version = found.summary
    if version.created_at < began:
        tell(f"Already registered as {version.ref}; nothing changed")
    else:
        tell(f"{version.ref} is in: {number(version.rows)} rows, {told(version)}, {size(version.size)}")
    if found.dvc is not None:
        hint(f"DVC calls it {found.dvc.md5}")
    hint(f"Next: forebear dataset show {version.ref}")


def show_datasets(datasets: Sequence[DatasetSummary]) -> None:
    """Datasets, one a line."""
    rows = [
        (
            data.name,
            data.version.ref.number if data.version else None,
            number(data.version.rows) if data.version else None,
            told(data.version) if data.version else None,
            data.describing.task,
            data.describing.licence,
            moment(data.created_at),
        )
        for data in datasets
    ]
    columns = ("Dataset", ">Version", ">Rows", "Labels", "Task", "Licence", "Made")
    table(columns, rows, empty="There are no such datasets. Register one: forebear dataset add team/name PATH")


def show_versions(versions: Sequence[DatasetVersionSummary]) -> None:
    """Versions of one dataset, one a line."""
    rows = [
        (
            version.ref.number,
            number(version.rows),
            told(version),
            version.format,
            size(version.size),
            version.licence,
            f"{moment(version.created_at)} by {version.created_by}",
        )
        for version in versions
    ]
    table((">Version", ">Rows", "Labels", "Format", ">Size", "Licence", "Made"), rows, empty="There are no versions.")


def show_dataset(found: DatasetVersionDetail) -> None:
    """One dataset version: everything but its bytes."""
    version, describing = found.summary, found.dataset.describing
    dvc = found.dvc
    facts(
        str(version.ref),
        {
            "description": describing.description,
            "digest": version.digest,
            "DVC": dvc.md5 if dvc else "not tracked",
            "from": f"{dvc.url} at {dvc.rev_lock or dvc.rev}" if dvc and dvc.url else "",
            "format": f"{version.format}, {len(found.files)} files, {size(version.size)}",
            "task": f"{describing.task} ({describing.modality})",
            "labels": f"{version.labels}: {told(version)}",
            "licence": version.licence,
            "origin": describing.origin,
            "made": f"{moment(version.created_at)} by {version.created_by}, {found.step}",
            "split": found.split_plan.shares if found.split_plan.column is None else "the data's own",
            "seed": found.split_plan.seed,
        },
    )
    heading("Splits")
    rows = [(split.name, number(split.rows), _labels(split)) for split in version.splits]
    table(("Split", ">Rows", "Labels"), rows, empty="There are no rows.")


def _labels(split: SplitSummary) -> str:
    if split.numbers is not None:
        found = split.numbers
        return f"{number(found.least)} to {number(found.most)}, mean {number(found.mean)}"
    if len(split.classes) > MANY_CLASSES:
        fewest, most = min(split.classes.values()), max(split.classes.values())
        return f"{len(split.classes)} classes of {fewest} to {most}"
    return "  ".join(f"{label}: {count}" for label, count in split.classes.items())
