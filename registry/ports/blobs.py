"""Stored bytes, by their SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from lineage import Digest


class BlobStore(Protocol):
    """Bytes by their SHA-256. A put is atomic and durable: after it returns, the blob survives a power cut.

    Raises: NotFoundError for a digest that is not there, IntegrityError when stored bytes do not match, NoSpaceError
    when the disk is full (nothing is kept).
    """

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
        """Store all of `stream`; give its digest and size. Raises: IntegrityError when `expected` differs."""
        ...

    def open(self, digest: Digest, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """A readable stream of `length` bytes from `start` (to the end when None). The caller closes it.

        Read whole, the bytes are those of the digest, or there is an IntegrityError; of a range only the size is sure.
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
