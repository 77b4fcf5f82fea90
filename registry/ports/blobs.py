"""Stored bytes, by their SHA-256."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from lineage import Digest


@dataclass(frozen=True, slots=True)
class Span:
    """`length` bytes from `start` of the open file with the descriptor `file`."""

    file: int
    start: int
    length: int


@runtime_checkable
class FileStream(Protocol):
    """A stream over part of a file of this machine, which the kernel can send: its bytes need not be checked again."""

    span: Span

    def check(self) -> None:
        """Asked now and then while the bytes are given out. Raises: RefusedError when they are not to be any more."""
        ...


class BlobStore(Protocol):
    """Bytes by their SHA-256. A put is atomic and durable: after it returns, the blob survives a power cut.

    Raises: NotFoundError for a digest that is not there, IntegrityError when stored bytes do not match, NoSpaceError
    when the disk is full (the blob is not kept).
    """

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
        """Store all of `stream`; give its digest and size. Raises: IntegrityError when `expected` differs."""
        ...

    def adopt(self, file: Path) -> tuple[Digest, int]:
        """Store a file that nobody writes to any more, and give its digest and size: as `put`, but for the copy.

        Where it can be, the file itself becomes the blob, and is read-only then; it stays at its place too.
        """
        ...

    def open(self, digest: Digest, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """A readable stream of `length` bytes from `start` (to the end when None). The caller closes it.

        Without `start` and `length` the last read raises IntegrityError unless all bytes are those of the digest. With
        them nothing is given out that was not checked: the first block that was changed raises. A store may give a
        `FileStream` for bytes that it has checked lately and that nobody has written to since.
        """
        ...

    def size(self, digest: Digest) -> int:
        """Bytes in the blob."""
        ...

    def exists(self, digest: Digest) -> bool:
        """True when the blob is there."""
        ...

    def list(self) -> Iterator[Digest]:
        """Every blob, in order of digest."""
        ...

    def delete(self, digest: Digest) -> None:
        """Remove the blob; no error when it is not there."""
        ...

    def verify(self, digest: Digest, read: Callable[[int], None] | None = None) -> int:
        """Read the whole blob and give its size; `read` is told the bytes of each piece. Raises: IntegrityError."""
        ...

    def holding(self) -> AbstractContextManager[BlobStore]:
        """The same store for one publication, from its first put to the commit of what names the blobs.

        What is put into it is not discarded before the end of the `with`. When that ends with an error after which
        nothing was published, blobs that were not there before are removed again.
        """
        ...

    def keeping(self) -> AbstractContextManager[None]:
        """While the `with` runs, nobody may remove objects: see `removing`, for the end of which this waits."""
        ...

    def removing(self) -> AbstractContextManager[None]:
        """What discards objects does so inside this. Raises: UnavailableError while a backup keeps them."""
        ...

    def moment(self) -> float:
        """Now, or when the oldest publication that still goes on began, if that is earlier.

        In seconds of a clock of the store's own.
        """
        ...

    def put_at(self, digest: Digest) -> float:
        """When the blob was put last, in seconds as `moment` counts them."""
        ...

    def discard(self, digest: Digest, *, before: float) -> bool:
        """Remove the blob unless it was put at the moment `before` or later; True when it was removed.

        A put of the same bytes at the same time keeps it.
        """
        ...

    def sweep(self) -> int:
        """Remove what killed writers left behind; give how many files."""
        ...
