"""Vectors as text: a word and its numbers a line, with word2vec's header line or, as GloVe has it, without.

Read in blocks: each line's word is cut off, and the numbers of all lines of a block are parsed together. Only a block
in which something does not fit is read again line by line, to name the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from numpy.typing import NDArray

from adapters.gensim.files.decimals import parse_decimal, parse_decimals
from adapters.gensim.vectors import Gathering
from registry.errors import BadArtifactError

BLOCK = 1024 * 1024
"""Bytes that are parsed at once: what is made of them stays in the cache of the processor."""
LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of the longest line that is read: about 300,000 numbers."""
HEADER = re.compile(rb"\s*(\d{1,18})[ \t]+(\d{1,9})\s*\n")
"""word2vec's first line: how many words, and how many numbers each."""
_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def looks_like_vectors(start: bytes) -> bool:
    """True when text that begins with `start` has word2vec's header, or a word and three numbers or more."""
    if HEADER.match(start):
        return True
    line = start.partition(b"\n")[0]
    numbers = line.rstrip().split(b" ")[1:]
    if len(start) > len(line) + 1:  # the first line is whole
        return len(numbers) >= 3 and all(_NUMBER.fullmatch(number) for number in numbers[-3:])
    return len(numbers) >= 3 and all(_NUMBER.fullmatch(number) for number in numbers[-4:-1])


def read_text_vectors(path: Path, rows: IO[bytes]) -> Gathering:
    """All words of `path`; their vectors wait in `rows`.

    Raises: BadArtifactError with the line that is torn, holds something else than numbers, or brings a word again; or
    when the header announces another count.
    """
    with path.open("rb") as file:
        first = file.readline(LONGEST_LINE)
        header = HEADER.fullmatch(first)
        dim, line = (int(header[2]), 2) if header else (len(first.rstrip().split(b" ")) - 1, 1)
        if dim < 1:
            raise BadArtifactError(f"{path.name}, line 1: there is no number", remedy="Give a word and numbers a line")
        if not header:
            file.seek(0)
        gathering = Gathering(path.name, rows, dim, lambda row: f"line {row + line:,}")
        for lines in _blocks(file, path):
            _take(gathering, lines)
    if header and int(header[1]) != len(gathering):
        raise BadArtifactError(
            f"{path.name}, line 1: the header announces {int(header[1]):,} words, and {len(gathering):,} follow",
            remedy="Get the file again",
        )
    return gathering


def _blocks(file: BinaryIO, path: Path) -> Iterator[list[bytes]]:
    """The lines of `file` by the block, without their ends."""
    rest = b""
    while block := file.read(BLOCK):
        whole, end, rest = (rest + block).rpartition(b"\n")
        if len(rest) > LONGEST_LINE:
            raise BadArtifactError(f"{path.name} has a line of more than {LONGEST_LINE:,} bytes")
        if end:
            yield whole.split(b"\n")
    if rest:
        yield [rest]


def _take(gathering: Gathering, lines: list[bytes]) -> None:
    """Give the words and numbers of `lines` to `gathering`."""
    lines = [line.rstrip(b" \t\r") for line in lines]
    cut = [line.partition(b" ") for line in lines]
    try:
        if any(line.count(b" ") != gathering.dim for line in lines):
            raise ValueError("a line is torn, or its word holds blanks")
        words = b"\n".join([word for word, _, _ in cut]).decode("utf-8").split("\n")
        rows = parse_decimals(b" ".join([numbers for _, _, numbers in cut])).reshape(len(lines), gathering.dim)
    except ValueError:
        words, rows = _line_by_line(gathering, lines)
    gathering.add(words, rows)


def _line_by_line(gathering: Gathering, lines: list[bytes]) -> tuple[list[str], NDArray[np.float32]]:
    """As above, slowly: for words that hold blanks, and to say which line is wrong. Raises: BadArtifactError."""
    words: list[str] = []
    numbers: list[bytes] = []
    for row, line in enumerate(lines, start=len(gathering)):
        word, *found = line.rsplit(b" ", gathering.dim)
        while found and b"." in (last := word.rpartition(b" ")[2]) and _NUMBER.fullmatch(last):
            word, found = word.rpartition(b" ")[0], [last, *found]  # no blank in a word, but a number too many
        if len(found) != gathering.dim:
            raise gathering.wrong(row, f"{len(found)} numbers instead of {gathering.dim}: the line is torn")
        try:
            words.append(word.decode("utf-8"))
        except UnicodeDecodeError:
            raise gathering.wrong(row, f"the word {word[:40]!r} is not UTF-8") from None
        numbers += found
    try:
        return words, parse_decimals(b" ".join(numbers)).reshape(len(lines), gathering.dim)
    except ValueError:
        at = next(at for at, number in enumerate(numbers) if not _parses(number))
    number, place = divmod(at, gathering.dim)
    said = numbers[at].decode(errors="replace")[:40]
    raise gathering.wrong(len(gathering) + number, f"number {place + 1} of {words[number]!r} is {said!r}")


def _parses(number: bytes) -> bool:
    try:
        parse_decimal(number)
    except ValueError:
        return False
    return True
