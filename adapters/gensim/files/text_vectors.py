"""Vectors as text: a word and its numbers on each line, with word2vec's header line or, as GloVe has it, without.

Read in blocks: each line's word is cut off, and the numbers of all lines of a block are parsed together. Only a block
in which something does not fit is read again line by line, to name the line. Blanks separate a word and its numbers,
or tabs in files whose lines have them there. A byte order mark and empty lines at the end are skipped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from numpy.typing import NDArray

from adapters.gensim.files.decimals import parse_decimal, parse_decimals
from adapters.gensim.vectors import Gathering
from registry.errors import BadArtifactError

BLOCK = 1024 * 1024
"""Bytes that are parsed at once: the arrays made of them fit into the processor's cache."""
SAMPLE = 1000
"""Lines at most by which the layout of a file is found."""
BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of the longest line that is read: about 300,000 numbers."""
HEADER = re.compile(rb"\s*(\d{1,18})[ \t]+(\d{1,9})\s*\n")
"""word2vec's first line: how many words, and how many numbers each."""
_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def looks_like_vectors(start: bytes) -> bool:
    """True when a file that begins with `start` has lines of a word and numbers, perhaps after word2vec's header."""
    start = start.removeprefix(BOM)
    if header := HEADER.match(start):
        after = start[header.end() :]
        return not after or _layout(after, 1) is not None
    if b"\n" not in start:  # a line so long that its last number may be cut
        start = start.rpartition(b" ")[0]
    return _layout(start, 3) is not None


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the lines of a file are made: the count of numbers after each word, and whether tabs separate them."""

    dim: int
    tabs: bool


def _layout(sample: bytes, least: int) -> _Layout | None:
    """The layout that most lines of `sample` have; None when they do not end with `least` numbers or more.

    One line alone can mislead: GloVe's words may hold blanks, and may be numbers themselves. The first line must end
    with numbers too, so prose with numbers further down is not taken for vectors.
    """
    whole, end, rest = sample.rpartition(b"\n")
    lines = whole.split(b"\n") if end else [rest]  # the last line may be cut
    counts: Counter[_Layout] = Counter()
    for line in lines[:SAMPLE]:
        text = line.rstrip(b" \t\r")
        if not text and counts:
            continue
        parts, numbers = re.split(rb"[ \t]", text), 0
        while numbers < len(parts) - 1 and _NUMBER.fullmatch(parts[-1 - numbers]):
            numbers += 1
        if numbers < least and not counts:
            return None
        counts[_Layout(numbers, tabs=text.count(b" ") < numbers)] += 1
    usual = max(counts, key=lambda layout: (counts[layout], -layout.dim))
    return usual if usual.dim >= least else None


def read_text_vectors(path: Path, rows: IO[bytes]) -> Gathering:
    """All words of `path`; their vectors are written to `rows`.

    Raises: BadArtifactError with the line that is torn, holds something else than numbers, or brings a word again; or
    when the header announces another count.
    """
    with path.open("rb") as file:
        begin = len(BOM) if file.read(len(BOM)) == BOM else 0
        file.seek(begin)
        first = file.readline(LONGEST_LINE)
        header = HEADER.fullmatch(first)
        line = 2 if header else 1
        if not header:
            file.seek(begin)
        at = file.tell()
        layout = _layout(file.readline(LONGEST_LINE) + file.read(BLOCK), 1)
        file.seek(at)
        if layout is None or (header and not int(header[2])):
            raise BadArtifactError(
                f"{path.name!r}, line {line}: there is no number", remedy="Write a word and its numbers on each line"
            )
        dim = int(header[2]) if header else layout.dim
        gathering = Gathering(path.name, rows, dim, lambda row: f"line {row + line:,}")
        for lines in _without_empty_end(_blocks(file, path)):
            _take(gathering, [text.replace(b"\t", b" ") for text in lines] if layout.tabs else lines)
    if header and int(header[1]) != len(gathering):
        raise BadArtifactError(
            f"{path.name!r}, line 1: the header announces {int(header[1]):,} words, and {len(gathering):,} follow",
            remedy="Get the file again",
        )
    return gathering


def _blocks(file: BinaryIO, path: Path) -> Iterator[list[bytes]]:
    """The lines of `file` by the block, without their ends."""
    rest = b""
    while block := file.read(BLOCK):
        whole, end, rest = (rest + block).rpartition(b"\n")
        if len(rest) > LONGEST_LINE:
            raise BadArtifactError(f"{path.name!r} has a line of more than {LONGEST_LINE:,} bytes")
        if end:
            yield whole.split(b"\n")
    if rest:
        yield [rest]


def _without_empty_end(blocks: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    """The lines of `blocks` but for empty ones at the end of the file."""
    held: list[bytes] = []
    for block in blocks:
        lines = [*held, *block]
        count = len(lines)
        while count and not lines[count - 1].rstrip(b"\r"):
            count -= 1
        lines, held = lines[:count], lines[count:]
        if lines:
            yield lines


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
    """Line by line, slowly: for words that hold blanks, and to name the line. Raises: BadArtifactError."""
    words: list[str] = []
    numbers: list[bytes] = []
    for row, line in enumerate(lines, start=len(gathering)):
        word, *found = line.rsplit(b" ", gathering.dim)
        while found and b" " in word and b"." in (last := word.rpartition(b" ")[2]) and _NUMBER.fullmatch(last):
            word, found = word.rpartition(b" ")[0], [last, *found]  # not a word with a blank, but a number too many
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
    text = numbers[at].decode(errors="replace")[:40]
    raise gathering.wrong(len(gathering) + number, f"number {place + 1} of {words[number]!r} is {text!r}")


def _parses(number: bytes) -> bool:
    try:
        parse_decimal(number)
    except ValueError:
        return False
    return True
