"""Writing a draft: it is begun, bytes are received, and a commit changes which files it has.

Bytes are kept from the moment that they were received, for whoever sent them, until the days of the setting are over:
a commit names them by digest. Nobody can name what somebody else sent, so a digest alone gives nobody the bytes.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import BinaryIO

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.catalog.commits import commit_of
from registry.domain.drafts.drafts import (
    MAX_MESSAGE,
    NO_COMMIT,
    README,
    Commit,
    Draft,
    DraftSummary,
    changed,
    head_of,
)
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.people.people import Permission
from registry.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PreconditionFailedError,
    RefusedError,
    TooLargeError,
)
from registry.services.context import Context
from registry.services.lookup import found, refuse_taken
from registry.services.unit_of_work import UnitOfWork

Files = tuple[FileEntry, ...]
EMPTY = NO_COMMIT + "0" * 32
"""The commit that a draft of a new model begins with."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a draft begins with: the commit and the files of the newest version, and the text of its card."""

    head: str
    files: Files
    card: str | None = None


def begin(context: Context, name: Name) -> Draft:
    """See `DraftVerbs.begin`."""
    with context.holding() as held, held.write() as uow:
        if uow.drafts.get(name) is not None:
            raise ConflictError(f"There is a draft of models:/{name} already")
        base = base_of(uow, name)
        draft = _begun(held, uow, name, base)
        uow.drafts.save(draft)
        uow.commit(Event("draft.created", f"models:/{name}", {"head": draft.head, "files": len(draft.files)}))
    return draft


def base_of(uow: UnitOfWork, name: Name) -> Base:
    """What a draft of `name` begins with. Raises: NameTakenError for the name of something that was deleted."""
    if not uow.catalog.has_model(name):
        refuse_taken(uow, AssetKind.MODELS, name)
        return Base(EMPTY, ())
    ref = uow.catalog.resolve(Reference(AssetKind.MODELS, name))
    if ref is None:
        return Base(EMPTY, ())
    detail = found(uow.catalog.version(ref), ref)
    has_readme = any(one.path == README for one in detail.files)
    text = detail.card.text if detail.card is not None and not has_readme else None
    files = detail.files
    if text is not None:
        body = text.encode()
        files = tuple(sorted((*files, FileEntry(README, len(body), Digest.of(body))), key=lambda one: one.path))
    return Base(commit_of(ref, str(detail.summary.digest), detail.card), files, text)


def receive(context: Context, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
    """See `DraftVerbs.receive`."""
    context.actor.require(Permission.EDIT)
    size = length_of(stream)
    with context.read() as uow:  # what is refused is not stored
        if expected is None or expected not in uow.drafts.sent(context.actor.handle, [expected]):
            check_room(context, uow, size)
    with context.holding() as held:
        digest, size = held.blobs.put(stream, expected=expected)
        with held.write() as uow:
            if digest not in uow.drafts.sent(held.actor.handle, [digest]):
                check_room(held, uow, size)
            uow.drafts.note_sent(held.actor.handle, [(digest, size)], expiry(held))
            uow.commit_unaudited()
    return digest, size


def length_of(stream: BinaryIO) -> int:
    """The bytes that are left in it."""
    at = stream.tell()
    end = stream.seek(0, io.SEEK_END)
    stream.seek(at)
    return end - at


def check_room(context: Context, uow: UnitOfWork, size: int, *, kept: int | None = None) -> None:
    """Raises: TooLargeError where `size` more bytes are more than a person may send. `kept`: None: what was sent."""
    most = context.settings.draft_bytes
    if (uow.drafts.size_sent(context.actor.handle) if kept is None else kept) + size > most:
        raise TooLargeError(
            f"What {context.actor.handle} has sent and not registered would be more than {most:,} bytes",
            remedy="Register or discard drafts; FOREBEAR_DRAFT_BYTES sets the limit",
            facts={"setting": "FOREBEAR_DRAFT_BYTES"},
        )


def known(uow: UnitOfWork, handle: str, files: Files, digests: Collection[Digest]) -> Mapping[Digest, int]:
    """Those of `digests` that are files of the draft, or were sent by this person, with their sizes."""
    mine = {one.sha256: one.size for one in files if one.sha256 in digests}
    return {**mine, **uow.drafts.sent(handle, digests)}


def commit(context: Context, name: Name, wanted: Commit) -> Draft:
    """See `DraftVerbs.commit`. A commit that changes nothing writes nothing."""
    with context.holding() as held:
        written = []
        with held.read() as uow:  # what is refused is not stored
            check_room(held, uow, sum(file.stat().st_size for file in wanted.written.values()))
        for path, file in wanted.written.items():
            with file.open("rb") as stream:
                digest, size = held.blobs.put(stream)
            written.append(FileEntry(path, size, digest))
        with held.write() as uow:
            before = uow.drafts.get(name) or _begun(held, uow, name, _base_of_known(uow, name))
            if wanted.parent is not None and wanted.parent != before.head:
                raise PreconditionFailedError(
                    f"The draft of models:/{name} is at the commit {before.head}, not at {wanted.parent[:40]!r}",
                    remedy="Read it again, and decide whether the change is still right",
                    facts={"head": before.head},
                )
            files = changed(before.files, wanted, (*written, *_sent(held, uow, before.files, wanted)))
            if files == before.files:
                return before
            check_room(held, uow, sum(one.size for one in written))
            draft = _moved(held, before, files)
            uow.drafts.note_sent(held.actor.handle, [(one.sha256, one.size) for one in written], expiry(held))
            uow.drafts.save(draft)
            facts = {"message": wanted.message[:MAX_MESSAGE], "parent": before.head, "files": len(files)}
            uow.commit(Event("draft.committed", f"models:/{name}", {"head": draft.head, **facts}))
    return draft


def _base_of_known(uow: UnitOfWork, name: Name) -> Base:
    if not uow.catalog.has_model(name):
        raise NotFoundError(
            f"There is no model {name} and no draft of it", remedy=f"Create it first: hf repos create {name}"
        )
    return base_of(uow, name)


def _begun(context: Context, uow: UnitOfWork, name: Name, base: Base) -> Draft:
    """A new draft. Raises: RefusedError for one too many, ConflictError where another name folds to the same."""
    handle, now = context.actor.handle, context.clock.now()
    if uow.drafts.count(handle) >= context.settings.drafts:
        raise RefusedError(
            f"{handle} has {context.settings.drafts} drafts, and more are not kept",
            remedy="Register or discard one: forebear draft list; FOREBEAR_DRAFTS sets the limit",
        )
    if uow.drafts.is_taken(name):
        raise ConflictError(f"There is a draft of the same name as {name}: - counts as _ in names")
    if base.card is not None:
        context.blobs.put(io.BytesIO(base.card.encode()))
    size = sum(one.size for one in base.files)
    expires = expiry(context)
    return Draft(DraftSummary(name, base.head, len(base.files), size, now, handle, now, handle, expires), base.files)


def _moved(context: Context, before: Draft, files: Files) -> Draft:
    summary = replace(
        before.summary,
        head=head_of(before.head, files),
        files=len(files),
        size=sum(one.size for one in files),
        changed_at=context.clock.now(),
        changed_by=context.actor.handle,
        expires_at=expiry(context),
    )
    return Draft(summary, files)


def _sent(context: Context, uow: UnitOfWork, files: Files, wanted: Commit) -> Files:
    """The files of a commit whose bytes came before. Raises: InvalidError for others, and for another size."""
    there = known(uow, context.actor.handle, files, {one.sha256 for one in wanted.sent})
    for one in wanted.sent:
        if one.sha256 not in there:
            raise InvalidError(
                f"The bytes of {one.path!r} ({one.sha256.short}) were not uploaded by {context.actor.handle}",
                remedy="Upload the file again",
            )
        if there[one.sha256] != one.size:
            raise InvalidError(f"{one.path!r} has {there[one.sha256]:,} bytes, not {one.size:,}")
    return wanted.sent


def expiry(context: Context) -> datetime:
    """Until when what is sent now is kept."""
    return context.clock.now() + timedelta(days=context.settings.draft_days)
