"""Xorbs and shards as `hf-xet` writes them, and LZ4 frames by another implementation."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pyarrow

from lineage import Digest

NAME = "00000000000000010000000000000002000000000000000300000000000000ff"
"""The text of a xorb's hash."""


def frame(body: bytes) -> bytes:
    """`body` as an LZ4 frame."""
    packed: bytes = pyarrow.compress(body, codec="lz4", asbytes=True)
    return packed


def chunk(body: bytes, scheme: int = 0) -> bytes:
    """One packed chunk."""
    planes = b"".join(body[k::4] for k in range(4)) if scheme == 2 else body
    packed = frame(planes) if scheme else body
    return struct.pack("<B", 0) + packed_size(packed) + struct.pack("<B", scheme) + packed_size(body) + packed


def packed_size(body: bytes) -> bytes:
    return len(body).to_bytes(3, "little")


def raw(text: str) -> bytes:
    """A hash as its bytes."""
    return struct.pack("<4Q", *(int(text[at : at + 16], 16) for at in range(0, 64, 16)))


def shard(files: Sequence[tuple[Sequence[tuple[str, int, int, int]], Digest | None]]) -> bytes:
    """A shard of files: each is its segments (xorb, bytes, first, last), and perhaps its SHA-256."""
    body = bytes(32) + struct.pack("<QQ", 2, 0)
    for segments, sha256 in files:
        flags = 1 << 31 | (1 << 30 if sha256 else 0)
        body += bytes(32) + struct.pack("<IIQ", flags, len(segments), 0)
        for name, size, first, last in segments:
            body += raw(name) + struct.pack("<4I", 0, size, first, last)
        body += bytes(48) * len(segments)
        body += raw(sha256.hex) + bytes(16) if sha256 else b""
    return body + b"\xff" * 32 + bytes(16)
