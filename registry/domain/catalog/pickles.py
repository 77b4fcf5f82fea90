"""Whether a file is a pickle, by its content: a safetensors header may begin with the same two bytes.

A header of 128, 384, 640, … bytes (its length is the first thing in the file) looks like the first bytes of a pickle.
"""

from __future__ import annotations

import pickletools
from typing import BinaryIO

_CALLS = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD", "BINPERSID"})
"""Pickle instructions that import or call something."""


def looks_like_safetensors(start: bytes, size: int) -> bool:
    """True when the first bytes `start` (nine or more) of a file of `size` bytes are those of a safetensors header."""
    return len(start) >= 9 and start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= max(size, 100_000_000)


def is_pickle(file: BinaryIO, size: int) -> bool:
    """Whether a file of `size` bytes, open at its beginning, is a pickle of protocol 1 or later.

    A file that is both sound safetensors and a working pickle could be made by hand; it is a pickle.
    """
    start = file.read(16)
    if start[:1] != b"\x80" or start[1:2] > b"\x05":
        return False
    file.seek(0)
    return not (looks_like_safetensors(start, size) and _is_harmless(file))


def _is_harmless(file: BinaryIO) -> bool:
    """True when unpickling would fail before it imports or calls anything: then it is not a pickle at all."""
    try:
        for instruction, _, _ in pickletools.genops(file):
            if instruction.name in _CALLS:
                return False
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError):
        return True
    return False
