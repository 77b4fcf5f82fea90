"""Shards: which chunks of which xorbs make up a file (huggingface/xet-core, `file_structs.rs`; specification 1.1.0).

`tag[32] | u64 version | u64 footer size`, then for each file rows of 48 bytes: `hash[32] | u32 flags | u32 n | u64`,
n times `xorb[32] | u32 | u32 bytes | u32 first | u32 last`, n rows more with flag 31, `sha256[32] | 16` with flag 30.
32 bytes of ff end the files. A hash as text is its four u64 in little-endian order, in hexadecimal.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from lineage import Digest
from registry.errors import BadArtifactError

MAX_SHARD = 32 * 1024**2
"""Bytes of one shard."""
_ROW, _HEAD, _HASH = 48, 48, 32
_VERIFIED, _WITH_SHA = 1 << 31, 1 << 30
_END = b"\xff" * _HASH


@dataclass(frozen=True, slots=True)
class Segment:
    """Chunks `first` to before `last` of the xorb with this hash: `size` bytes."""

    xorb: str
    first: int
    last: int
    size: int


@dataclass(frozen=True, slots=True)
class AssembledFile:
    """A file as the segments that it is made of, in order; `sha256` is what the sender says that it is."""

    segments: tuple[Segment, ...]
    sha256: Digest | None


def files_in(shard: bytes) -> list[AssembledFile]:
    """The files that a shard describes. Raises: BadArtifactError."""
    found, at = [], _HEAD
    try:
        if struct.unpack_from("<Q", shard, _HASH)[0] != 2:
            raise BadArtifactError("The shard has another version than 2")
        while (head := shard[at : at + _HASH]) != _END:
            flags, count = struct.unpack_from("<II", shard, at + _HASH)
            at += _ROW
            segments = tuple(_segment(shard, at + _ROW * number) for number in range(count))
            at += _ROW * count * (2 if flags & _VERIFIED else 1)
            sha256 = None
            if flags & _WITH_SHA:
                sha256 = Digest(text_of(shard[at : at + _HASH]))
                at += _ROW
            if len(head) != _HASH or at > len(shard):
                raise BadArtifactError("The shard is cut short")
            found.append(AssembledFile(segments, sha256))
    except (struct.error, IndexError):
        raise BadArtifactError("The shard is cut short") from None
    return found


def text_of(raw: bytes) -> str:
    """A hash as it is written."""
    return "".join(f"{part:016x}" for part in struct.unpack("<4Q", raw))


def _segment(shard: bytes, at: int) -> Segment:
    _, size, first, last = struct.unpack_from("<4I", shard, at + _HASH)
    if last <= first:
        raise BadArtifactError("The shard has a file with a piece of no chunks")
    return Segment(text_of(shard[at : at + _HASH]), first, last, size)
