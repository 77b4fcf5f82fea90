"""How versions are spoken to: the files of their interfaces, read and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from lineage import Relation
from registry.domain.catalog.interface import (
    COMPARED,
    MOST_BYTES,
    READ,
    SETTINGS,
    Side,
    differences,
)
from registry.domain.catalog.models import VersionDetail
from registry.domain.names import VersionRef
from registry.errors import RegistryError
from registry.services.artifacts.storing import write_files
from registry.services.artifacts.weights import Interfaces
from registry.services.context import Context
from registry.services.lookup import found
from registry.services.workspace import workspace


def between(
    context: Context, child: VersionDetail, parents: Sequence[VersionDetail], relations: Mapping[VersionRef, Relation]
) -> Interfaces:
    """How a version is spoken to otherwise than each parent. Of large files only those that differ are read."""
    with workspace(context.home, "interface") as folder:
        ours = _digests(child)
        theirs = [_digests(one) for one in parents]
        mine = _stored(context, child, _unlike(ours, theirs), folder / "child")
        return _each(context, mine, parents, relations, folder)


def of_output(context: Context, output: Path, parents: Mapping[VersionRef, Relation]) -> Interfaces:
    """The same for the files in `output`, which are no version yet. Empty where a parent's files cannot be read."""
    if not parents:
        return {}
    try:
        with context.read() as uow:
            details = [found(uow.catalog.version(ref), ref) for ref in parents]
        with workspace(context.home, "interface") as folder:
            return _each(context, _on_disk(output), details, parents, folder)
    except RegistryError:
        return {}


def _each(
    context: Context,
    ours: Side,
    parents: Sequence[VersionDetail],
    relations: Mapping[VersionRef, Relation],
    folder: Path,
) -> Interfaces:
    compared = {}
    for number, one in enumerate(parents):
        theirs = _stored(context, one, _unlike(ours.digests, [_digests(one)]), folder / str(number))
        compared[one.summary.ref] = differences(theirs, ours, relations[one.summary.ref])
    return compared


def _unlike(ours: Mapping[str, str], others: Sequence[Mapping[str, str]]) -> set[str]:
    """The files that are not the same on both sides."""
    return {name for theirs in others for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)}


def _digests(detail: VersionDetail) -> dict[str, str]:
    return {one.path: str(one.sha256) for one in detail.files if one.path in COMPARED}


def _stored(context: Context, detail: VersionDetail, wanted: Collection[str], folder: Path) -> Side:
    folder.mkdir()
    read = [one for one in detail.files if one.path in READ & {*wanted, *SETTINGS} and one.size <= MOST_BYTES]
    write_files(context, detail.summary.ref, read, folder)
    return Side(_digests(detail), {one.path: (folder / one.path).read_bytes() for one in read})


def _on_disk(folder: Path) -> Side:
    digests, contents = {}, {}
    for name in sorted(COMPARED):
        file = folder / name
        if file.is_file():
            with file.open("rb") as stream:
                digests[name] = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
            if name in READ and file.stat().st_size <= MOST_BYTES:
                contents[name] = file.read_bytes()
    return Side(digests, contents)
