"""Digests of the blocks of a blob, so that a range can be checked before it is given out.

A blob of more than one block has them beside it in `<all 64 digits>.blocks`: a line that names the format, the size of
the blob in bytes, the BLAKE3 digest of each block of 1 MiB, and the SHA-256 of all that. They are made in the pass that
computes the digest of the blob. Where they are missing or damaged, the whole blob is read and checked first, and they
are made again. A blob of one block needs none: its own digest is that of the block.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from blake3 import blake3

from lineage import Digest
from registry.errors import IntegrityError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

BLOCK = 1024 * 1024
"""Bytes in a block; the last one of a blob may be shorter."""
SUFFIX = ".blocks"
_LONG = 32


class Kind(Enum):
    """What the digests of blocks are, by the first line of the file that holds them. All have 32 bytes."""

    SHA256 = b"forebear blocks 1\n"
    """Files of earlier versions, and the one block of a blob that is no longer than that: the blob's own digest."""
    BLAKE3 = b"forebear blocks 2\n"
    """A fifth of the work of SHA-256, which the digest of the whole blob is."""

    def of(self, data: ReadableBuffer) -> bytes:
        """The digest of one block."""
        return hashlib.sha256(data).digest() if self is Kind.SHA256 else blake3(data).digest()


@dataclass(frozen=True, slots=True)
class Blocks:
    """The digest of each block of a blob, in order."""

    kind: Kind
    digests: tuple[bytes, ...]

    def matches(self, number: int, data: bytes) -> bool:
        """Whether `data` is the block with this number."""
        return self.kind.of(data) == self.digests[number]


class Hashing:
    """The digest of a blob and those of its blocks, in one pass over its bytes."""

    def __init__(self) -> None:
        self._whole, self._block = hashlib.sha256(), blake3()
        self._blocks: list[bytes] = []
        self.size = 0

    def update(self, data: ReadableBuffer) -> None:
        """Take the next bytes."""
        view = memoryview(data).cast("B")
        self._whole.update(view)
        while view:
            part = view[: BLOCK - self.size % BLOCK]
            self._block.update(part)
            self.size += len(part)
            view = view[len(part) :]
            if self.size % BLOCK == 0:
                self._blocks.append(self._block.digest())
                self._block = blake3()

    @property
    def digest(self) -> Digest:
        """That of everything taken so far."""
        return Digest(self._whole.hexdigest())

    @property
    def blocks(self) -> Blocks:
        """Those of the blocks, the last one perhaps short."""
        return Blocks(Kind.BLAKE3, (*self._blocks, *([self._block.digest()] if self.size % BLOCK else ())))


def encode(size: int, blocks: Blocks) -> bytes:
    """What is written beside a blob of `size` bytes."""
    body = blocks.kind.value + size.to_bytes(8, "big") + b"".join(blocks.digests)
    return body + hashlib.sha256(body).digest()


def decode(data: bytes, size: int) -> Blocks | None:
    """The digests of the blocks of a blob of `size` bytes; None when `data` is damaged or of another blob."""
    body, check = data[:-_LONG], data[-_LONG:]
    kind = next((one for one in Kind if body.startswith(one.value + size.to_bytes(8, "big"))), None)
    if kind is None or hashlib.sha256(body).digest() != check:
        return None
    start = len(kind.value) + 8
    digests = tuple(body[i : i + _LONG] for i in range(start, len(body), _LONG))
    return Blocks(kind, digests) if len(digests) == -(-size // BLOCK) else None


class CheckedRange(io.RawIOBase):
    """`length` bytes of a file from `start`; each block that they touch is checked before a byte of it is given.

    With `whole`, the bytes must have the digest of the blob as well, or the last read raises; it is called if they do.
    """

    def __init__(
        self,
        file: io.FileIO,
        digest: Digest,
        blocks: Blocks,
        *,
        start: int,
        length: int,
        whole: Callable[[], None] | None,
    ) -> None:
        super().__init__()
        self._file, self._digest, self._blocks = file, digest, blocks
        self._at, self._end = start, start + length
        self._ready = memoryview(b"")
        self._hash, self._whole = hashlib.sha256() if whole else None, whole

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if not self._ready and self._at < self._end:
            self._ready = self._next()
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()

    def _next(self) -> memoryview:
        """The part that is wanted of the next block. Raises: IntegrityError."""
        number = self._at // BLOCK
        self._file.seek(number * BLOCK)
        data = _read(self._file, BLOCK)
        begin = self._at - number * BLOCK
        if (wanted := min(BLOCK, begin + self._end - self._at)) > len(data):
            raise IntegrityError(f"The stored bytes of {self._digest.short} end {wanted - len(data)} bytes too soon")
        if not self._blocks.matches(number, data):
            raise changed(self._digest)
        part = memoryview(data)[begin : begin + self._end - self._at]
        self._at += len(part)
        if self._hash is not None:
            self._hash.update(part)
            if self._at == self._end:
                if self._hash.hexdigest() != self._digest.hex:
                    raise changed(self._digest)
                if self._whole is not None:
                    self._whole()
        return part


def changed(digest: Digest) -> IntegrityError:
    """What to raise for stored bytes that are not those of `digest`."""
    return IntegrityError(f"The stored bytes of {digest.short} were changed", facts={"blob": str(digest)})


def _read(file: io.FileIO, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
