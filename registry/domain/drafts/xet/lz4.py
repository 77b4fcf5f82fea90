"""LZ4 frames, read. https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md.

Written out because the frames are small (a chunk has 128 KiB at most) and no library for them is among the
dependencies. Checksums are passed over: the file that the chunks make up is verified by its SHA-256.
"""

from __future__ import annotations

from registry.errors import BadArtifactError

_MAGIC = b"\x04\x22\x4d\x18"
_RAW = 0x8000_0000


def read_frame(data: bytes, size: int) -> bytes:
    """The `size` bytes that a frame holds. Raises: BadArtifactError."""
    out = bytearray()
    try:
        if data[:4] != _MAGIC:
            raise BadArtifactError("A compressed chunk is no LZ4 frame")
        flags = data[4]
        at = 7 + (8 if flags & 0x08 else 0) + (4 if flags & 0x01 else 0)
        while length := int.from_bytes(data[at : at + 4], "little"):
            at += 4
            count = length & ~_RAW
            block = data[at : at + count]
            if len(block) != count:
                raise BadArtifactError("A compressed chunk is cut short")
            if length & _RAW:
                out += block
            else:
                _read_block(block, out, size)
            at += count + (4 if flags & 0x10 else 0)
    except IndexError:
        raise BadArtifactError("A compressed chunk is cut short") from None
    if len(out) != size:
        raise BadArtifactError(f"A compressed chunk holds {len(out):,} bytes, and {size:,} were announced")
    return bytes(out)


def _read_block(block: bytes, out: bytearray, most: int) -> None:
    """Append what a block holds to `out`, which is all that came before. Raises: BadArtifactError, IndexError."""
    at, end = 0, len(block)
    while at < end:
        token = block[at]
        at += 1
        count = token >> 4
        if count == 15:
            while (more := block[at]) == 255:
                count += 255
                at += 1
            count += more
            at += 1
        out += block[at : at + count]
        at += count
        if at >= end:
            break
        back = block[at] | block[at + 1] << 8
        at += 2
        length = (token & 15) + 4
        if length == 19:
            while (more := block[at]) == 255:
                length += 255
                at += 1
            length += more
            at += 1
        start = len(out) - back
        if back == 0 or start < 0 or len(out) + length > most:
            raise BadArtifactError("A compressed chunk refers to bytes that it does not have")
        if back >= length:
            out += out[start : start + length]
        else:
            out += (bytes(out[start:]) * (length // back + 1))[:length]
