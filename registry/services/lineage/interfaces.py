"""How stored versions are spoken to: the files of their interfaces, read and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lineage import Relation
from registry.domain.catalog.interface import (
    COMPARED,
    MOST_BYTES,
    READ,
    SETTINGS,
    InterfaceDifference,
    Side,
    differences,
)
from registry.domain.catalog.models import VersionDetail
from registry.domain.names import VersionRef
from registry.services.artifacts.storing import write_files
from registry.services.context import Context
from registry.services.workspace import workspace


def between(
    context: Context, child: VersionDetail, parents: Sequence[VersionDetail], relations: Mapping[VersionRef, Relation]
) -> dict[VersionRef, tuple[InterfaceDifference, ...]]:
    """How a version is spoken to otherwise than each parent. Of large files only those that differ are read."""
    with workspace(context.home, "interface") as folder:
        ours = _digests(child)
        other = {name for one in parents for name, digest in _digests(one).items() if ours.get(name) != digest}
        sides = [_side(context, one, other, folder / str(number)) for number, one in enumerate((child, *parents))]
    pairs = zip((one.summary.ref for one in parents), sides[1:], strict=True)
    return {ref: differences(side, sides[0], relations[ref]) for ref, side in pairs}


def _digests(detail: VersionDetail) -> dict[str, str]:
    return {one.path: str(one.sha256) for one in detail.files if one.path in COMPARED}


def _side(context: Context, detail: VersionDetail, wanted: set[str], folder: Path) -> Side:
    folder.mkdir()
    read = [one for one in detail.files if one.path in READ & {*wanted, *SETTINGS} and one.size <= MOST_BYTES]
    write_files(context, detail.summary.ref, read, folder)
    return Side(_digests(detail), {one.path: (folder / one.path).read_bytes() for one in read})
