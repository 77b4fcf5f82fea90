"""Blobs in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from lineage import Digest
from registry.errors import IntegrityError, NoSpaceError, NotFoundError


class MemoryBlobs:
    """Implements `BlobStore`. With a `capacity` in bytes it fills up like a disk."""

    def __init__(self, capacity: int | None = None) -> None:
        self.kept: dict[Digest, bytes] = {}
        self._capacity = capacity

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
        data = stream.read()
        digest = Digest.of(data)
        if expected is not None and digest != expected:
            raise IntegrityError(f"The bytes are {digest.short} and {expected.short} was announced")
        if self._capacity is not None and sum(map(len, self.kept.values())) + len(data) > self._capacity:
            raise NoSpaceError("the blob store is full; nothing was kept")
        self.kept[digest] = data
        return digest, len(data)

    def open(self, digest: Digest, *, start: int = 0, length: int | None = None) -> BinaryIO:
        data = self._get(digest)
        wanted = len(data) - start if length is None else length
        if start < 0 or wanted < 0 or start + wanted > len(data):
            raise IntegrityError(f"{digest.short} has {len(data)} bytes: there are no {wanted} from {start} on")
        if wanted == len(data) and Digest.of(data) != digest:
            raise IntegrityError(f"The stored bytes of {digest.short} were changed")
        return io.BytesIO(data[start : start + wanted])

    def size(self, digest: Digest) -> int:
        return len(self._get(digest))

    def exists(self, digest: Digest) -> bool:
        return digest in self.kept

    def list(self) -> Iterator[Digest]:
        return iter(sorted(self.kept))

    def delete(self, digest: Digest) -> None:
        self.kept.pop(digest, None)

    def _get(self, digest: Digest) -> bytes:
        if digest not in self.kept:
            raise NotFoundError(f"There is no blob {digest.short}")
        return self.kept[digest]
