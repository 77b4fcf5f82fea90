"""Files from what `hf-xet` sends: xorbs are unpacked when they come, and a shard puts their chunks together.

No hash of the sender is believed: a file is what its SHA-256, computed here, says. Clients remember which xorbs they
have sent and refer to them later, so it is kept where each chunk lies, by person. When a chunk goes with the object
that it lies in, the person's epoch changes, and with it the address that clients send to: they then send everything
again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from lineage import Digest
from registry.domain.drafts.xet.places import Place, pieces
from registry.domain.drafts.xet.shards import AssembledFile, files_in
from registry.domain.drafts.xet.xorbs import chunks_of
from registry.errors import IntegrityError, InvalidError, NotFoundError
from registry.services.artifacts.storing import open_extents
from registry.services.context import Context
from registry.services.drafts.writing import check_room, expiry
from registry.services.storage.catalog import Extent
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace

KEPT = timedelta(days=1)
"""How long the chunks of a xorb are kept for shards that are still to come."""


def receive_xorb(context: Context, name: str, stream: BinaryIO) -> None:
    """Keep the chunks of a xorb. Raises: BadArtifactError, TooLargeError, NoSpaceError."""
    sizes: list[int] = []
    with workspace(context.home, "draft") as work, context.holding() as held:
        unpacked = work / "chunks"
        with unpacked.open("xb") as out:
            for chunk in chunks_of(stream):
                out.write(chunk)
                sizes.append(len(chunk))
        if not sizes:
            raise InvalidError("The xorb holds no chunk")
        with held.read() as uow:  # what is refused is not stored
            check_room(held, uow, sum(sizes))
        digest, size = _put(held, unpacked)
        with held.write() as uow:
            check_room(held, uow, size)
            uow.drafts.note_sent(held.actor.handle, [(digest, size)], held.clock.now() + KEPT)
            uow.drafts.add_places(held.actor.handle, [Place(name, 0, digest, 0, tuple(sizes))])
            uow.commit_unaudited()


def _put(context: Context, file: Path) -> tuple[Digest, int]:
    with file.open("rb") as stream:
        return context.blobs.put(stream)


def assemble(context: Context, shard: bytes) -> Sequence[Digest]:
    """Put the files of a shard together; give their digests.

    Raises: BadArtifactError, InvalidError for chunks that are not here or a file with another SHA-256, TooLargeError.
    """
    files, made = files_in(shard), list[tuple[Digest, int]]()
    places: list[Place] = []
    coming = 0
    with context.holding() as held:
        for one in files:
            with held.read() as uow:
                parts = _parts(uow, held.actor.handle, one)
                if one.sha256 is None or one.sha256 not in uow.drafts.sent(held.actor.handle, [one.sha256]):
                    coming += sum(sum(part.sizes) for part in parts or ())
                    check_room(held, uow, coming)  # before it is stored
            if parts is None:
                _forget(held)
                raise InvalidError("Chunks that the file needs are no longer here", remedy="Upload the file again")
            digest, size = _store(held, parts, one)
            made.append((digest, size))
            places += _placed(parts, digest)
        with held.write() as uow:
            new = [
                (digest, size) for digest, size in made if digest not in uow.drafts.sent(held.actor.handle, [digest])
            ]
            check_room(held, uow, sum(size for _, size in new))
            uow.drafts.note_sent(held.actor.handle, made, expiry(held))
            uow.drafts.add_places(held.actor.handle, places)
            uow.commit_unaudited()
    return [digest for digest, _ in made]


def _parts(uow: UnitOfWork, handle: str, file: AssembledFile) -> list[Place] | None:
    """Where the chunks of a file lie, in order; None where one is missing."""
    known = uow.drafts.places(handle, {one.xorb for one in file.segments})
    found: list[Place] = []
    for segment in file.segments:
        mine = pieces([one for one in known if one.xorb == segment.xorb], segment.first, segment.last)
        if mine is None:
            return None
        found += mine
    return found


def _store(context: Context, parts: Sequence[Place], file: AssembledFile) -> tuple[Digest, int]:
    try:
        extents = [Extent(one.digest, one.offset, sum(one.sizes)) for one in parts]
        with open_extents(context.blobs, extents) as stream:
            return context.blobs.put(stream, expected=file.sha256)
    except NotFoundError as error:
        _forget(context)
        raise InvalidError("Chunks that the file needs are no longer here", remedy="Upload the file again") from error
    except IntegrityError as error:
        raise InvalidError(f"The file is not what was announced: {error.message}", remedy="Upload it again") from error


def _placed(parts: Sequence[Place], digest: Digest) -> Iterator[Place]:
    """Where the same chunks lie in the file that was made of them."""
    offset = 0
    for one in parts:
        yield Place(one.xorb, one.first, digest, offset, one.sizes)
        offset += sum(one.sizes)


def _forget(context: Context) -> None:
    """Have the person's clients send everything again."""
    with context.write() as uow:
        uow.drafts.next_epoch([context.actor.handle])
        uow.commit_unaudited()
