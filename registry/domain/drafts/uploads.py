"""Uploads in pieces: what a person has sent so far of an object, and the files of a version that are named by digest.

An object is known by the SHA-256 of all its bytes, so that nothing has to be kept by the sender: who sends the same
file again, a day later or from another machine, asks how far it is and goes on there. Small files go as one object, one
after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

from lineage import Digest
from registry.domain.manifests import check_path
from registry.domain.names import Reference
from registry.errors import InvalidError, UnsafeArtifactError

MAX_PIECE = 16 * 1024**2
"""Bytes of one piece."""
LEAST = 1024**2
"""Bytes that each piece but the last one has at least."""
MAX_ASKED = 1000
"""Objects that are asked about at once."""
MAX_OBJECTS = 50_000
"""Objects, or pieces of them, that one person may have sent and not registered."""
KEPT = timedelta(days=7)
"""How long a piece is kept that is not registered."""
POINTERS = (".dvc",)
"""Endings of files that make the reader fetch from elsewhere: only the bytes themselves are taken."""


@dataclass(frozen=True, slots=True)
class Announced:
    """An object that somebody wants to send."""

    sha256: Digest
    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InvalidError(f"An object of {self.size:,} bytes is not sent in pieces")


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of an object is here: its first `offset` bytes. All of them: it need not be sent."""

    sha256: Digest
    size: int
    offset: int

    @property
    def whole(self) -> bool:
        """True when nothing of it is to be sent."""
        return self.offset == self.size


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of an upload whose bytes were sent before: an object, or `size` bytes from `start` on of `within`."""

    path: str
    size: int
    sha256: Digest
    within: Digest | None = None
    start: int = 0

    def __post_init__(self) -> None:
        check_path(self.path)
        if self.size < 0 or self.start < 0 or (self.within is None and self.start):
            raise InvalidError(f"{self.path!r} lies nowhere: {self.size:,} bytes from byte {self.start:,} on")
        if self.path.lower().endswith(POINTERS):
            raise UnsafeArtifactError(
                f"{self.path!r} only points to data, so it cannot be uploaded", remedy="Upload the data itself"
            )

    @property
    def object(self) -> Digest:
        """The object that its bytes were sent in."""
        return self.sha256 if self.within is None else self.within


class UploadVerbs(Protocol):
    """Objects sent in pieces, for a model or dataset `target` that they are to be a version of.

    All of it needs the permission to contribute. What was sent is its sender's, counts against the same limit as what
    is sent for drafts, and each piece goes `KEPT` after it came.
    """

    def standing(self, target: Reference, objects: Sequence[Announced]) -> Sequence[Standing]:
        """How much of each object is here.

        All of it, where this person sent it, or where it is a file of a version of the target's team that this person
        may read. Raises: InvalidError for more than `MAX_ASKED`; NameTakenError where no new thing can have this name.
        """
        ...

    def append(self, target: Reference, announced: Announced, offset: int, piece: BinaryIO) -> Standing:
        """Keep the next piece of an object, which begins at `offset`.

        Raises: ConflictError, with the right `offset` as a fact, for another piece than the next; InvalidError for one
        that is too short or reaches beyond the end; TooLargeError over a limit; NoSpaceError.
        """
        ...

    def discard(self, target: Reference, sha256: Digest) -> None:
        """Forget what was sent of an object; nothing happens where nothing was."""
        ...

    def lay_out(self, target: Reference, files: Sequence[SentFile], folder: Path) -> None:
        """Write the files under `folder`, each checked by its digest. On the server alone.

        Raises: InvalidError for bytes that were not sent; DigestMismatchError for others than were announced, which are
        then forgotten; IntegrityError for stored bytes that are damaged; NoSpaceError.
        """
        ...

    def end(self, target: Reference, files: Iterable[SentFile]) -> None:
        """They are files of a version now: what was sent is kept for no other reason. On the server alone."""
        ...
