"""Blobs in memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import BinaryIO

from lineage import Digest
from registry.errors import Family, IntegrityError, NoSpaceError, NotFoundError, RegistryError, UnavailableError


class MemoryBlobs:
    """Implements `BlobStore`. With a `capacity` in bytes it fills up like a disk.

    Its clock counts puts and holds, one second each; `pass_time` moves it on.
    """

    def __init__(self, capacity: int | None = None) -> None:
        self.kept: dict[Digest, bytes] = {}
        self.times: dict[Digest, float] = {}
        self.holds: list[float] = []
        self.keepers = 0
        self._capacity = capacity
        self._ticks = count()
        self._passed = 0.0

    def pass_time(self, seconds: float) -> None:
        """As if nothing happened for so long."""
        self._passed += seconds

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
        data = stream.read()
        digest = Digest.of(data)
        if expected is not None and digest != expected:
            raise IntegrityError(f"The bytes are {digest.short} and {expected.short} was announced")
        if self._capacity is not None and sum(map(len, self.kept.values())) + len(data) > self._capacity:
            raise NoSpaceError("the blob store is full; nothing was kept")
        self.kept[digest] = data
        self.times[digest] = self._now()
        return digest, len(data)

    def adopt(self, file: Path) -> tuple[Digest, int]:
        with file.open("rb") as stream:
            return self.put(stream)

    def open(self, digest: Digest, *, start: int = 0, length: int | None = None) -> BinaryIO:
        data = self._get(digest)
        wanted = len(data) - start if length is None else length
        if start < 0 or wanted < 0 or start + wanted > len(data):
            raise IntegrityError(f"{digest.short} has {len(data)} bytes: there are no {wanted} from {start} on")
        if Digest.of(data) != digest:
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

    def verify(self, digest: Digest, read: Callable[[int], None] | None = None) -> int:
        with self.open(digest) as stream:
            size = len(stream.read())
        if read is not None:
            read(size)
        return size

    @contextmanager
    def holding(self) -> Iterator[MemoryBlobs]:
        began, before = self._now(), set(self.kept)
        self.holds.append(began)
        try:
            yield self
        except RegistryError as error:
            if error.family not in {Family.UNAVAILABLE, Family.INTEGRITY}:
                for digest in set(self.kept) - before:
                    self.delete(digest)
            raise
        finally:
            self.holds.remove(began)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        self.keepers += 1
        try:
            yield
        finally:
            self.keepers -= 1

    @contextmanager
    def removing(self) -> Iterator[None]:
        if self.keepers:
            raise UnavailableError("a backup is made")
        yield

    def moment(self) -> float:
        return min([self._now(), *self.holds])

    def put_at(self, digest: Digest) -> float:
        self._get(digest)
        return self.times.get(digest, 0.0)

    def discard(self, digest: Digest, *, before: float) -> bool:
        if digest not in self.kept or self.put_at(digest) >= before:
            return False
        self.delete(digest)
        return True

    def sweep(self) -> int:
        return 0

    def _now(self) -> float:
        return next(self._ticks) + self._passed

    def _get(self, digest: Digest) -> bytes:
        if digest not in self.kept:
            raise NotFoundError(f"There is no blob {digest.short}")
        return self.kept[digest]
