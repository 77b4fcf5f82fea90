"""The notice of a version: gathered from the files of everything that it was made from; what is missing is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lineage import Graph, NodeKind
from registry.domain.catalog import clauses
from registry.domain.catalog.licences import licence_clauses, licence_ids
from registry.domain.catalog.notices import (
    MOST_BYTES,
    MOST_FILES,
    PUBLISHED,
    Notice,
    NoticePart,
    NoticeText,
    copyright_lines,
    is_notice,
)
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.transfers.ways import Ways
from registry.errors import IntegrityError, RefusedError
from registry.services.artifacts.storing import write_files
from registry.services.context import Context
from registry.services.extras import install_command
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.lineage.standard_texts import EXTRA, standard_texts
from registry.services.lookup import found, refuse_withheld, resolve
from registry.services.storage.lineage import Ancestor, AncestryRecord
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace

MOST = 500
"""Models and datasets whose files are read, the nearest."""
OWED = frozenset({clauses.ATTRIBUTION, clauses.NOTICE, clauses.SHARE_ALIKE, clauses.OWN_TERMS, clauses.UNLISTED})
"""Clauses that ask for a text or a name to be passed on, or may."""


@dataclass(frozen=True, slots=True)
class _Read:
    part: NoticePart
    texts: Mapping[str, str]
    """By the name of the file."""
    why_not: str = ""
    """Why its files could not be read."""


def notice(context: Context, reference: Reference) -> Notice:
    """See `LineageVerbs`. Raises: NotFoundError."""
    with context.read() as uow:
        ref = resolve(uow, reference)
        record = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
    members = list(_contributing(record))
    with workspace(context.home, "notice") as folder:
        read = [_read(context, one, folder / str(number)) for number, one in enumerate(members[:MOST])]
    owed = _owed(read)
    standard = standard_texts(owed) if owed else {}
    return Notice(
        ref,
        tuple(one.part for one in read),
        (*_texts(read), *(NoticeText((), text, one) for one, text in (standard or {}).items())),
        (*_missing(read), *_missing_texts(owed, standard)),
        record.complete and len(members) <= MOST,
    )


def _contributing(record: AncestryRecord) -> Iterator[Ancestor]:
    """The version, and what went into it: not what it, or an ancestor, was only measured on. Nearest first."""
    graph = Graph([member.node for member in record.members], record.edges)
    members = {one.node.id: one for one in record.members}
    ways = Ways.of((member.node for member in record.members), record.edges)
    seen, near = {record.focus}, [record.focus]
    while near:
        yield from (members[key] for key in near if members[key].node.kind is not NodeKind.STEP)
        above = dict.fromkeys(edge.source for key in near for edge in graph.into(key) if ways.along(edge) is not None)
        near = [key for key in above if key not in seen]
        seen.update(near)


def _read(context: Context, member: Ancestor, folder: Path) -> _Read:
    kind = AssetKind.DATASETS if member.node.kind is NodeKind.DATASET else AssetKind.MODELS
    reference = Reference.parse(f"{kind}:/{member.node.label}")
    ref = VersionRef(kind, reference.name, reference.number or 0)
    licence = member.licence or "unknown"
    try:
        with context.read() as uow:
            files, source = _files(context, uow, ref)
        texts = _contents(context, ref, files, folder)
    except (RefusedError, IntegrityError) as error:
        return _Read(NoticePart(member.node.label, licence, "", (), ()), {}, str(error))
    lines = dict.fromkeys(line for text in texts.values() for line in copyright_lines(text))
    gone = "It was deleted" if member.deleted else ""
    return _Read(NoticePart(member.node.label, licence, source, tuple(lines), tuple(texts)), texts, gone)


def _files(context: Context, uow: UnitOfWork, ref: VersionRef) -> tuple[list[FileEntry], str]:
    """The files with texts, and where the version was imported from; none of what was deleted."""
    if ref.kind is AssetKind.MODELS:
        model = uow.catalog.version(ref)
        if model is None:
            return [], ""
        refuse_withheld(context, uow, model.summary)
        files, source = model.files, uow.catalog.source_of(ref) or model.model.origin
    else:
        data = uow.datasets.version(ref)
        if data is None:
            return [], ""
        refuse_withheld(context, uow, data.summary)
        files, source = data.files, ""
    return [one for one in files if is_notice(one.path) and one.size <= MOST_BYTES][:MOST_FILES], source


def _contents(context: Context, ref: VersionRef, files: list[FileEntry], folder: Path) -> dict[str, str]:
    folder.mkdir()
    write_files(context, ref, files, folder)
    return {one.path: (folder / one.path).read_bytes().decode("utf-8", "replace").strip() for one in files}


def _texts(read: list[_Read]) -> Iterator[NoticeText]:
    places: dict[str, list[str]] = {}
    for one in read:
        for name, text in one.texts.items():
            places.setdefault(text, []).append(f"{one.part.label}: {name}")
    return (NoticeText(tuple(found_in), text) for text, found_in in places.items())


def _missing(read: list[_Read]) -> Iterator[str]:
    """What the licences ask for beside their texts and nothing on record has."""
    for one in read:
        part, asked = one.part, licence_clauses(one.part.licence)
        if one.why_not:
            yield f"{part.label}: {one.why_not}"
        if clauses.UNKNOWN in asked:
            yield f"{part.label}: nobody knows what its licence, {part.licence}, asks"
        elif clauses.ATTRIBUTION in asked and not part.copyright:
            yield f"{part.label}: no copyright line is on record"


def _owed(read: list[_Read]) -> dict[str, list[str]]:
    """By the id of a licence whose text is on no file, what stands under it.

    A text beside one version serves all of the same licence.
    """
    with_text = {licence for one in read if one.texts for licence in licence_ids(one.part.licence)}
    owed: dict[str, list[str]] = {}
    for part in (one.part for one in read):
        for licence in sorted(licence_ids(part.licence) - with_text):
            if licence_clauses(licence) & OWED:
                owed.setdefault(licence, []).append(part.label)
    return owed


def _missing_texts(owed: Mapping[str, list[str]], standard: Mapping[str, str] | None) -> Iterator[str]:
    """Which texts have to be obtained, by the names that their authors gave them."""
    for licence, labels in owed.items():
        if licence not in (standard or {}):
            known = PUBLISHED.get(licence)
            obtain = f". Obtain it from its publisher: {known}" if known else ""
            yield f"The text of {licence} is in no file of what stands under it: {', '.join(labels)}{obtain}"
    if standard is None and any(not one.startswith("LicenseRef-") for one in owed):
        yield f"Standard texts of the SPDX list come with an extra. Run: {install_command([EXTRA])}"
