"""Uploads in pieces: each piece is an object of its own in the store, and it is kept which pieces make up what.

They are kept as chunks of the Xet protocol are, under a name that no xorb has. Nothing is joined: the files of a
version are read from their pieces, and checked by their digest then.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lineage import Digest
from registry.domain.drafts.uploads import KEPT, LEAST, MAX_ASKED, MAX_OBJECTS, Announced, SentFile, Standing
from registry.domain.drafts.xet.places import Place
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.people.people import Permission
from registry.errors import (
    ConflictError,
    DigestMismatchError,
    IntegrityError,
    InvalidError,
    NoSpaceError,
    NotFoundError,
    RegistryError,
    TooLargeError,
)
from registry.folders import writing
from registry.services.artifacts.storing import BROKEN, CHUNK, Hashing, open_extents
from registry.services.context import Context
from registry.services.drafts.writing import check_room, length_of
from registry.services.lookup import refuse_taken, refuse_withheld, summary_of
from registry.services.storage.catalog import Extent
from registry.services.unit_of_work import UnitOfWork

Extents = tuple[Extent, ...]


@dataclass(frozen=True, slots=True)
class Uploads:
    """Implements `UploadVerbs`."""

    context: Context

    def standing(self, target: Reference, objects: Sequence[Announced]) -> Sequence[Standing]:
        """How much of each object is here."""
        self.context.actor.require(Permission.EDIT)
        if len(objects) > MAX_ASKED:
            raise InvalidError(f"{len(objects):,} objects are asked about, and at most {MAX_ASKED:,} at once")
        with self.context.read() as uow:
            models = target.kind is AssetKind.MODELS
            if (uow.catalog.model(target.name) if models else uow.datasets.dataset(target.name)) is None:
                refuse_taken(uow, target.kind, target.name)  # before anything is sent for nothing
            here = _here(self.context, uow, target, {one.sha256 for one in objects})
        return [Standing(one.sha256, one.size, _offset(here.get(one.sha256, ()), one.size)) for one in objects]

    def append(self, target: Reference, announced: Announced, offset: int, piece: BinaryIO) -> Standing:  # noqa: ARG002 - the verb's own signature
        """Keep the next piece of an object."""
        self.context.actor.require(Permission.EDIT)
        limit = self.context.settings.max_upload
        if announced.size > limit:
            raise TooLargeError(f"The file is larger than {limit:,} bytes", remedy="FOREBEAR_MAX_UPLOAD sets the limit")
        with self.context.read() as uow:  # what is refused is not stored
            _admitted(self.context, uow, announced, offset, length_of(piece))
        with self.context.holding() as held:
            try:
                digest, size = held.blobs.put(piece)
            except NoSpaceError as error:
                raise NoSpaceError(
                    f"The disk of the blob store is full; what came of this upload before stays there {KEPT.days} days",
                    remedy="Have room made there, and send it again: it goes on where it is",
                ) from error
            handle = held.actor.handle
            with held.write() as uow:
                pieces = _admitted(held, uow, announced, offset, size)
                place = Place(_name(announced.sha256), len(pieces), digest, 0, (size,))
                uow.drafts.note_sent(handle, [(digest, size)], held.clock.now() + KEPT)
                uow.drafts.add_places(handle, [place])
                uow.commit_unaudited()
        return Standing(announced.sha256, announced.size, offset + size)

    def discard(self, target: Reference, sha256: Digest) -> None:  # noqa: ARG002 - as above
        """Forget what was sent of an object."""
        with self.context.write() as uow:
            _forget(uow, self.context, [sha256])

    def lay_out(self, target: Reference, files: Sequence[SentFile], folder: Path) -> None:
        """Write the files under `folder`, each checked by its digest."""
        self.context.actor.require(Permission.EDIT)
        with self.context.read() as uow:
            here = _here(self.context, uow, target, {one.object for one in files})
        for one in files:
            extents = here.get(one.object, ())
            total = sum(extent.length for extent in extents)
            if one.start + one.size > total or (one.within is None and one.size != total):
                raise InvalidError(
                    f"The bytes of {one.path!r} ({one.sha256.short}) were not uploaded by {self.context.actor.handle}",
                    remedy="Upload the file again",
                )
            self._write(one, extents, folder / one.path, folder)

    def end(self, target: Reference, files: Iterable[SentFile]) -> None:  # noqa: ARG002 - as above
        """What was sent of these files is kept for no other reason."""
        with self.context.without_terms().write() as uow:
            _forget(uow, self.context, {one.object for one in files})

    def _write(self, one: SentFile, extents: Extents, target: Path, folder: Path) -> None:
        try:
            with writing(folder):
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as out:
                    hashed = Hashing(out)
                    if one.size:
                        with open_extents(self.context.blobs, extents, start=one.start, length=one.size) as stream:
                            shutil.copyfileobj(stream, hashed, CHUNK)
            problem: RegistryError | None = None
        except (NotFoundError, IntegrityError) as error:
            problem = error
        if problem is None and hashed.digest == one.sha256:
            return
        with self.context.without_terms().write() as uow:
            _forget(uow, self.context, [one.object])
        if problem is not None:
            raise IntegrityError(
                f"The stored bytes of {one.path!r} are missing or were changed", remedy=BROKEN
            ) from problem
        raise DigestMismatchError(
            f"What was uploaded as {one.path!r} does not have the digest that was announced",
            remedy="Upload the file again, when nothing writes to it",
            facts={"expected": str(one.sha256)},
        )


def _name(sha256: Digest) -> str:
    """The name that the pieces of an object are kept under: no hash of a xorb, and none of a file."""
    return hashlib.sha256(b"upload " + sha256.hex.encode()).hexdigest()


def _offset(extents: Iterable[Extent], size: int) -> int:
    """The bytes that are here; what is longer than was announced is another object."""
    come = sum(one.length for one in extents)
    return come if come <= size else 0


def _admitted(context: Context, uow: UnitOfWork, announced: Announced, offset: int, size: int) -> Sequence[Place]:
    """The pieces that are here, where one more of `size` bytes may follow them. Raises: errors that say why not."""
    pieces = _pieces(uow, context, announced.sha256)
    _refuse_another(pieces, announced, offset)
    _check_piece(announced, offset, size)
    check_room(context, uow, size, kept=uow.drafts.size_placed(context.actor.handle))
    _check_number(uow, context.actor.handle)
    return pieces


def _refuse_another(pieces: Sequence[Place], announced: Announced, offset: int) -> None:
    come = sum(one.sizes[0] for one in pieces)
    if come != offset:
        raise ConflictError(
            f"{come:,} bytes of the file are here, so the next piece begins there and not at {offset:,}",
            remedy="Go on from there",
            facts={"offset": come, "size": announced.size},
        )


def _check_piece(announced: Announced, offset: int, size: int) -> None:
    end = offset + size
    if size == 0 or end > announced.size or (size < LEAST and end < announced.size):
        raise InvalidError(
            f"A piece of {size:,} bytes from byte {offset:,} on does not fit a file of {announced.size:,} bytes; "
            f"each but the last has at least {LEAST:,} bytes",
            facts={"offset": offset},
        )


def _check_number(uow: UnitOfWork, handle: str) -> None:
    if uow.drafts.count_placed(handle) >= MAX_OBJECTS:
        raise TooLargeError(
            f"{handle} has sent {MAX_OBJECTS:,} files or pieces that are not registered, and more are not kept",
            remedy="Register or discard what was sent",
        )


def _pieces(uow: UnitOfWork, context: Context, sha256: Digest) -> Sequence[Place]:
    """The pieces of an object that this person has sent, in order, as far as they follow one another and are kept."""
    return _pieces_of(uow, context, [sha256]).get(sha256, ())


def _pieces_of(uow: UnitOfWork, context: Context, objects: Iterable[Digest]) -> Mapping[Digest, Sequence[Place]]:
    handle, of = context.actor.handle, {_name(one): one for one in objects}
    places = uow.drafts.places(handle, of.keys())
    kept = uow.drafts.sent(handle, {one.digest for one in places})
    found: dict[Digest, list[Place]] = {}
    for one in sorted(places, key=lambda place: place.first):
        mine = found.setdefault(of[one.xorb], [])
        if one.first == len(mine) and one.digest in kept:
            mine.append(one)
    return found


def _here(context: Context, uow: UnitOfWork, target: Reference, objects: set[Digest]) -> Mapping[Digest, Extents]:
    """Where the bytes of each object lie, as far as they are here for this person.

    A token that is limited to one step names nothing by its digest that it did not send: what it may read is listed.
    """
    found = {
        sha256: tuple(Extent(one.digest, 0, one.sizes[0]) for one in pieces)
        for sha256, pieces in _pieces_of(uow, context, objects).items()
    }
    sent = uow.drafts.sent(context.actor.handle, objects)
    found |= {sha256: (Extent(sha256, 0, size),) for sha256, size in sent.items()}
    if context.actor.reach.step:
        return found
    stored = uow.catalog.files_stored(target.name.team, objects - sent.keys())
    readable = {ref for ref in {ref for ref, _ in stored.values()} if _may_read(context, uow, ref)}
    found |= {sha256: (Extent(sha256, 0, size),) for sha256, (ref, size) in stored.items() if ref in readable}
    return found


def _may_read(context: Context, uow: UnitOfWork, ref: VersionRef) -> bool:
    """What may not be read is to be sent as if it were not here."""
    try:
        refuse_withheld(context, uow, summary_of(uow, ref))
    except RegistryError:
        return False
    return True


def _forget(uow: UnitOfWork, context: Context, objects: Iterable[Digest]) -> None:
    handle = context.actor.handle
    pieces = _pieces_of(uow, context, objects)
    digests = {one.digest for mine in pieces.values() for one in mine}
    if digests:
        uow.drafts.end_places(handle, {_name(one) for one in pieces})
        uow.drafts.forget_sent(digests, handle=handle)
        uow.commit_unaudited()
