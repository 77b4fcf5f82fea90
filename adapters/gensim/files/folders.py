"""Vectors in safetensors: folders that `model pull` wrote, and vectors of subwords beside a tokenizer's JSON."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.gensim.definitions.static_embeddings import VECTORS, StaticEmbeddings
from adapters.gensim.vectors import (
    ARCHITECTURE,
    CLASSIFIER,
    CONFIG,
    DTYPES,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    write_documents,
)
from adapters.weights.safetensors_files import Header, copy_file, read_header
from adapters.weights.source_files import Kind, kind_of, read_json
from registry.errors import BadArtifactError


def architecture_of(folder: Path) -> str | None:
    """Which architecture of ours the config of `folder` names; None when it names none."""
    config = folder / CONFIG
    if not config.is_file() or kind_of(config) is not Kind.JSON:
        return None
    document = read_json(config, constants=[])
    named = document.get("architectures") if isinstance(document, dict) else None
    return next((ours for ours in (ARCHITECTURE, CLASSIFIER) if named == [ours]), None)


def open_folder(folder: Path) -> StaticEmbeddings:
    """The vectors of a source. Raises: BadArtifactError when they cannot be read."""
    try:
        return StaticEmbeddings(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadArtifactError(
            f"The source cannot be read as word vectors: {error}", remedy="Import it again, or choose another source"
        ) from error


def copy_folder(source: Path, target: Path) -> Header:
    """Copy vectors, words and config byte for byte; anything else stays behind.

    Raises: BadArtifactError when a file is missing, a word comes twice, or words and vectors do not fit.
    """
    for name in (WEIGHTS, VOCABULARY):
        if not (source / name).is_file():
            raise BadArtifactError(f"The folder has no {name}", remedy="Pull the model again")
    header = read_header(source / WEIGHTS)
    words = (source / VOCABULARY).read_bytes().removesuffix(b"\n").split(b"\n")
    _check(header, len(words), VOCABULARY)
    if len(set(words)) != len(words):
        raise BadArtifactError(f"{VOCABULARY} holds a word twice", remedy="Pull the model again")
    for name in (WEIGHTS, VOCABULARY, CONFIG, TOKENIZER):
        if (source / name).is_file():
            copy_file(source / name, target / name)
    return header


def find_subwords(files: Mapping[str, Path]) -> tuple[Path, Path] | None:
    """The vectors and the tokenizer of a folder that holds one of each, found by content; else None."""
    weights = [path for name, path in files.items() if name.endswith(".safetensors")]
    if len(weights) != 1 or kind_of(weights[0]) is not Kind.SAFETENSORS or CONFIG in files:
        return None
    header = read_header(weights[0])
    if len(header.entries) != 1 or len(header.entries[0].shape) != 2:
        return None
    sized = (path for name, path in files.items() if name.endswith(".json") and kind_of(path) is Kind.JSON)
    tokenizers = [path for path in sized if _vocabulary(read_json(path)) is not None]
    return (weights[0], tokenizers[0]) if len(tokenizers) == 1 else None


def write_subwords(weights: Path, tokenizer: Path, target: Path) -> Header:
    """Copy vectors and tokenizer byte for byte, with the tokens in order of their rows.

    Raises: BadArtifactError when the tokens are not numbered through, or are not as many as the vectors.
    """
    numbers = _vocabulary(read_json(tokenizer))
    header = read_header(weights)
    if numbers is None or header.entries[0].name != VECTORS:
        raise BadArtifactError(
            f"{weights.name!r} holds {header.entries[0].name!r}", remedy=f"Name the vectors {VECTORS!r}"
        )
    _check(header, len(numbers), tokenizer.name)
    tokens = sorted(numbers, key=numbers.__getitem__)
    if [numbers[token] for token in tokens] != list(range(len(tokens))) or any("\n" in token for token in tokens):
        raise BadArtifactError(f"The tokens of {tokenizer.name!r} are not numbered 0, 1, 2, …, or one holds a line end")
    copy_file(weights, target / WEIGHTS)
    shutil.copyfile(tokenizer, target / TOKENIZER)
    entry = header.entries[0]
    dtype = next(name for name, kind in DTYPES.items() if kind == entry.dtype)
    write_documents(target, tokens, entry.shape[1], dtype, lower_case=False)
    return header


def _check(header: Header, words: int, where: str) -> None:
    """Raises: BadArtifactError unless the vectors are one matrix of a type that numpy maps, with a row a word."""
    entry = next((e for e in header.entries if e.name == VECTORS), None)
    if entry is None or len(entry.shape) != 2 or entry.dtype not in DTYPES.values():
        kinds = ", ".join(DTYPES.values())
        raise BadArtifactError(f"The weights have no {VECTORS} of words x numbers in {kinds}")
    if entry.shape[0] != words:
        raise BadArtifactError(f"The folder has {entry.shape[0]:,} vectors, and {words:,} words in {where}")


def _vocabulary(document: Any) -> dict[str, int] | None:
    """Tokens with their numbers, of a JSON file of the library tokenizers; None for any other file."""
    model = document.get("model") if isinstance(document, dict) else None
    found = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(found, dict) or not all(type(number) is int for number in found.values()):
        return None
    added = {entry["content"]: entry["id"] for entry in document.get("added_tokens") or () if isinstance(entry, dict)}
    return {str(token): number for token, number in (found | added).items()}
