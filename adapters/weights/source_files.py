"""Recognises the files of a foreign source by their content, never by their names."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from adapters.weights.safetensors_files import unique_keys
from registry.domain.catalog.pickles import is_pickle, looks_like_safetensors
from registry.errors import BadArtifactError

MAX_TEXT = 64 * 1024 * 1024
"""Bytes of a JSON or text file that are read at most; the largest tokenizers are about 35 MB."""


class Kind(Enum):
    """What a file is."""

    SAFETENSORS = "safetensors"
    PICKLE = "pickle"
    """A plain pickle, or torch's older format, which is several pickles in a row."""
    ZIP = "zip"
    """A zip archive; torch's newer format is a zip archive with a pickle inside."""
    JSON = "json"
    TEXT = "text"
    OTHER = "other"


def kind_of(path: Path) -> Kind:
    """By content alone. Text is UTF-8 without control characters; JSON is recognised by its first character."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if is_pickle(file, size):
            return Kind.PICKLE
        file.seek(0)
        start = file.read(4096)
    if start[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return Kind.ZIP
    if looks_like_safetensors(start, size):
        return Kind.SAFETENSORS
    try:  # the sample may end within a character
        text = codecs.getincrementaldecoder("utf-8")().decode(start, final=size <= len(start))
    except UnicodeDecodeError:
        return Kind.OTHER
    if re.search(r"[\x00-\x08\x0e-\x1f]", text):
        return Kind.OTHER
    return Kind.JSON if text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["} else Kind.TEXT


def files_in(folder: Path) -> dict[str, Path]:
    """Every regular file under `folder` by its relative POSIX path, in order; hidden files and folders left out."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = ((path.relative_to(folder).as_posix(), path) for path in found)
    return {name: path for name, path in named if not any(part.startswith(".") for part in name.split("/"))}


def only_file(source: Path, besides: Collection[str] = ()) -> Path | None:
    """`source` itself when it is a file, or the one file of a folder beside its README and `besides`; else None."""
    if source.is_file():
        return source
    if not source.is_dir():
        return None
    known = {"readme.md", "license", *besides}
    rest = [path for name, path in files_in(source).items() if name.lower() not in known]
    return rest[0] if len(rest) == 1 else None


def read_json(path: Path, *, constants: list[float] | None = None) -> Any:
    """Strict: UTF-8 without a byte order mark, no key twice, no NaN. Raises: BadArtifactError naming the file.

    With `constants`, a list, the words Infinity, -Infinity and NaN are read as numbers and added to it: transformers
    wrote them into its configs until 2025, and still reads them.
    """

    def constant(name: str) -> float:
        if constants is None:
            raise ValueError(f"{name} is not a number of JSON")
        constants.append(float(name))
        return constants[-1]

    text = read_text(path)
    if text.startswith("\ufeff"):
        raise BadArtifactError(f"{path.name!r} begins with a byte order mark", remedy="Save it as UTF-8 without one")
    try:
        return json.loads(text, object_pairs_hook=unique_keys, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise BadArtifactError(f"{path.name!r} is not valid JSON: {error}") from error


def read_text(path: Path) -> str:
    """The whole text. Raises: BadArtifactError when it is too large or not UTF-8."""
    if path.stat().st_size > MAX_TEXT:
        raise BadArtifactError(f"{path.name!r} is larger than {MAX_TEXT:,} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadArtifactError(f"{path.name!r} is not UTF-8 text") from error


def front_matter(card: str) -> dict[str, Any]:
    """The YAML between the dashes at the head of a model card; empty when there is none or it cannot be read."""
    match = re.match(r"\ufeff?---\s*\n(.{0,65536}?)\n---\s*(?:\n|$)", card, re.DOTALL)
    if match is None:
        return {}
    try:
        found = yaml.load(match[1], yaml.BaseLoader)  # noqa: S506 - makes nothing but texts, and merges nothing
    except (yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
