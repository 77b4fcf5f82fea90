"""Words and their vectors, read from a foreign file and written in the registry's form.

That form is a folder with `model.safetensors` (one tensor, `embedding.weight`, V x D), `vocabulary.txt` (UTF-8, one
word a line, in the order of the rows) and `config.json`. Words are held in memory; rows go to the disk as they come, so
that memory does not grow with the vectors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from adapters.gensim.definitions.static_embeddings import VECTORS
from adapters.weights.safetensors_files import CHUNK, Header, Piece, write_pieces
from registry.errors import BadArtifactError

ARCHITECTURE, CLASSIFIER = "static_embeddings", "static_classifier"
"""Vectors without a head, and with one."""
WEIGHTS, VOCABULARY, CONFIG, TOKENIZER = "model.safetensors", "vocabulary.txt", "config.json", "tokenizer.json"
DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64"}
"""Types of vectors that are stored unchanged, and their names in safetensors."""


class Gathering:
    """Words and rows as they are read, checked one by one: no word twice, no number that is not finite."""

    def __init__(
        self, name: str, rows: IO[bytes], dim: int, place: Callable[[int], str], dtype: str = "float32"
    ) -> None:
        """`name` is the source's, and `place` gives a row's place in it (`line 12`): both are for messages.

        `rows` is an empty file that takes the vectors. Raises: BadArtifactError for a type that cannot be stored.
        """
        if dtype not in DTYPES:
            raise BadArtifactError(
                f"The vectors of {name!r} are of type {dtype}", remedy=f"Store them as {' or '.join(DTYPES)}"
            )
        self.name, self.dim, self.dtype = name, dim, np.dtype(dtype).newbyteorder("<")
        self._file, self._place = rows, place
        self._rows: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, words: Sequence[str], rows: NDArray[Any]) -> None:
        """Take `rows` (N x D) of `words` (N). Raises: BadArtifactError saying where something is wrong."""
        first = len(self)
        for row, word in enumerate(words, start=first):
            if word in self._rows:
                raise self.wrong(row, f"the word {word!r} was already on {self._place(self._rows[word])}")
            if not word or "\n" in word:
                raise self.wrong(row, f"the word {word!r} spans two lines" if word else "there is no word")
            self._rows[word] = row
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            number = int(np.argmin(finite))
            value = rows[number][~np.isfinite(rows[number])][0]
            raise self.wrong(first + number, f"the vector of {words[number]!r} holds {value}, which is no number")
        self._file.write(np.ascontiguousarray(rows, dtype=self.dtype).data)

    def wrong(self, row: int, what: str) -> BadArtifactError:
        """The error for something that is wrong with one row."""
        return BadArtifactError(
            f"{self.name!r}, {self._place(row)}: {what}", remedy="Get the file again, or correct that line"
        )

    def write(self, target: Path, **extra: object) -> Header:
        """Write the accepted form, every byte of the vectors compared; `extra` goes into the config as well.

        Raises: BadArtifactError when nothing was read, IntegrityError.
        """
        if not self._rows:
            raise BadArtifactError(f"{self.name!r} holds no vectors", remedy="Get the file again")
        piece = Piece(VECTORS, DTYPES[self.dtype.name], (len(self), self.dim), self._chunks)
        header = write_pieces(target / WEIGHTS, [piece])
        write_documents(target, list(self._rows), self.dim, self.dtype.name, **extra)
        return header

    def _chunks(self) -> Iterator[memoryview]:
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield memoryview(chunk)


def piece_of(name: str, array: NDArray[Any]) -> Piece:
    """An array in memory as one tensor of a safetensors file."""
    whole = np.ascontiguousarray(array)

    def chunks() -> Iterator[memoryview]:
        yield memoryview(whole.reshape(-1).view(np.uint8).data)

    return Piece(name, DTYPES[array.dtype.name], tuple(array.shape), chunks)


def save_vectors(target: Path, words: Sequence[str], vectors: NDArray[np.float32], *, lower_case: bool) -> None:
    """Write the accepted form of vectors that are in memory, deterministic to the byte."""
    write_pieces(target / WEIGHTS, [piece_of(VECTORS, vectors)])
    write_documents(target, words, vectors.shape[1], vectors.dtype.name, lower_case=lower_case)


def write_documents(target: Path, words: Sequence[str], dim: int, dtype: str, **extra: object) -> None:
    """Write the words and the config of vectors: texts are put in lower case when no word has a capital."""
    (target / VOCABULARY).write_bytes(("\n".join(words) + "\n").encode("utf-8"))
    config = {
        "architectures": [ARCHITECTURE],
        "model_type": ARCHITECTURE,
        "words": len(words),
        "dim": dim,
        "dtype": dtype,
        "lower_case": all(word == word.lower() for word in words),
    } | extra
    (target / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
