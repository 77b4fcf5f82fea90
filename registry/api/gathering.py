"""Bodies in larger pieces: each is handled in a thread, and asking for a thread costs more than hashing 64 KiB."""

from __future__ import annotations

from collections.abc import AsyncIterator

GATHERED = 1024**2
"""Bytes of a piece, at least; the last one is what is left."""


async def gathered(body: AsyncIterator[bytes], least: int = GATHERED) -> AsyncIterator[bytes]:
    """The same bytes in pieces of at least `least` bytes. Raises: what reading the body raises."""
    pieces: list[bytes] = []
    size = 0
    async for piece in body:
        if not pieces and len(piece) >= least:
            yield piece
            continue
        pieces.append(piece)
        size += len(piece)
        if size >= least:
            yield b"".join(pieces)
            pieces, size = [], 0
    if pieces:
        yield b"".join(pieces)
