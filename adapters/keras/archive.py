"""Checks a `.keras` archive before Keras reads it: a zip file of config.json, metadata.json and model.weights.h5.

Members are read in place and never unpacked, so no name in the archive becomes a path; members that expand too much are
refused. `foreign.hdf5` checks the weights (HDF5) and imports h5py only then.
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
OTHER_FILES = frozenset({"README.md", "LICENSE", "preprocessor_config.json", "labels.txt"})
"""Other files that a folder with an archive may have."""
MAX_CONFIG = 16 * 1024 * 1024
"""Largest config.json in bytes; the largest in keras.applications has about 1 MB."""
MAX_EXPANSION = 20
"""Largest expansion factor of a member. Keras does not compress; zip bombs expand by a factor of thousands."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A checked archive: the config of its model, and the version of Keras that wrote it."""

    path: Path
    config: dict[str, Any]
    keras_version: str


def archive_in(source: Path) -> Path | None:
    """The archive: `source` itself, or the only file in a folder besides `OTHER_FILES`; None if there is none."""
    if source.is_file():
        return source if _is_archive(source) else None
    if not source.is_dir():
        return None
    rest = [path for name, path in files_in(source).items() if name not in OTHER_FILES]
    return rest[0] if len(rest) == 1 and _is_archive(rest[0]) else None


def read_archive(path: Path) -> Archive:
    """Read the two JSON members of `path` and check the weights. Raises: BadArtifactError, UnsafeArtifactError."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive.infolist())
            config, metadata = (_json(archive, name) for name in (CONFIG, METADATA))
            with archive.open(WEIGHTS) as weights:
                check_weights(weights, archive.getinfo(WEIGHTS).file_size)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise BadArtifactError(
            f"The Keras archive {path.name} is damaged: {error}", remedy="Download or save the file again"
        ) from None
    config.pop("compile_config", None)  # losses and optimisers are not imported
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
        raise BadArtifactError(
            f"The archive {path.name} has no {WEIGHTS}", remedy="Save the model with model.save('x.keras')"
        )
    strange = sorted(set(names) - MEMBERS)
    if strange:
        raise UnsafeArtifactError(
            f"The archive {path.name} has the unexpected member {strange[0][:200]!r}",
            remedy="Use a model without vocabularies and other assets, saved with model.save('x.keras')",
            facts={"members": strange[:50]},
        )
    if len(names) != len(set(names)):
        raise BadArtifactError(f"The archive {path.name} has the same member twice")
    for member in members:
        if member.flag_bits & 0x1:
            raise BadArtifactError(
                f"The member {member.filename} of {path.name} is encrypted", remedy="Save it without a password"
            )
        if member.file_size > MAX_EXPANSION * (member.compress_size + 4096):
            raise BadArtifactError(
                f"The member {member.filename} of {path.name} unpacks from {member.compress_size:,} "
                f"to {member.file_size:,} bytes"
            )
        if member.filename != WEIGHTS and member.file_size > MAX_CONFIG:
            raise BadArtifactError(f"The member {member.filename} of {path.name} is larger than {MAX_CONFIG:,} bytes")


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        found = json.loads(archive.read(name).decode("utf-8"), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise BadArtifactError(f"The member {name} of the archive is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadArtifactError(f"The member {name} of the archive is not a JSON object")
    return found
