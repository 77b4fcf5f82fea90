"""Vectors as word2vec's binary format: a header line, then each word, a blank, and its numbers as float32.

Google's own writer ends each vector with a line end, gensim's does not: either is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from adapters.gensim.files.text_vectors import HEADER
from adapters.gensim.vectors import Gathering
from registry.errors import BadArtifactError

BLOCK = 8 * 1024 * 1024
LONGEST_WORD = 4096
"""Bytes of a word at most; Google's longest phrases have about 100."""


def looks_binary(start: bytes) -> bool:
    """True when a file that begins with `start` has word2vec's header."""
    return HEADER.match(start) is not None


def read_binary_vectors(path: Path, rows: IO[bytes]) -> Gathering:
    """All words of `path`; their vectors are written to `rows`.

    Raises: BadArtifactError with the number of the word at which the file ends, holds no number or repeats itself.
    """
    with path.open("rb") as file:
        header = HEADER.fullmatch(file.readline(64))
        if header is None or not int(header[2]):
            raise BadArtifactError(f"{path.name!r} does not begin with a count of words and of numbers")
        announced, dim = int(header[1]), int(header[2])
        gathering = Gathering(path.name, rows, dim, lambda row: f"word {row + 1:,} of {announced:,}")
        rest = b""
        while len(gathering) < announced:
            block = file.read(max(BLOCK, 8 * dim))
            if not block:
                raise gathering.wrong(len(gathering), "the file ends here: it is cut short")
            rest = _take(gathering, rest + block, announced)
        if rest.strip(b"\n\0") or file.read(1):
            raise BadArtifactError(
                f"{path.name!r} goes on after the {announced:,} words that its header announces",
                remedy="Get the file again",
            )
    return gathering


def _take(gathering: Gathering, block: bytes, announced: int) -> bytes:
    """Give the whole records of `block` to `gathering`; what is left belongs to the next."""
    width, at, first = 4 * gathering.dim, 0, len(gathering)
    words: list[str] = []
    rows: list[bytes] = []
    while (row := first + len(words)) < announced:
        blank = block.find(b" ", at, at + LONGEST_WORD)
        if blank < 0 and len(block) - at >= LONGEST_WORD:
            raise gathering.wrong(row, f"no blank ends the word in {LONGEST_WORD:,} bytes")
        end = blank + 1 + width
        if blank < 0 or end > len(block):
            break
        word = block[at:blank].lstrip(b"\n")
        try:
            words.append(word.decode("utf-8"))
        except UnicodeDecodeError:
            raise gathering.wrong(row, f"the word {word[:40]!r} is not UTF-8") from None
        rows.append(block[blank + 1 : end])
        at = end
    if words:
        gathering.add(words, np.frombuffer(b"".join(rows), dtype="<f4").reshape(len(words), gathering.dim))
    return block[at:]
