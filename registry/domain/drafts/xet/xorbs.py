"""Xorbs: packed chunks, one after another (huggingface/xet-core, `xorb_chunk_format.rs`; its specification 1.1.0).

A chunk is `u8 version | u24 packed size | u8 scheme | u24 size | packed bytes`, sizes in little-endian order. Schemes:
0 the bytes themselves, 1 an LZ4 frame, 2 an LZ4 frame of four planes, of which plane k holds the bytes k, k+4, k+8, …
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from registry.domain.drafts.xet.lz4 import read_frame
from registry.errors import BadArtifactError

MAX_CHUNK = 128 * 1024
"""Bytes of one chunk."""
MAX_CHUNKS = 8 * 1024
"""Chunks of one xorb."""
MAX_XORB = 64 * 1024**2 + MAX_CHUNKS * 8
"""Bytes of one xorb."""
_HEADER = 8
_FOOTER = b"XETBLOB"
_PLANES = 4


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """The chunks of a xorb, unpacked, one at a time. Raises: BadArtifactError."""
    count = 0
    while head := stream.read(_HEADER):
        if head.startswith(_FOOTER):
            return
        if len(head) != _HEADER or head[0] != 0:
            raise BadArtifactError("The xorb holds something else than chunks of version 0")
        packed, scheme, size = int.from_bytes(head[1:4], "little"), head[4], int.from_bytes(head[5:8], "little")
        count += 1
        if size > MAX_CHUNK or packed > 2 * MAX_CHUNK or count > MAX_CHUNKS:
            raise BadArtifactError("A chunk of the xorb is too large, or there are too many")
        body = stream.read(packed)
        if len(body) != packed:
            raise BadArtifactError("The xorb is cut short")
        yield _unpacked(body, scheme, size)


def _unpacked(body: bytes, scheme: int, size: int) -> bytes:
    if scheme == 0:
        if len(body) != size:
            raise BadArtifactError(f"A chunk holds {len(body):,} bytes, and {size:,} were announced")
        return body
    if scheme == 1:
        return read_frame(body, size)
    if scheme == 2:
        return _joined(read_frame(body, size))
    raise BadArtifactError(f"A chunk is packed in the way {scheme}, which is not known here")


def _joined(planes: bytes) -> bytes:
    """The bytes that were divided among four planes; the first `len % 4` planes are one byte longer."""
    import numpy as np  # noqa: PLC0415 - a server starts without it

    source, out = np.frombuffer(planes, np.uint8), np.empty(len(planes), np.uint8)
    start = 0
    for plane in range(_PLANES):
        length = len(planes) // _PLANES + (plane < len(planes) % _PLANES)
        out[plane::_PLANES] = source[start : start + length]
        start += length
    return out.tobytes()
