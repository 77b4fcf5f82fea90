"""Importers of static embeddings: text and binary vectors, an array with its index, subwords, and our own folders."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from adapters.gensim.files.array_vectors import find_pair, read_array_vectors
from adapters.gensim.files.binary_vectors import looks_binary, read_binary_vectors
from adapters.gensim.files.folders import architecture_of, copy_folder, find_subwords, write_subwords
from adapters.gensim.files.text_vectors import looks_like_vectors, read_text_vectors
from adapters.gensim.vectors import ARCHITECTURE, CLASSIFIER, Gathering
from adapters.weights.source_files import Kind, files_in, front_matter, kind_of, only_file, read_text
from registry.domain.catalog.models import Modality
from registry.errors import BadArtifactError, InvalidError
from registry.ports.importing import ConvertedSource, SourceFacts

TASKS = {ARCHITECTURE: "feature-extraction", CLASSIFIER: "text-classification"}
CARD = "README.md"
START = 65_536
"""Bytes that are read to recognise vectors: enough for a first line of a few thousand numbers."""


class TextVectorsImporter:
    """A word and its numbers on each line: GloVe's files, and word2vec's text format with its header."""

    name = "embeddings-text"

    def detect(self, source: Path) -> SourceFacts | None:
        """One file whose first lines are words and numbers, perhaps after word2vec's header.

        It need not be text throughout: a word that is not UTF-8 is an error of its line, not another format.
        """
        file = only_file(source)
        if file is None or kind_of(file) not in {Kind.TEXT, Kind.OTHER} or not looks_like_vectors(_start(file)):
            return None
        return _facts(self.name)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Parse by the block. Raises: BadArtifactError with the line that is wrong, InvalidError."""
        file = _one(source)
        return _gathered(self.name, target, architecture, lambda rows: read_text_vectors(file, rows))


class BinaryVectorsImporter:
    """word2vec's binary format."""

    name = "embeddings-binary"

    def detect(self, source: Path) -> SourceFacts | None:
        """One file with word2vec's header and no line of numbers after it."""
        file = only_file(source)
        if file is None or kind_of(file) is not Kind.OTHER:
            return None
        start = _start(file)
        if not looks_binary(start) or looks_like_vectors(start):
            return None
        return _facts(self.name)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Cut by the block. Raises: BadArtifactError with the word that is wrong, InvalidError."""
        file = _one(source)
        return _gathered(self.name, target, architecture, lambda rows: read_binary_vectors(file, rows))


class ArrayVectorsImporter:
    """A folder with one `.npy` of vectors and one Parquet index of their words."""

    name = "embeddings-array"

    def detect(self, source: Path) -> SourceFacts | None:
        """One array and one index, by their first bytes."""
        if not source.is_dir() or find_pair(list(files_in(source).values())) is None:
            return None
        return _facts(self.name)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Copy the rows as they are. Raises: BadArtifactError, InvalidError, MissingExtraError."""
        pair = find_pair(list(files_in(source).values()))
        if pair is None:
            raise BadArtifactError(f"{source.name!r} does not hold one .npy and one Parquet index")
        return _gathered(self.name, target, architecture, lambda rows: read_array_vectors(*pair, rows))


class FolderImporter:
    """A folder of ours, as `model pull` writes it; or vectors of subwords beside their tokenizer."""

    name = "embeddings-folder"

    def detect(self, source: Path) -> SourceFacts | None:
        """A config of ours; or one safetensors file with one matrix, and one tokenizer."""
        if not source.is_dir():
            return None
        named = architecture_of(source)
        if named is None and find_subwords(files_in(source)) is None:
            return None
        return _facts(self.name, named or ARCHITECTURE)

    def convert(self, source: Path, target: Path, *, architecture: str | None) -> ConvertedSource:
        """Copy byte for byte. Raises: BadArtifactError where vectors and words do not fit, InvalidError."""
        named = architecture_of(source)
        _refuse_other(architecture, named or ARCHITECTURE)
        subwords = find_subwords(files_in(source)) if named is None else None
        header = copy_folder(source, target) if subwords is None else write_subwords(*subwords, target)
        card = read_text(source / CARD) if (source / CARD).is_file() else None
        facts = _facts(self.name, named or ARCHITECTURE, card)
        return ConvertedSource(target, facts, len(header.entries), header.parameters)


def _gathered(
    format: str, target: Path, architecture: str | None, read: Callable[[IO[bytes]], Gathering]
) -> ConvertedSource:
    """Read the words, keep the vectors in a temporary file, and write both."""
    _refuse_other(architecture, ARCHITECTURE)
    with tempfile.TemporaryFile(dir=target) as rows:
        header = read(rows).write(target)
    return ConvertedSource(target, _facts(format), len(header.entries), header.parameters)


def _facts(format: str, architecture: str = ARCHITECTURE, card: str | None = None) -> SourceFacts:
    licence = front_matter(card or "").get("license")
    licence = licence if isinstance(licence, str) else None
    return SourceFacts(format, architecture, Modality.TEXT, TASKS[architecture], licence, card)


def _refuse_other(wanted: str | None, found: str) -> None:
    if wanted not in {None, found}:
        raise InvalidError(
            f"The source is of the architecture {found!r}, not {wanted!r}",
            remedy="Leave --architecture out: the importer finds it",
        )


def _one(source: Path) -> Path:
    file = only_file(source)
    if file is None:
        raise BadArtifactError(f"{source.name!r} is not one file of vectors")
    return file


def _start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(START)
