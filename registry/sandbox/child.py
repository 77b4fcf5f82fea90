"""The converting process: drops privileges and sets limits, then asks each importer whether it knows the source.

Limits are set before any importer is loaded, and before a byte of the source is read.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import cast

from registry.domain.catalog.pickles import is_pickle, looks_like_safetensors
from registry.errors import (
    AdapterError,
    BadArtifactError,
    MissingExtraError,
    NoSpaceError,
    RegistryError,
    UnavailableError,
    UnsafeArtifactError,
)
from registry.ports.importing import ConvertedSource, SourceImporter
from registry.sandbox.archives import is_folder_archive, unpack
from registry.sandbox.confining import die_with_parent, leave_network, set_limits
from registry.sandbox.wire import ANSWER, NO_ROOM, Request, encode_answer, is_full
from registry.services.extras import FOREBEAR, extras_of, install_command, loaded


def main() -> None:
    """Read a request from standard input, convert, and write the answer into the scratch folder given as argument."""
    request = Request.decode(sys.stdin.readline())
    try:
        set_limits(memory=request.memory, seconds=request.seconds, largest_file=request.largest_file)
        notes = leave_network()
        die_with_parent()
        converted = convert(request)
        answer = encode_answer(replace(converted, notes=(*converted.notes, *notes)))
    except RegistryError as error:
        answer = encode_answer(error)
    except Exception as error:  # noqa: BLE001 - the end of the process: every failure becomes an answer
        if not is_full(error):  # what is printed goes to the same disk
            traceback.print_exc()
        answer = encode_answer(_translate(error))
    try:
        (Path(sys.argv[1]) / ANSWER).write_text(answer, encoding="utf-8")
    except OSError as error:
        if is_full(error):
            sys.exit(NO_ROOM)
        raise


def convert(request: Request) -> ConvertedSource:
    """Find the importer that knows the source, and let it write the target.

    Raises: BadArtifactError when none knows it, UnsafeArtifactError, and what the importer raises.
    """
    return replace(_convert(request), libraries=_libraries())


def _convert(request: Request) -> ConvertedSource:
    source, target = Path(request.source), Path(request.target)
    _inspect(source, pickles=request.pickles)
    if is_folder_archive(source):
        inside = unpack(source, Path(tempfile.mkdtemp()) / "unpacked", largest=request.largest_file)
        converted = _convert(replace(request, source=str(inside)))
        return replace(converted, notes=(f"opened the archive {source.name}", *converted.notes))
    absent: list[EntryPoint] = []
    reasons: list[str] = []
    for point in _importers(request.importers, source):
        try:
            importer = cast("SourceImporter", point.load()())
        except ImportError as error:
            absent.append(point)
            reasons.append(f"{point.name} ({error})")
            continue
        if importer.detect(source) is not None:
            return importer.convert(source, target, architecture=request.architecture)
    if absent:
        raise MissingExtraError(
            f"No importer that runs here knows {source.name}, and these do not import: {'; '.join(reasons)}",
            remedy=f"Install what reads this format: {_installing(absent)}",
        )
    raise BadArtifactError(
        f"{source.name} is not a model in a known format",
        remedy="Give one of the formats that docs/models.md describes: "
        + ", ".join(point.name for point in _importers(request.importers, source)),
    )


def _installing(points: list[EntryPoint]) -> str:
    """The commands that install all extras of `points`; what they are made for, where these have none."""
    wanted: dict[str, set[str]] = {}
    for point in points:
        if point.dist is not None:
            wanted.setdefault(point.dist.name, set()).update(extras_of(point))
    commands = [install_command(sorted(extras), name) for name, extras in wanted.items() if extras]
    return " or ".join(commands) or ", ".join(point.name for point in points)


def _importers(names: tuple[str, ...], source: Path) -> list[EntryPoint]:
    """Those to ask, in order of name. Of our own, only one takes a safetensors file: the others are not loaded then."""
    found = [p for p in entry_points(group="forebear.importers") if not names or p.name in names]
    if _is_safetensors(source):
        found = [p for p in found if p.name == "safetensors" or p.dist is None or p.dist.name != FOREBEAR]
    return sorted(found, key=lambda point: point.name)


def _is_safetensors(source: Path) -> bool:
    """Whether it is one file that begins as safetensors do, and is no pickle."""
    if not source.is_file():
        return False
    size = source.stat().st_size
    with source.open("rb") as file:
        pickle = is_pickle(file, size)
        file.seek(0)
        return not pickle and looks_like_safetensors(file.read(16), size)


# --- what is refused unread ------------------------------------------------------------------------------------------


def _inspect(source: Path, *, pickles: bool) -> None:
    """Refuse devices, pipes and links that lead out of the folder, and pickles where they are not allowed.

    Raises: BadArtifactError, UnsafeArtifactError.
    """
    for path in _everything(source):
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            continue
        if not stat.S_ISREG(mode):
            raise BadArtifactError(f"{path.name} is not a regular file", remedy="Leave pipes, sockets and devices out")
        if not pickles and _may_be_pickle(path):
            raise UnsafeArtifactError(
                f"{path.name} is a pickle or an archive, and this server accepts neither",
                remedy="Upload safetensors, or import the file on the machine of the registry, where it is converted",
            )


def _everything(source: Path) -> Iterator[Path]:
    """`source` and all in it. Links are followed to files only, and only inside. Raises: BadArtifactError."""
    if not source.exists():
        raise BadArtifactError(f"There is no {source}")
    yield source
    if not source.is_dir():
        return
    roots = [source]
    if source.parent.name == "snapshots":  # the Hub's own cache: snapshots/<revision>/x links to blobs/<hash>
        roots.append(source.parent.parent / "blobs")
    for folder, folders, files in os.walk(source, followlinks=False):
        for name in (*folders, *files):
            path = Path(folder) / name
            if path.is_symlink() and not (path.is_file() and any(path.resolve().is_relative_to(r) for r in roots)):
                raise BadArtifactError(f"{name} is a link that leads out of the folder", remedy="Copy the file itself")
            yield path


def _may_be_pickle(path: Path) -> bool:
    """By its first bytes: a pickle of protocol 2 or later, a zip archive (torch's format), a tar (its oldest), gzip."""
    with path.open("rb") as file:
        if is_pickle(file, path.stat().st_size):
            return True
        file.seek(0)
        start = file.read(512)
    return start[:2] in {b"PK", b"\x1f\x8b"} or start[257:262] == b"ustar"


def _libraries() -> dict[str, str]:
    """Versions of the libraries that were loaded to convert."""
    formats = ("numpy", "safetensors")  # those in which every converted source is written
    return {name: version(name) for name in formats if name in sys.modules} | loaded()


def _translate(error: Exception) -> RegistryError:
    """A failure of a library as an error of the registry."""
    if is_full(error):
        return NoSpaceError("The disk is full; nothing of the import was kept")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return BadArtifactError("The source grows far beyond its own size when it is converted")
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return UnavailableError("Converting needs more memory than it may use", remedy="Raise FOREBEAR_IMPORT_MEMORY")
    return AdapterError(f"The importer failed: {type(error).__name__}: {error}")
