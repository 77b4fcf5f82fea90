"""A `.keras` archive, looked at before Keras is: a zip of config.json, metadata.json and model.weights.h5.

Members are read in place and never unpacked, so no name in the archive becomes a path, and what would take more space
than it says is refused. The weights are HDF5 and looked at in `foreign.hdf5`, which imports h5py when it is asked.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.weights.foreign.hdf5 import check_weights
from adapters.weights.safetensors_files import unique_keys
from adapters.weights.source_files import Kind, files_in, kind_of
from registry.errors import BadArtifactError, UnsafeArtifactError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEMBERS = frozenset({CONFIG, METADATA, WEIGHTS})
BESIDE = frozenset({"README.md", "LICENSE", "preprocessor_config.json", "labels.txt"})
"""What may lie beside the archive in a folder."""
MAX_CONFIG = 16 * 1024 * 1024
"""Bytes of config.json that are read at most: the largest of keras.applications has about 1 MB."""
MOST_SHRUNK = 20
"""Keras stores its members as they are; weights that were compressed afterwards shrink a little, bombs by thousands."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive found sound: its model's config and the version of Keras that wrote it."""

    path: Path
    config: dict[str, Any]
    keras_version: str


def archive_in(source: Path) -> Path | None:
    """The archive that `source` is, or that lies alone in a folder beside `BESIDE`; None when there is none."""
    if source.is_file():
        return source if _is_archive(source) else None
    if not source.is_dir():
        return None
    rest = [path for name, path in files_in(source).items() if name not in BESIDE]
    return rest[0] if len(rest) == 1 and _is_archive(rest[0]) else None


def read_archive(path: Path) -> Archive:
    """Read the two JSON members of `path` and look at the third. Raises: BadArtifactError, UnsafeArtifactError."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive.infolist())
            config, metadata = (_json(archive, name) for name in (CONFIG, METADATA))
            with archive.open(WEIGHTS) as weights:
                check_weights(weights, archive.getinfo(WEIGHTS).file_size)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise BadArtifactError(
            f"{path.name} is a damaged Keras archive: {error}", remedy="Get the file again"
        ) from None
    config.pop("compile_config", None)  # losses and optimisers are not part of what is imported
    return Archive(path, config, str(metadata.get("keras_version", "unknown"))[:40])


def _is_archive(path: Path) -> bool:
    if kind_of(path) is not Kind.ZIP:
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return {CONFIG, METADATA} <= set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if WEIGHTS not in names:
        raise BadArtifactError(f"{path.name} has no {WEIGHTS}", remedy="Save the model with model.save('x.keras')")
    strange = sorted(set(names) - MEMBERS)
    if strange:
        raise UnsafeArtifactError(
            f"{path.name} holds {strange[0][:200]!r}, which a model of layers and weights does not need",
            remedy="Use a model without vocabularies and other assets, saved with model.save('x.keras')",
            facts={"members": strange[:50]},
        )
    if len(names) != len(set(names)):
        raise BadArtifactError(f"{path.name} holds the same member twice")
    for member in members:
        if member.flag_bits & 0x1:
            raise BadArtifactError(
                f"{member.filename} in {path.name} is encrypted", remedy="Save it without a password"
            )
        if member.file_size > MOST_SHRUNK * (member.compress_size + 4096):
            raise BadArtifactError(
                f"{member.filename} in {path.name} unpacks from {member.compress_size:,} to {member.file_size:,} bytes"
            )
        if member.filename != WEIGHTS and member.file_size > MAX_CONFIG:
            raise BadArtifactError(f"{member.filename} in {path.name} is larger than {MAX_CONFIG:,} bytes")


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        found = json.loads(archive.read(name).decode("utf-8"), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise BadArtifactError(f"{name} of the archive is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadArtifactError(f"{name} of the archive is not a JSON object")
    return found
