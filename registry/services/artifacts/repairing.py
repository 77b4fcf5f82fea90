"""Repair of damaged versions: what has the right digest in another folder is put back, and the marks go away.

The folder may be a backup of the registry folder, its `blobs`, a folder that was pulled, or any other: files are found
by their content, not by their names. Nothing in it is changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from lineage import Digest, LineageError
from registry.domain.objects import Damage, Form, RepairReport
from registry.domain.people.people import Permission
from registry.errors import IntegrityError, NotFoundError
from registry.folders import error_of_disk
from registry.services.artifacts.checking import unmark
from registry.services.context import Context

_CHUNK = 1024 * 1024


def repair(context: Context, source: Path, *, origin: str | None = None) -> RepairReport:
    """Restore what is marked as damaged from the files in `source`; see `StoreVerbs.repair`."""
    context.actor.require(Permission.ADMIN)
    source = source.expanduser().absolute()
    if not source.is_dir():
        raise NotFoundError(f"There is no folder {source}", remedy="Give a folder with copies, such as a backup")
    with context.read() as uow:
        damage = uow.objects.damage()
    wanted = {one.digest for one in damage if one.form is not Form.PIECES}
    found = dict(_matches(source, wanted))
    restored = {digest for digest, path in found.items() if _put_back(context, digest, path, damage)}
    with context.write(Permission.ADMIN) as uow:
        for digest in restored:
            if any(one.digest == digest and one.form is Form.CARD for one in damage):
                uow.objects.restore_card(digest, found[digest].read_text(encoding="utf-8"))
        freed, events = unmark(uow, {Form.OBJECT: restored, Form.CARD: restored}, origin or str(source))
        left = tuple(uow.objects.damage())
        if events:
            uow.commit(*events)
        else:
            uow.commit_unaudited()
    return RepairReport(tuple(sorted(restored)), tuple(sorted(freed)), left)


def _put_back(context: Context, digest: Digest, path: Path, damage: Sequence[Damage]) -> bool:
    """Store the object again if one is damaged; False when the file is not what it was a moment ago."""
    if not any(one.digest == digest and one.form is Form.OBJECT for one in damage):
        return True
    try:
        with path.open("rb") as stream:
            context.blobs.put(stream, expected=digest)
    except IntegrityError:
        return False
    return True


def _matches(source: Path, wanted: set[Digest]) -> Iterator[tuple[Digest, Path]]:
    """For each wanted digest, one file that has it. Files that are named by their digest are looked at first."""
    left, others = set(wanted), []
    for path in _files(source):
        if not left:
            return
        if (named := _named(path)) is None:
            others.append(path)
        elif named in left and _digest(path) == named:
            left.discard(named)
            yield named, path
    for path in others:
        if not left:
            return
        if (digest := _digest(path)) in left:
            left.discard(digest)
            yield digest, path


def _files(source: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(source):
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _named(path: Path) -> Digest | None:
    try:
        return Digest(path.name)
    except LineageError:
        return None


def _digest(path: Path) -> Digest:
    try:
        with path.open("rb", buffering=0) as stream:
            return Digest(hashlib.file_digest(stream, "sha256").hexdigest())
    except OSError as error:
        raise error_of_disk(error, f"{path} cannot be read") from error
